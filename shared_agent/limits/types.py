"""What admission is asked for and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from shared_agent.errors import SharedAgentError
from shared_agent.models.types import Quota
from shared_agent.spec.admission import Cost, Ticket
from shared_agent.spec.limit import LimitSpec

__all__ = ["Admission", "Cost", "Limiter", "NotYet", "Ticket"]


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """Granted capacity, one ticket a limit; to be settled exactly once. ``waited_s`` is the time spent waiting."""

    tickets: tuple[Ticket, ...] = ()
    waited_s: float = 0.0


class NotYet(SharedAgentError):
    """The wait is longer than the caller's ``max_wait_s``. The places are kept: return with ``tickets``."""

    def __init__(self, wait_s: float, tickets: tuple[Ticket, ...]) -> None:
        super().__init__(f"admission in {wait_s:.1f} s", remedy="return with the tickets after the wait")
        self.wait_s = wait_s
        self.tickets = tickets


class Limiter(Protocol):
    """Admission under named limits, shared by every worker that opens the same store.

    Opened by :func:`shared_agent.limits.open_limiter`. Unknown names are not limited.
    """

    specs: Mapping[str, LimitSpec]

    async def acquire(
        self,
        names: Sequence[str],
        cost: Cost,
        *,
        max_wait_s: float | None = None,
        tickets: tuple[Ticket, ...] = (),
    ) -> Admission:
        """Reserve ``cost`` under every named limit and wait until it is granted, in fair order.

        Raises AdmissionError at once when a limit can never hold the cost, and NotYet when the wait exceeds
        ``max_wait_s`` (None waits as long as it takes). Cancelling the wait gives the reservation back.
        """
        ...

    async def settle(self, admission: Admission, actual: Cost) -> None:
        """Replace the reservation by what the call took: the difference is refunded or becomes debt."""
        ...

    async def observe(self, names: Sequence[str], quotas: Sequence[Quota]) -> None:
        """Learn from a provider's rate-limit headers."""
        ...

    async def throttled(self, names: Sequence[str], retry_after_s: float | None) -> None:
        """The provider answered 429: hold every grant for ``retry_after_s``, and halve the rate in aimd mode."""
        ...

    async def aclose(self) -> None:
        """Release connections. Waiters are cancelled."""
        ...
