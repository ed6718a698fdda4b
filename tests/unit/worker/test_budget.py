"""The ledger of a budget: whatever workers do, and whoever dies, the ceiling holds."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared_agent.errors import BudgetExceeded
from shared_agent.spec.settings import Budget
from shared_agent.spec.usage import Usage
from shared_agent.stores.memory import MemoryState
from shared_agent.worker import budget
from shared_agent.worker.budget import Amount, BudgetGuard, Ledger

CEILING = 1000
amounts = st.integers(1, 400)


def tokens(count: int) -> Usage:
    return Usage(calls=1, input_tokens=count)


class LedgerMachine(RuleBasedStateMachine):
    """Workers reserve, settle and die. Tokens are whole numbers, so the sums are exact."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.store = MemoryState(clock=lambda: self.now)
        self.names = itertools.count()
        self.guards: dict[str, BudgetGuard] = {}
        self.reserved: dict[str, list[Amount]] = {}
        self.spent = 0
        self.lost = 0
        self.start_worker()

    @rule()
    def start_worker(self) -> None:
        name = f"w{next(self.names)}"
        self.guards[name] = BudgetGuard(self.store, Budget(tokens=CEILING), scope="s", owner=name)
        self.reserved[name] = []

    @rule(data=st.data(), count=amounts)
    def reserve(self, data: st.DataObject, count: int) -> None:
        name = data.draw(st.sampled_from(sorted(self.guards)))
        committed = self.spent + self.lost + sum(a.tokens for held in self.reserved.values() for a in held)
        try:
            amount = asyncio.run(self.guards[name].reserve(tokens(count)))
        except BudgetExceeded:
            assert committed + count > CEILING
        else:
            assert committed + count <= CEILING
            self.reserved[name].append(amount)

    @precondition(lambda self: any(self.reserved.values()))
    @rule(data=st.data(), share=st.integers(0, 100))
    def settle(self, data: st.DataObject, share: int) -> None:
        name = data.draw(st.sampled_from(sorted(name for name, held in self.reserved.items() if held)))
        amount = self.reserved[name].pop()
        actual = amount.tokens * share // 100
        asyncio.run(self.guards[name].settle(amount, tokens(actual)))
        self.spent += actual

    @precondition(lambda self: len(self.guards) > 1)
    @rule(data=st.data())
    def a_worker_dies_and_the_others_go_on(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.guards)))
        del self.guards[name]
        self.lost += sum(amount.tokens for amount in self.reserved.pop(name))
        for alive, held in self.reserved.items():  # each renews its share within the expiry
            if held:
                self.now += 1
                extra = held.pop()
                asyncio.run(self.guards[alive].settle(extra, tokens(0)))
        self.now += 400

    @invariant()
    def never_above_the_ceiling(self) -> None:
        raw = asyncio.run(self.store.get("budget/s"))
        ledger = budget._read(raw)
        assert ledger.committed().tokens <= CEILING
        assert ledger.committed().tokens == (
            self.spent + self.lost + sum(a.tokens for held in self.reserved.values() for a in held)
        )


TestLedger = LedgerMachine.TestCase


def test_what_a_dead_worker_had_reserved_counts_as_spent() -> None:
    ledger = Ledger().reserve("dead", Amount(0.5, 10), now=0.0).reserve("alive", Amount(0.1, 2), now=599.0)
    assert ledger.expired(599.9) == ledger
    later = ledger.expired(600.0)
    assert later.spent == Amount(0.5, 10)
    assert set(later.reserved) == {"alive"}
    assert later.committed() == pytest.approx(ledger.committed()) or later.committed().tokens == 12


@given(st.lists(st.floats(0.0001, 0.5), min_size=1, max_size=40))
def test_settling_everything_leaves_nothing_reserved_but_rounding(costs: list[float]) -> None:
    ledger = Ledger()
    for cost in costs:
        ledger = ledger.reserve("w", Amount(cost, 1), now=0.0)
    for cost in costs:
        ledger = ledger.settle("w", Amount(cost, 1), Amount(cost / 2, 1), now=0.0)
    assert ledger.committed().usd == pytest.approx(sum(costs) / 2)
    assert ledger.spent.tokens == len(costs)


@pytest.mark.parametrize(
    ("ceiling", "text"),
    [(Budget(usd=0.5), "0.5 USD"), (Budget(tokens=7), "7 tokens"), (Budget(usd=1, tokens=7), "7 tok")],
)
async def test_the_refusal_names_the_ceiling_that_was_met(ceiling: Budget, text: str) -> None:
    guard = BudgetGuard(MemoryState(), ceiling, scope="s", owner="w")
    with pytest.raises(BudgetExceeded, match=text) as refused:
        await guard.reserve(Usage(calls=1, input_tokens=8, usd=0.9))
    assert "resume" in refused.value.remedy


async def test_a_reservation_of_exactly_what_is_left_is_granted() -> None:
    guard = BudgetGuard(MemoryState(), Budget(tokens=10), scope="s", owner="w")
    await guard.reserve(tokens(4))
    await guard.reserve(tokens(6))
    with pytest.raises(BudgetExceeded):
        await guard.reserve(tokens(1))
