"""How long to wait before a call is tried again, and when not to: full jitter only, never a fixed delay (seed §18).

wait before retry n ~ Uniform(0, min(cap, base * 2**n))          (AWS Architecture Blog, "Exponential Backoff And Jitter")
the provider's own Retry-After is a lower bound: wait = retry_after + jitter
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from shared_agent.errors import BreakerOpen, Throttled, Transient
from shared_agent.spec.settings import RetryPolicy

RETRY_AFTER_LIMIT_S = 3600.0
"""A Retry-After beyond this many seconds is not believed."""


@dataclass(slots=True)
class Attempts:
    """What one call has been through: ``transient`` failures count against the policy, ``throttled`` ones do not."""

    transient: int = 0
    throttled: int = 0

    @property
    def retries(self) -> int:
        return self.transient + self.throttled


def next_delay_s(
    policy: RetryPolicy, error: Exception, attempts: Attempts, uniform: Callable[[float, float], float] = random.uniform
) -> float | None:
    """Seconds to wait before the next try of a call that failed with ``error``, or None to give up.

    Counts the failure in ``attempts``. Throttled calls are always tried again (the task's deadline bounds them); transient
    failures and an open breaker up to ``policy.attempts`` tries; anything else never.
    """
    if isinstance(error, Throttled):
        attempts.throttled += 1
        exponent = attempts.throttled - 1
    elif isinstance(error, Transient | BreakerOpen | TimeoutError):
        attempts.transient += 1
        if attempts.transient >= policy.attempts:
            return None
        exponent = attempts.transient - 1
    else:
        return None
    jitter = uniform(0.0, min(policy.cap_s, policy.base_s * 2.0 ** min(exponent, 30)))
    return _floor_s(error) + jitter


def _floor_s(error: Exception) -> float:
    asked = error.retry_after_s if isinstance(error, Throttled | Transient | BreakerOpen) else None
    return min(max(asked or 0.0, 0.0), RETRY_AFTER_LIMIT_S)
