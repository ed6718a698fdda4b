"""When a call is tried again, and after how long."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_agent.errors import (
    AdmissionError,
    BreakerOpen,
    BudgetExceeded,
    InputError,
    Permanent,
    StoreError,
    Throttled,
    Transient,
)
from shared_agent.spec.settings import RetryPolicy
from shared_agent.worker.retry import RETRY_AFTER_LIMIT_S, Attempts, next_delay_s

policies = st.builds(RetryPolicy, attempts=st.integers(1, 20), base_s=st.floats(0.001, 10), cap_s=st.floats(0.001, 100))
retry_after = st.none() | st.floats(-10, 10_000)


@given(policy=policies, after=retry_after, tries=st.integers(1, 60), seed=st.integers())
def test_every_wait_lies_between_retry_after_and_retry_after_plus_the_exponential_bound(
    policy: RetryPolicy, after: float | None, tries: int, seed: int
) -> None:
    uniform = random.Random(seed).uniform
    attempts = Attempts()
    floor_s = min(max(after or 0.0, 0.0), RETRY_AFTER_LIMIT_S)
    for number in range(tries):
        delay_s = next_delay_s(policy, Throttled("429", retry_after_s=after), attempts, uniform)
        assert delay_s is not None
        assert floor_s <= delay_s <= floor_s + min(policy.cap_s, policy.base_s * 2.0**number) + 1e-9
    assert (attempts.transient, attempts.throttled) == (0, tries)


@given(policy=policies, kinds=st.lists(st.sampled_from(["throttled", "transient", "breaker", "timeout"]), max_size=60))
def test_only_transient_failures_use_up_attempts(policy: RetryPolicy, kinds: list[str]) -> None:
    errors = {
        "throttled": Throttled("429"),
        "transient": Transient("502"),
        "breaker": BreakerOpen("m", 1.0),
        "timeout": TimeoutError(),
    }
    attempts = Attempts()
    used = 0
    for kind in kinds:
        used += kind != "throttled"
        delay_s = next_delay_s(policy, errors[kind], attempts)
        assert (delay_s is None) == (kind != "throttled" and used >= policy.attempts)


def test_the_jitter_is_full() -> None:
    policy = RetryPolicy(attempts=10, base_s=1.0, cap_s=8.0)
    attempts = Attempts()
    seen: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        seen.append((low, high))
        return low

    for _ in range(6):
        assert next_delay_s(policy, Transient("502"), attempts, uniform) == 0.0
    assert seen == [(0.0, bound) for bound in (1.0, 2.0, 4.0, 8.0, 8.0, 8.0)]


@pytest.mark.parametrize(
    "error",
    [
        Permanent("no"),
        AdmissionError("no"),
        BudgetExceeded("no"),
        InputError("f", "no"),
        StoreError("no"),
        ValueError(),
    ],
)
def test_what_would_fail_again_is_never_tried_again(error: Exception) -> None:
    attempts = Attempts()
    assert next_delay_s(RetryPolicy(), error, attempts) is None
    assert attempts.retries == 0
