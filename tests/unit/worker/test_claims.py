"""Claims, against a clock that the test turns: one holder at a time, tokens only rise, a stale holder writes nothing."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared_agent.errors import Busy, ClaimLost
from shared_agent.spec.outcome import Outcome
from shared_agent.stores.memory import MemoryState
from shared_agent.worker import claims
from shared_agent.worker.claims import Claims, Held

KEY = "job/map-000000/abc"
OWNERS = ("ada", "bob", "cyd")


def outcome(status: str = "succeeded", worker: str = "") -> Outcome:
    return Outcome(job_id="job", task_id="map-000000", key=KEY, status=status, worker=worker)  # type: ignore[arg-type]


class ClaimsMachine(RuleBasedStateMachine):
    """Three workers do anything at any time; a model of one line each says what must come out."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.store = MemoryState(clock=lambda: self.now)
        self.claims = {owner: Claims(self.store, owner) for owner in OWNERS}
        self.held: dict[str, list[Held]] = {owner: [] for owner in OWNERS}
        self.valid: Held | None = None  # the newest token, while it has neither ended nor been given back
        self.expires_at = 0.0
        self.highest = 0
        self.final: Outcome | None = None

    @rule(seconds=st.sampled_from([0.0, 0.1, 5.0, 9.99, 10.0, 30.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(owner=st.sampled_from(OWNERS), lease_s=st.sampled_from([1.0, 10.0]))
    def acquire(self, owner: str, lease_s: float) -> None:
        blocked = self.valid is not None and self.expires_at > self.now
        try:
            claim = asyncio.run(self.claims[owner].acquire(KEY, lease_s))
        except Busy as busy:
            assert blocked
            assert busy.retry_after_s == pytest.approx(self.expires_at - self.now)
            return
        if self.final is not None:
            assert claim == self.final
            return
        assert not blocked
        assert isinstance(claim, Held)
        assert claim.token > self.highest
        self.highest, self.valid, self.expires_at = claim.token, claim, self.now + lease_s
        self.held[owner].append(claim)

    @precondition(lambda self: any(self.held.values()))
    @rule(data=st.data(), what=st.sampled_from(["renew", "complete", "release"]))
    def a_holder_old_or_new_acts(self, data: st.DataObject, what: str) -> None:
        owner = data.draw(st.sampled_from([owner for owner in OWNERS if self.held[owner]]))
        held = data.draw(st.sampled_from(self.held[owner]))
        current = self.valid is not None and held.token == self.valid.token
        before = asyncio.run(self.store.get(f"task/{KEY}"))
        mine = self.claims[owner]
        try:
            if what == "renew":
                asyncio.run(mine.renew(held, 10.0))
                self.expires_at = self.now + 10.0
            elif what == "complete":
                asyncio.run(mine.complete(held, outcome(worker=f"{owner}-{held.token}")))
                self.final, self.valid = outcome(worker=f"{owner}-{held.token}"), None
            else:
                asyncio.run(mine.release(held))
                self.valid = None if current else self.valid
        except ClaimLost:
            assert not current
        if not current:
            assert asyncio.run(self.store.get(f"task/{KEY}")) == before
        else:
            assert what == "release" or self.final is not None or self.valid is not None

    @invariant()
    def done_is_final_and_the_token_is_the_highest(self) -> None:
        record = asyncio.run(claims.read(self.store, KEY))
        if record is None:
            return
        assert record.token == self.highest
        assert record.outcome == self.final
        assert (record.state == "done") == (self.final is not None)


TestClaims = ClaimsMachine.TestCase


async def test_a_failed_outcome_is_claimed_again_only_when_asked_for() -> None:
    mine = Claims(MemoryState(), "ada")
    held = await mine.acquire(KEY, 10)
    assert isinstance(held, Held)
    await mine.complete(held, outcome("failed"))
    assert await mine.acquire(KEY, 10) == outcome("failed")
    again = await mine.acquire(KEY, 10, retry_failed=True)
    assert isinstance(again, Held)
    assert again.token == held.token + 1
    await mine.complete(again, outcome())
    assert await mine.acquire(KEY, 10, retry_failed=True) == outcome()


@given(numbers=st.lists(st.integers(0, 999_999), unique=True, max_size=20))
def test_outcomes_are_listed_in_task_order_and_only_of_the_prefix(numbers: list[int]) -> None:
    async def scenario() -> list[str]:
        mine = Claims(MemoryState(), "ada")
        for number in numbers:
            held = await mine.acquire(f"job/map-{number:06}/x", 10)
            assert isinstance(held, Held)
            await mine.complete(held, outcome())
        await mine.acquire("job/map-999999/held", 10)
        other = await mine.acquire("job/reduce-1-000000/x", 10)
        assert isinstance(other, Held)
        await mine.complete(other, outcome())
        return [key async for key, _ in claims.outcomes(mine._store, "job/map-")]

    assert asyncio.run(scenario()) == [f"task/job/map-{number:06}/x" for number in sorted(numbers)]
