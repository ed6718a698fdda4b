"""A hard ceiling in USD and tokens, shared by every worker of its scope: reserved before a call, settled after it.

    spent + reserved + estimate <= ceiling        or the call does not start

Reservations are kept by worker, with an expiry that every operation renews. What a dead worker had reserved counts as spent
once it expires: its calls may have been billed, and a ceiling that forgets them would not be one.
"""

from __future__ import annotations

import msgspec

from shared_agent.errors import BudgetExceeded
from shared_agent.spec.settings import Budget
from shared_agent.spec.usage import Usage
from shared_agent.stores.state import KEEP, StateStore, Written

_EXPIRY_S = 600.0


class Amount(msgspec.Struct, frozen=True, omit_defaults=True):
    """USD and tokens together."""

    usd: float = 0.0
    tokens: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.usd + other.usd, self.tokens + other.tokens)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(max(0.0, self.usd - other.usd), max(0, self.tokens - other.tokens))


class Share(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one worker has reserved, until ``expires_at`` (store seconds)."""

    amount: Amount
    expires_at: float


class Ledger(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The state of one budget. Pure: every method returns the next state."""

    spent: Amount = Amount()
    reserved: dict[str, Share] = {}

    def expired(self, now: float) -> Ledger:
        """Count the reservations of workers that have gone silent as spent."""
        gone = [share.amount for share in self.reserved.values() if share.expires_at <= now]
        if not gone:
            return self
        alive = {owner: share for owner, share in self.reserved.items() if share.expires_at > now}
        return Ledger(spent=sum(gone, self.spent), reserved=alive)

    def committed(self) -> Amount:
        """What is spent or may be."""
        return sum((share.amount for share in self.reserved.values()), self.spent)

    def reserve(self, owner: str, amount: Amount, now: float) -> Ledger:
        """Add to what ``owner`` has reserved."""
        held = self.reserved.get(owner, _NOTHING).amount + amount
        return Ledger(spent=self.spent, reserved={**self.reserved, owner: Share(held, now + _EXPIRY_S)})

    def settle(self, owner: str, reserved: Amount, actual: Amount, now: float) -> Ledger:
        """Turn a reservation into what was spent."""
        share = self.reserved.get(owner)
        rest = {key: value for key, value in self.reserved.items() if key != owner}
        if share is not None and (left := share.amount - reserved) != Amount():
            rest[owner] = Share(left, now + _EXPIRY_S)
        return Ledger(spent=self.spent + actual, reserved=rest)


_NOTHING = Share(Amount(), 0.0)
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Ledger)


class BudgetGuard:
    """The budget of one scope, for the worker called ``owner``."""

    def __init__(self, store: StateStore, budget: Budget, *, scope: str, owner: str) -> None:
        self._store = store
        self._budget = budget
        self._key = f"budget/{scope}"
        self._owner = owner

    async def reserve(self, estimate: Usage) -> Amount:
        """Reserve the most that a call may cost. Raises BudgetExceeded, naming the ceiling, when it does not fit."""
        amount = Amount(estimate.usd, estimate.tokens)

        def decide(current: bytes | None, now: float) -> tuple[Written, str]:
            ledger = _read(current).expired(now)
            refusal = self._refusal(ledger.committed() + amount)
            if refusal:
                return KEEP, refusal
            return _encoder.encode(ledger.reserve(self._owner, amount, now)), ""

        refusal = await self._store.update(self._key, decide)
        if refusal:
            raise BudgetExceeded(refusal, remedy="raise budget in the job and resume it; finished work is not repeated")
        return amount

    async def settle(self, reserved: Amount, actual: Usage) -> None:
        """Replace a reservation by what the call cost."""
        spent = Amount(actual.usd, actual.tokens)

        def decide(current: bytes | None, now: float) -> tuple[Written, None]:
            ledger = _read(current).settle(self._owner, reserved, spent, now)
            return _encoder.encode(ledger), None

        await self._store.update(self._key, decide)

    def _refusal(self, wanted: Amount) -> str:
        if self._budget.usd is not None and wanted.usd > self._budget.usd:
            return f"the budget of {self._budget.usd:g} USD is reached"
        if self._budget.tokens is not None and wanted.tokens > self._budget.tokens:
            return f"the budget of {self._budget.tokens} tokens is reached"
        return ""


async def spent(store: StateStore, scope: str) -> Amount:
    """What a scope has spent so far."""
    return _read(await store.get(f"budget/{scope}")).spent


def _read(current: bytes | None) -> Ledger:
    return _decoder.decode(current) if current is not None else Ledger()
