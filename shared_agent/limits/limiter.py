"""Admission: names and costs in, granted tickets out.

    acquire ── reserve ──► ticket (definitive, store time) ── wait here ──► Admission ── settle
                                     └─ the wait exceeds max_wait_s ──► NotYet(tickets) ── later: acquire(tickets=…)

Waiting is a timer for ``grant_at - now``, both of the store's clock and from the same reply; no clock of this machine is
compared with the store's. The answer takes a moment to arrive, so a caller wakes a little late, never early.

Under several names a call passes one limit after the other, in the order given: it joins the next queue when the former has
granted it. (Reserving everywhere at once would let one slow tenant block the account that all tenants share.) Each limit's
bound holds for its own grant times, which for the last name are the times at which calls start: name the limit that must
not be exceeded, the provider's account, last.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from itertools import count

from shared_agent.errors import AdmissionError
from shared_agent.limits.backends import Backend
from shared_agent.limits.codec import UNUSED, Observe, Redeem, Reply, Reserve, Settle, Shape, Throttle, Vector
from shared_agent.limits.combiner import Combiner
from shared_agent.limits.types import Admission, Cost, NotYet, Ticket
from shared_agent.models.types import Quota
from shared_agent.spec.limit import DIMENSIONS, LimitSpec

REDEEM_GRACE_S = 10.0
"""A ticket brought back later than this after its time is forfeited: its place is given back and a new one reserved."""

_NO_ADMISSION = Admission()


class StoreLimiter:
    """The :class:`~shared_agent.limits.types.Limiter` of this package; opened by ``open_limiter``.

    ``settle_linger_s``: how long a settlement may wait for a call to ride along with. 0 sends it at once, which a
    function that is frozen between invocations needs. A settlement that is lost leaves its reservation standing.
    """

    def __init__(self, specs: Mapping[str, LimitSpec], backend: Backend, *, settle_linger_s: float = 0.05) -> None:
        self.specs: Mapping[str, LimitSpec] = dict(specs)
        self._backend = backend
        self._combiners = {
            name: Combiner(name, Shape.of(spec), backend, linger_s=settle_linger_s) for name, spec in specs.items()
        }
        self._ticket_prefix = os.urandom(6).hex()
        self._ticket_numbers = count()
        self._sleepers: set[asyncio.Future[None]] = set()

    async def acquire(
        self,
        names: Sequence[str],
        cost: Cost,
        *,
        max_wait_s: float | None = None,
        tickets: tuple[Ticket, ...] = (),
    ) -> Admission:
        """Reserve ``cost`` under every named limit and wait until each has granted it, in fair order.

        ``max_wait_s`` bounds the whole wait in seconds: beyond it NotYet carries the tickets, whose places are kept.
        ``tickets`` are redeemed at one store call each; past ``REDEEM_GRACE_S`` after the latest of them they are
        forfeited and reserved anew. A ticket keeps the cost it was reserved with; those of limits not named are ignored.

        Raises AdmissionError at once when a limit can never hold the cost, StoreError when the store is out of
        reach. Whatever ends the call without an admission, except NotYet, gives every reservation back, those of
        ``tickets`` too.
        """
        combiners = [self._combiners[name] for name in dict.fromkeys(names) if name in self._combiners]
        if not combiners:
            return _NO_ADMISSION
        held = {ticket.limit: ticket for ticket in tickets if ticket.limit in names}
        valid_until = max((ticket.grant_at for ticket in tickets), default=0.0) + REDEEM_GRACE_S
        waited_s = 0.0
        try:
            for combiner in combiners:
                patience_s = None if max_wait_s is None else max_wait_s - waited_s
                waited_s += await self._pass(combiner, cost, held, valid_until, patience_s)
        except NotYet:
            raise
        except BaseException:
            await self._give_back(held)
            raise
        return Admission(tickets=tuple(held[combiner.name] for combiner in combiners), waited_s=waited_s)

    async def settle(self, admission: Admission, actual: Cost) -> None:
        """Replace the reservation by what the call took: the difference is refunded or becomes debt."""
        for ticket in admission.tickets:
            combiner = self._combiners.get(ticket.limit)
            if combiner is not None:
                await combiner.post(Settle(ticket.cost.vector, actual.vector, ticket.grant_at))

    async def observe(self, names: Sequence[str], quotas: Sequence[Quota]) -> None:
        """Learn from a provider's rate-limit headers what bears on the dimensions that each limit has.

        A quota below the configured one takes its place, for every worker, and rises again with the header but never
        above what the owner configured (in aimd mode it only lowers the rate). ``remaining`` below this limit's own
        level lowers the level, and never raises it. Headers that say nothing new cost no store call.
        """
        for name in dict.fromkeys(names):
            combiner = self._combiners.get(name)
            if combiner is None:
                continue
            observed = _observed(combiner, quotas)
            if observed is not None:
                await combiner.post(observed)

    async def throttled(self, names: Sequence[str], retry_after_s: float | None) -> None:
        """The provider answered 429: grant nothing for ``retry_after_s`` seconds, and halve the rate in aimd mode.

        Callers of this process that hold a ticket for the time of the hold are placed anew after it, in their order;
        other processes learn of the hold with their next call to the store.
        """
        for name in dict.fromkeys(names):
            combiner = self._combiners.get(name)
            if combiner is not None:
                await combiner.post(Throttle(max(0.0, retry_after_s or 0.0)))

    async def aclose(self) -> None:
        """Cancel waiters, send what is still to be settled, release connections."""
        for sleeper in self._sleepers:
            sleeper.cancel()
        await asyncio.sleep(0)
        for combiner in self._combiners.values():
            await combiner.aclose()
        await self._backend.aclose()

    async def _pass(
        self,
        combiner: Combiner,
        cost: Cost,
        held: dict[str, Ticket],
        valid_until: float,
        patience_s: float | None,
    ) -> float:
        """Get through one limit; returns the seconds waited. ``held`` always tells what an error must give back."""
        waited_s = 0.0
        while True:
            ticket = held.pop(combiner.name, None)
            wanted = cost if ticket is None else ticket.cost
            # A caller who may have to leave with a ticket needs it now; only one who stays can queue unreserved.
            holds_s = _seconds(wanted, combiner.rates) if patience_s is None and ticket is None else 0.0
            reply, grant_at = await combiner.call(_op(wanted, ticket, valid_until), holds_s=holds_s)
            try:
                if grant_at < 0:
                    raise _too_large(combiner.name, wanted, reply, dimension=int(-grant_at) - 1)
                if ticket is None or grant_at != ticket.grant_at:
                    ticket = Ticket(limit=combiner.name, ticket_id=self._ticket_id(), cost=wanted, grant_at=grant_at)
                held[combiner.name] = ticket
                wait_s = grant_at - reply.now
                if wait_s <= 0:
                    return waited_s
                if patience_s is not None and waited_s + wait_s > patience_s:
                    raise NotYet(wait_s, tuple(held.values()))
                await self._sleep(wait_s)
                waited_s += wait_s
            finally:
                combiner.release(holds_s)
            held_back = combiner.hold > grant_at
            if not held_back:
                return waited_s
            valid_until = grant_at + REDEEM_GRACE_S

    async def _sleep(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        sleeper: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, _resolve, sleeper)
        self._sleepers.add(sleeper)
        try:
            await sleeper
        finally:
            timer.cancel()
            self._sleepers.discard(sleeper)

    async def _give_back(self, held: Mapping[str, Ticket]) -> None:
        for ticket in held.values():
            combiner = self._combiners.get(ticket.limit)
            if combiner is not None:
                await combiner.post(Settle(ticket.cost.vector, UNUSED, ticket.grant_at))

    def _ticket_id(self) -> str:
        return f"{self._ticket_prefix}-{next(self._ticket_numbers)}"


def _resolve(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)


def _op(cost: Cost, ticket: Ticket | None, valid_until: float) -> Reserve | Redeem:
    return Reserve(cost.vector) if ticket is None else Redeem(cost.vector, ticket.grant_at, valid_until)


def _seconds(cost: Cost, rates: Vector) -> float:
    return max((amount / rate for amount, rate in zip(cost.vector, rates, strict=True) if rate > 0), default=0.0)


def _too_large(name: str, cost: Cost, reply: Reply, *, dimension: int) -> AdmissionError:
    asked, capacity, rate = cost.vector[dimension], reply.capacities[dimension], reply.rates[dimension]
    return AdmissionError(
        f"limit {name!r}: one request asks {asked:g} {DIMENSIONS[dimension]} but its capacity is {capacity:g} "
        f"(quota {rate * 60:g} a minute)",
        remedy="make the request smaller (chunk tokens, max output tokens), or raise burst_seconds or the quota",
    )


def _observed(combiner: Combiner, quotas: Sequence[Quota]) -> Observe | None:
    shape = combiner.shape
    span_s = 60.0 if shape.strict else shape.burst_s
    rates, remaining = [-1.0, -1.0, -1.0], [-1.0, -1.0, -1.0]
    for quota in quotas:
        dimension = DIMENSIONS.index(quota.dimension) if quota.dimension in DIMENSIONS else -1
        if dimension < 0 or shape.rates[dimension] <= 0:
            continue
        in_force = combiner.rates[dimension]
        if quota.limit is not None and quota.limit > 0:
            said = min(quota.limit / 60, shape.rates[dimension])
            if said != in_force:
                rates[dimension] = said
                in_force = said
        if quota.remaining is not None and quota.remaining < in_force * span_s:
            remaining[dimension] = float(max(0, quota.remaining))
    if max(*rates, *remaining) < 0:
        return None
    return Observe((rates[0], rates[1], rates[2]), (remaining[0], remaining[1], remaining[2]))
