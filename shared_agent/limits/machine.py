"""One transition of a limit: (shape, state, operations, store time) -> (state, answers). Pure; runs inside a store.

``valkey.lua`` is the same transition in Lua, tested to give the same state. Whoever changes one changes both.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared_agent.limits import aimd, bucket, strict
from shared_agent.limits.codec import (
    UNUSED,
    Observe,
    Op,
    Redeem,
    Reply,
    Reserve,
    Settle,
    Shape,
    State,
    Throttle,
    Vector,
)

_REQUESTS = 0


def transact(shape: Shape, state: State, ops: Sequence[Op], now: float) -> Reply:
    """Apply ``ops`` in order to ``state``, which is changed, and answer each."""
    answers = [_apply(shape, state, op, now) for op in ops]
    rates = effective_rates(shape, state)
    return Reply(now, state.hold, answers, rates, capacities(shape, rates))


def effective_rates(shape: Shape, state: State) -> Vector:
    """Units a second in force: learned ones may lower what the owner configured, and aimd replaces the requests'."""
    if not any(state.rates):
        return shape.rates
    first, second, third = (
        configured if learned <= 0 else learned if shape.aimd and dimension == _REQUESTS else min(learned, configured)
        for dimension, (configured, learned) in enumerate(zip(shape.rates, state.rates, strict=True))
    )
    return (first, second, third)


def capacities(shape: Shape, rates: Vector) -> Vector:
    """The largest single request in each dimension; a bucket always holds one request, however slow it fills."""
    span_s = strict.WINDOW_S if shape.strict else shape.burst_s
    return (max(1.0, rates[0] * span_s) if rates[0] > 0 else 0.0, rates[1] * span_s, rates[2] * span_s)


def _apply(shape: Shape, state: State, op: Op, now: float) -> float:
    if isinstance(op, Reserve):
        return _reserve(shape, state, op.cost, now)
    if isinstance(op, Settle):
        return _settle(shape, state, op, now)
    if isinstance(op, Redeem):
        return _redeem(shape, state, op, now)
    if isinstance(op, Throttle):
        return _throttle(shape, state, op, now)
    return _observe(shape, state, op, now)


def _reserve(shape: Shape, state: State, cost: Vector, now: float) -> float:
    rates = effective_rates(shape, state)
    holds = capacities(shape, rates)
    for dimension, rate in enumerate(rates):
        if rate > 0 and cost[dimension] > holds[dimension]:
            return -1.0 - dimension
    start = max(now, state.last, state.hold)
    if shape.strict:
        at = strict.earliest(state.window, cost, holds, start)
        strict.charge(state.window, cost, at)
    else:
        at = bucket.earliest(state.stairs, cost, rates, holds, start)
        bucket.charge(state.stairs, cost, rates, shape.burst_s, at)
    state.last = at
    return at


def _redeem(shape: Shape, state: State, op: Redeem, now: float) -> float:
    too_late = now > op.valid_until
    held_back = op.grant_at < state.hold and now < state.hold
    if not (too_late or held_back):
        return op.grant_at
    _change(shape, state, op.cost, UNUSED, op.grant_at)
    return _reserve(shape, state, op.cost, now)


def _settle(shape: Shape, state: State, op: Settle, now: float) -> float:
    _change(shape, state, op.reserved, op.actual, op.grant_at)
    succeeded = op.actual[_REQUESTS] > 0
    callers_wait = state.last > now
    if shape.aimd and succeeded and callers_wait:
        rate = effective_rates(shape, state)[_REQUESTS]
        _set_rate(shape, state, _REQUESTS, aimd.raised(rate, shape.rates[_REQUESTS], now - state.raised_at), now)
        state.raised_at = now
    return 0.0


def _change(shape: Shape, state: State, reserved: Vector, actual: Vector, at: float) -> None:
    change = (actual[0] - reserved[0], actual[1] - reserved[1], actual[2] - reserved[2])
    if shape.strict:
        strict.settle(state.window, change, at)
    else:
        bucket.settle(state.stairs, change, effective_rates(shape, state), at)


def _throttle(shape: Shape, state: State, op: Throttle, now: float) -> float:
    if op.retry_after_s > 0:
        state.hold = max(state.hold, now + op.retry_after_s)
    if shape.aimd and now - state.halved_at >= aimd.HALVE_EVERY_S:
        rate = effective_rates(shape, state)[_REQUESTS]
        _set_rate(shape, state, _REQUESTS, aimd.halved(rate, shape.rates[_REQUESTS]), now)
        state.halved_at = now
    return 0.0


def _observe(shape: Shape, state: State, op: Observe, now: float) -> float:
    for dimension, configured in enumerate(shape.rates):
        if configured <= 0:
            continue
        if op.rates[dimension] > 0:
            adapts = shape.aimd and dimension == _REQUESTS
            ceiling = effective_rates(shape, state)[dimension] if adapts else configured
            _set_rate(shape, state, dimension, min(op.rates[dimension], ceiling), now)
        if op.remaining[dimension] >= 0:
            rates = effective_rates(shape, state)
            holds = capacities(shape, rates)[dimension]
            if shape.strict:
                strict.drain(state.window, dimension, op.remaining[dimension], holds, now)
            else:
                bucket.drain(state.stairs[dimension], op.remaining[dimension], rates[dimension], holds, now)
    return 0.0


def _set_rate(shape: Shape, state: State, dimension: int, rate: float, now: float) -> None:
    old = effective_rates(shape, state)[dimension]
    if rate == old:
        return
    state.rates[dimension] = rate
    if not shape.strict:
        bucket.rescale(state.stairs[dimension], old, rate, now)
