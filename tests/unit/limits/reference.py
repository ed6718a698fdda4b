"""What the pure limits are judged by: a simulation of the whole history, and the bounds themselves, by brute force."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

from shared_agent.limits.codec import UNUSED, Reserve, Settle, Shape, State, Vector
from shared_agent.limits.machine import transact


@dataclass
class Grant:
    """A ticket: what it reserved, and what it counts for now."""

    at: float
    reserved: Vector
    used: Vector
    settled_at: float | None = None

    @property
    def open(self) -> bool:
        return self.settled_at is None


@dataclass
class History:
    """Drives a limit through transitions at a clock of its own and remembers every ticket."""

    shape: Shape
    now: float = 1.7e9
    state: State = field(default_factory=State)
    grants: list[Grant] = field(default_factory=list)

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def reserve(self, cost: Vector) -> float:
        at = transact(self.shape, self.state, [Reserve(cost)], self.now).answers[0]
        if at >= 0:
            self.grants.append(Grant(at, cost, cost))
        return at

    def settle(self, index: int, share: float) -> None:
        """Settle one of the open tickets that were granted to ``share`` of what it reserved."""
        ready = [grant for grant in self.grants if grant.open and grant.at <= self.now]
        if ready:
            grant = ready[index % len(ready)]
            actual = (grant.reserved[0], grant.reserved[1] * share, grant.reserved[2] * share)
            self._settle(grant, actual)

    def cancel(self, index: int) -> None:
        """Give up one of the tickets that still wait."""
        waiting = [grant for grant in self.grants if grant.open and grant.at > self.now]
        if waiting:
            self._settle(waiting[index % len(waiting)], UNUSED)

    def _settle(self, grant: Grant, actual: Vector) -> None:
        transact(self.shape, self.state, [Settle(grant.reserved, actual, grant.at)], self.now)
        first, second, third = (min(r, a) for r, a in zip(grant.reserved, actual, strict=True))
        grant.used = (first, second, third)
        grant.settled_at = self.now


def worst_excess(history: History, capacity: Vector) -> float:
    """The most by which any interval between two grants exceeds ``capacity + rate * T``, in seconds of the quota."""
    worst = float("-inf")
    for dimension, rate in enumerate(history.shape.rates):
        if rate <= 0:
            continue
        for first, start in enumerate(history.grants):
            total = 0.0
            for end in history.grants[first:]:
                total += end.used[dimension]
                worst = max(worst, (total - capacity[dimension]) / rate - (end.at - start.at))
    return worst


def worst_reserved_less_refunded(history: History, capacity: Vector) -> float:
    """The same for what was reserved, less the refunds of those calls that fell within the interval themselves."""
    worst = float("-inf")
    made = [grant for grant in history.grants if any(grant.used) or grant.open]
    for dimension, rate in enumerate(history.shape.rates):
        if rate <= 0:
            continue
        for first, start in enumerate(made):
            for last in range(first, len(made)):
                end = made[last]
                total = 0.0
                for grant in made[first : last + 1]:
                    total += grant.reserved[dimension]
                    if grant.settled_at is not None and grant.settled_at <= end.at:
                        total -= grant.reserved[dimension] - grant.used[dimension]
                worst = max(worst, (total - capacity[dimension]) / rate - (end.at - start.at))
    return worst


def worst_minute(history: History, window_s: float = 60.0) -> Vector:
    """The most that any sliding minute holds, in each dimension."""
    worst = [0.0, 0.0, 0.0]
    for end in history.grants:
        for dimension in range(3):
            held = sum(g.used[dimension] for g in history.grants if end.at - window_s + 1e-6 < g.at <= end.at)
            worst[dimension] = max(worst[dimension], held)
    return (worst[0], worst[1], worst[2])


amounts = st.one_of(st.floats(0.1, 30.0), st.sampled_from([1.0, 5.0, 30.0, 0.0]))
costs = st.tuples(st.just(1.0), amounts, amounts)
shares = st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0, 1.3])
pauses = st.one_of(st.floats(0.0, 0.3), st.floats(0.0, 40.0), st.sampled_from([0.0, 0.1, 0.2, 1.0, 30.0, 59.5, 59.9]))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), costs),
        st.tuples(st.just("reserve"), costs),
        st.tuples(st.just("settle"), st.integers(0, 20), shares),
        st.tuples(st.just("cancel"), st.integers(0, 20)),
        st.tuples(st.just("wait"), pauses),
    ),
    min_size=1,
    max_size=60,
)


def play(history: History, script: list[tuple]) -> None:
    """Run a generated script."""
    for action, *arguments in script:
        getattr(history, action)(*arguments)
