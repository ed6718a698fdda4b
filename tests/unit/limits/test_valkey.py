"""The Lua transition inside a real Valkey is the Python one, operation by operation."""

from __future__ import annotations

import asyncio

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared_agent.errors import StoreError
from shared_agent.limits import Cost, open_limiter
from shared_agent.limits.backends import StateBackend
from shared_agent.limits.codec import (
    Observe,
    Redeem,
    Reserve,
    Settle,
    Shape,
    State,
    Throttle,
    decode_reply,
    decode_state,
    encode,
)
from shared_agent.limits.machine import transact
from shared_agent.limits.valkey import SCRIPT, ValkeyBackend
from shared_agent.spec.limit import LimitSpec

numbers = st.one_of(st.floats(0.0, 40.0), st.sampled_from([0.0, 1.0, 5.0]))
vectors = st.tuples(st.sampled_from([0.0, 1.0]), numbers, numbers)
hints = st.tuples(*[st.one_of(st.just(-1.0), st.floats(0.0, 8.0))] * 3)
# A header states whole units a minute, so that no rate is below one a minute.
rates = st.tuples(*[st.one_of(st.just(-1.0), st.floats(1 / 60, 6.0))] * 3)
# Times relative to the server's now: grants of the near past and of the queue ahead.
around = st.floats(-70.0, 70.0)
operations = st.one_of(
    st.builds(Reserve, vectors),
    st.builds(Reserve, vectors),
    st.builds(Redeem, vectors, around, around),
    st.builds(Settle, vectors, vectors, around),
    st.builds(Settle, vectors, vectors, st.just(0.0)),
    st.builds(Throttle, st.floats(0.0, 20.0)),
    st.builds(Observe, rates, hints),
)
batches = st.lists(st.lists(operations, min_size=1, max_size=6), min_size=1, max_size=6)
shapes = st.builds(
    Shape,
    st.tuples(st.sampled_from([0.0, 0.02, 1.0, 3.0]), st.sampled_from([0.0, 3.0]), st.sampled_from([0.0, 0.7])),
    st.sampled_from([2.0, 15.0]),
    st.just(False),
    st.just(False),
)
modes = st.sampled_from(["bucket", "strict", "aimd"])


def at_server_time(op, now: float):
    """The operation with its relative times made absolute."""
    if isinstance(op, Redeem):
        return Redeem(op.cost, now + op.grant_at, now + op.valid_until)
    if isinstance(op, Settle):
        return Settle(op.reserved, op.actual, now + op.grant_at)
    return op


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shapes, modes, batches)
def test_lua_and_python_agree_on_every_answer_and_on_the_state(valkey, shape, mode, batches):
    if mode == "aimd" and shape.rates[0] == 0:
        shape = Shape((1.0, *shape.rates[1:]), shape.burst_s)
    shape = Shape(shape.rates, shape.burst_s, mode == "strict", mode == "aimd")
    with redis.Redis(unix_socket_path=str(valkey.socket)) as client:
        client.delete("limit")
        model = State()
        seconds, micros = client.time()
        start = seconds + micros / 1e6
        for batch in batches:
            ops = [at_server_time(op, start) for op in batch]
            reply = decode_reply(client.eval(SCRIPT, 1, "limit", encode((shape, ops))))
            expected = transact(shape, model, ops, reply.now)
            assert reply == expected
            stored = client.get("limit")
            assert decode_state(stored) == model


async def test_the_key_expires_when_the_limit_is_idle(valkey):
    limiter = open_limiter([LimitSpec(name="a", input_tokens_per_minute=6000.0)], valkey)
    await limiter.acquire(["a"], Cost(input_tokens=1500))
    await limiter.acquire(["a"], Cost(input_tokens=10))
    left_ms = await valkey.client.pttl("shared-agent:limit:a")
    assert 60_000 < left_ms <= 60_000 + 16_000
    await limiter.aclose()


async def test_a_server_that_lost_its_scripts_is_served_again(valkey):
    limiter = open_limiter([LimitSpec(name="a", requests_per_minute=6000.0)], valkey)
    await limiter.acquire(["a"], Cost())
    await valkey.client.script_flush()
    assert (await limiter.acquire(["a"], Cost())).tickets
    await limiter.aclose()


async def test_the_script_and_compare_and_set_serve_one_state_in_turn_and_at_once(valkey):
    shape = Shape((0.0, 10.0, 0.0), 10.0)
    backends = [ValkeyBackend(valkey), StateBackend(valkey), StateBackend(valkey)]
    replies = await asyncio.gather(
        *(backend.apply("a", shape, [Reserve((1.0, 10.0, 0.0))]) for _ in range(10) for backend in backends)
    )
    grants = sorted(reply.answers[0] for reply in replies)
    # The capacity holds ten; from then on one is granted a second.
    assert [round(grant - grants[10], 3) for grant in grants[10:]] == [float(n) for n in range(20)]


async def test_a_server_out_of_reach_is_one_clear_error():
    limiter = open_limiter([LimitSpec(name="a", requests_per_minute=60.0)], "redis://127.0.0.1:1/0")
    with pytest.raises(StoreError, match="check that the server is up"):
        await limiter.acquire(["a"], Cost())
    await limiter.aclose()
