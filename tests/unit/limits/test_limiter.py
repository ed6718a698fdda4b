"""What a caller of the limiter sees, on every back end."""

from __future__ import annotations

import asyncio
import time

import pytest

from shared_agent.errors import AdmissionError, InputError
from shared_agent.limits import Admission, Cost, NotYet, open_limiter
from shared_agent.models.types import Quota
from shared_agent.spec.limit import LimitSpec
from shared_agent.stores.memory import MemoryState

FAST = LimitSpec(name="fast", requests_per_minute=60_000.0, input_tokens_per_minute=6e6)
# 100 tokens a second, one second's worth at once.
TIGHT = LimitSpec(name="tight", input_tokens_per_minute=6000.0, burst_seconds=1.0)
SLOW = LimitSpec(name="slow", input_tokens_per_minute=60.0, burst_seconds=60.0)


class Clock:
    """A store clock that a test turns by hand."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


async def test_a_call_is_admitted_at_once_while_there_is_quota(opened):
    limiter = opened(FAST)
    admission = await limiter.acquire(["fast"], Cost(input_tokens=1000))
    assert admission.waited_s == 0.0
    assert [ticket.limit for ticket in admission.tickets] == ["fast"]
    await limiter.settle(admission, Cost(input_tokens=900))


async def test_unknown_names_are_not_limited(opened):
    limiter = opened(TIGHT)
    assert await limiter.acquire(["other"], Cost(input_tokens=1e9)) == Admission()


async def test_callers_of_two_workers_are_granted_in_the_order_they_came_large_ones_too(opened):
    workers = [opened(TIGHT), opened(TIGHT)]
    await workers[0].acquire(["tight"], Cost(input_tokens=100))
    order: list[int] = []

    async def caller(number: int, tokens: float) -> None:
        await workers[number % 2].acquire(["tight"], Cost(input_tokens=tokens))
        order.append(number)

    callers = []
    for number, tokens in enumerate([5, 60, 1, 1, 1]):
        callers.append(asyncio.create_task(caller(number, tokens)))
        await asyncio.sleep(0.02)
    await asyncio.gather(*callers)
    assert order == [0, 1, 2, 3, 4]


async def test_a_caller_waits_until_its_ticket_is_due(opened):
    limiter = opened(TIGHT)
    before = time.monotonic()
    for _ in range(3):
        admission = await limiter.acquire(["tight"], Cost(input_tokens=50))
    assert time.monotonic() - before >= 0.5 - 1e-3
    assert admission.waited_s > 0


async def test_a_request_that_can_never_fit_is_an_error_at_once_that_names_the_remedy(opened):
    limiter = opened(FAST, TIGHT)
    with pytest.raises(
        AdmissionError, match="limit 'tight': one request asks 101 input_tokens but its capacity is 100"
    ) as e:
        await limiter.acquire(["fast", "tight"], Cost(input_tokens=101))
    assert "burst_seconds" in e.value.remedy


async def test_what_was_reserved_under_earlier_names_is_given_back_when_a_later_one_refuses():
    narrow = LimitSpec(name="narrow", input_tokens_per_minute=30.0, burst_seconds=60.0)
    limiter = open_limiter([SLOW, narrow], MemoryState(Clock()))
    with pytest.raises(AdmissionError, match="narrow"):
        await limiter.acquire(["slow", "narrow"], Cost(input_tokens=60))
    assert (await limiter.acquire(["slow"], Cost(input_tokens=60), max_wait_s=0.0)).waited_s == 0.0


async def test_a_refund_serves_the_next_caller(opened):
    limiter = opened(SLOW, settle_linger_s=0.0)
    admission = await limiter.acquire(["slow"], Cost(input_tokens=60))
    await limiter.settle(admission, Cost(input_tokens=10))
    assert (await limiter.acquire(["slow"], Cost(input_tokens=50))).waited_s < 1.0


async def test_a_settlement_reaches_the_store_without_another_call(opened):
    limiter, other = opened(SLOW, settle_linger_s=0.01), opened(SLOW)
    admission = await limiter.acquire(["slow"], Cost(input_tokens=60))
    await limiter.settle(admission, Cost(input_tokens=0))
    await asyncio.sleep(0.2)
    assert (await other.acquire(["slow"], Cost(input_tokens=55), max_wait_s=1.0)).tickets


async def test_closing_sends_what_is_still_to_be_settled(opened):
    limiter, other = opened(SLOW, settle_linger_s=60.0), opened(SLOW)
    admission = await limiter.acquire(["slow"], Cost(input_tokens=60))
    await limiter.settle(admission, Cost(input_tokens=0))
    await limiter.aclose()
    assert (await other.acquire(["slow"], Cost(input_tokens=55), max_wait_s=1.0)).tickets


async def test_a_cancelled_waiter_gives_its_reservation_back(opened):
    limiter = opened(TIGHT)
    await limiter.acquire(["tight"], Cost(input_tokens=100))
    waiter = asyncio.create_task(limiter.acquire(["tight"], Cost(input_tokens=100)))
    await asyncio.sleep(0.1)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    with pytest.raises(NotYet) as later:
        await limiter.acquire(["tight"], Cost(input_tokens=100), max_wait_s=0.0)
    assert later.value.wait_s < 1.0


async def test_a_caller_cancelled_while_its_call_is_under_way_leaves_nothing_reserved(opened):
    limiter, other = opened(SLOW), opened(SLOW)
    for _ in range(20):
        caller = asyncio.create_task(limiter.acquire(["slow"], Cost(input_tokens=60)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        caller.cancel()
        admission = (await asyncio.gather(caller, return_exceptions=True))[0]
        if isinstance(admission, Admission):
            await limiter.settle(admission, Cost(requests=0))
    await asyncio.sleep(0.2)
    assert (await other.acquire(["slow"], Cost(input_tokens=55), max_wait_s=2.0)).tickets


async def test_a_caller_cancelled_while_it_redeems_gives_its_ticket_back_once(opened):
    limiter, other = opened(SLOW, settle_linger_s=0.0), opened(SLOW)
    await limiter.acquire(["slow"], Cost(input_tokens=30))
    for _ in range(5):
        try:
            tickets = (await limiter.acquire(["slow"], Cost(input_tokens=30), max_wait_s=0.0)).tickets
        except NotYet as later:
            tickets = later.tickets
        caller = asyncio.create_task(limiter.acquire(["slow"], Cost(), max_wait_s=0.0, tickets=tickets))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        caller.cancel()
        ended = (await asyncio.gather(caller, return_exceptions=True))[0]
        if isinstance(ended, Admission):
            await limiter.settle(ended, Cost(requests=0))
        elif isinstance(ended, NotYet):
            await limiter.settle(Admission(tickets=ended.tickets), Cost(requests=0))
        await asyncio.sleep(0.05)
    with pytest.raises(NotYet) as full:
        await other.acquire(["slow"], Cost(input_tokens=60), max_wait_s=0.0)
    assert 25.0 < full.value.wait_s <= 30.0


async def test_strict_and_aimd_limits_work_like_any_other(opened):
    strict = LimitSpec(name="strict", input_tokens_per_minute=100.0, mode="strict")
    adaptive = LimitSpec(name="adaptive", requests_per_minute=60.0, mode="aimd", burst_seconds=1.0)
    limiter = opened(strict, adaptive, settle_linger_s=0.0)
    admission = await limiter.acquire(["strict", "adaptive"], Cost(input_tokens=100))
    with pytest.raises(NotYet) as full:
        await limiter.acquire(["strict"], Cost(input_tokens=1), max_wait_s=1.0)
    assert 59.0 < full.value.wait_s <= 60.0
    await limiter.throttled(["adaptive"], None)
    await limiter.settle(admission, Cost(input_tokens=100))
    with pytest.raises(NotYet) as halved:
        await limiter.acquire(["adaptive"], Cost(), max_wait_s=0.0)
    assert 1.5 < halved.value.wait_s <= 2.0


async def test_closing_cancels_waiters():
    limiter = open_limiter([SLOW], "memory://")
    await limiter.acquire(["slow"], Cost(input_tokens=60))
    waiter = asyncio.create_task(limiter.acquire(["slow"], Cost(input_tokens=60)))
    await asyncio.sleep(0.01)
    await limiter.aclose()
    with pytest.raises(asyncio.CancelledError):
        await waiter


async def test_a_long_wait_hands_out_a_ticket_that_keeps_its_place():
    clock = Clock()
    limiter = open_limiter([SLOW], MemoryState(clock))
    await limiter.acquire(["slow"], Cost(input_tokens=60))
    with pytest.raises(NotYet) as first:
        await limiter.acquire(["slow"], Cost(input_tokens=30), max_wait_s=2.0)
    with pytest.raises(NotYet) as second:
        await limiter.acquire(["slow"], Cost(input_tokens=1), max_wait_s=2.0)
    assert (first.value.wait_s, second.value.wait_s) == (30.0, 31.0)

    clock.now += 20
    with pytest.raises(NotYet) as again:
        await limiter.acquire(["slow"], Cost(input_tokens=30), max_wait_s=2.0, tickets=first.value.tickets)
    assert again.value.wait_s == 10.0
    assert again.value.tickets == first.value.tickets

    clock.now += 15
    admission = await limiter.acquire(["slow"], Cost(input_tokens=30), max_wait_s=2.0, tickets=first.value.tickets)
    assert admission.tickets == first.value.tickets


async def test_a_ticket_brought_back_too_late_is_given_back_and_reserved_anew():
    clock = Clock()
    limiter = open_limiter([SLOW], MemoryState(clock))
    await limiter.acquire(["slow"], Cost(input_tokens=60))
    with pytest.raises(NotYet) as first:
        await limiter.acquire(["slow"], Cost(input_tokens=60), max_wait_s=2.0)
    clock.now += 60 + 11
    late = await limiter.acquire(["slow"], Cost(input_tokens=60), max_wait_s=2.0, tickets=first.value.tickets)
    assert late.tickets[0].grant_at == clock.now
    assert late.tickets[0].ticket_id != first.value.tickets[0].ticket_id


async def test_tickets_of_several_limits_come_back_together():
    clock = Clock()
    limiter = open_limiter([TIGHT, SLOW], MemoryState(clock))
    await limiter.acquire(["slow"], Cost(input_tokens=60))
    with pytest.raises(NotYet) as later:
        await limiter.acquire(["tight", "slow"], Cost(input_tokens=40), max_wait_s=2.0)
    assert [ticket.limit for ticket in later.value.tickets] == ["tight", "slow"]
    clock.now += 40
    admission = await limiter.acquire(["tight", "slow"], Cost(input_tokens=40), tickets=later.value.tickets)
    assert admission.tickets == later.value.tickets


async def test_a_limit_that_makes_callers_wait_does_not_block_the_next_limit_for_others():
    clock = Clock()
    limiter = open_limiter([SLOW, TIGHT], MemoryState(clock))
    await limiter.acquire(["slow"], Cost(input_tokens=60))
    with pytest.raises(NotYet):
        await limiter.acquire(["slow", "tight"], Cost(input_tokens=50), max_wait_s=2.0)
    assert (await limiter.acquire(["tight"], Cost(input_tokens=50), max_wait_s=0.0)).waited_s == 0.0


async def test_after_a_429_nothing_is_granted_before_retry_after_not_even_to_those_with_a_ticket(opened):
    limiter = opened(TIGHT, settle_linger_s=0.0)
    await limiter.acquire(["tight"], Cost(input_tokens=100))
    start = time.monotonic()
    waiters = [asyncio.create_task(limiter.acquire(["tight"], Cost(input_tokens=10))) for _ in range(2)]
    await asyncio.sleep(0.02)
    await limiter.throttled(["tight"], 0.5)
    await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
    assert time.monotonic() - start >= 0.5
    await asyncio.gather(*waiters)


async def test_a_lower_quota_in_a_header_is_learned_by_every_worker(opened):
    limiter, other = opened(SLOW, settle_linger_s=0.0), opened(SLOW)
    await limiter.observe(["slow"], [Quota("input_tokens", limit=30), Quota("output_tokens", limit=1)])
    await limiter.acquire(["slow"], Cost())
    with pytest.raises(AdmissionError, match=r"capacity is 30 \(quota 30 a minute\)"):
        await other.acquire(["slow"], Cost(input_tokens=31))


async def test_headers_that_say_nothing_new_cost_no_store_call():
    calls = 0

    def clock() -> float:
        nonlocal calls
        calls += 1
        return 1000.0

    limiter = open_limiter([SLOW], MemoryState(clock))
    await limiter.observe(["slow"], [Quota("input_tokens", limit=60, remaining=60), Quota("requests", limit=5)])
    assert calls == 0


async def test_a_process_keeps_only_a_few_seconds_of_quota_in_waiting_tickets(opened):
    crashed, resumed = opened(TIGHT), opened(TIGHT)
    callers = [asyncio.create_task(crashed.acquire(["tight"], Cost(input_tokens=50))) for _ in range(200)]
    await asyncio.sleep(0.2)
    with pytest.raises(NotYet) as behind:
        await resumed.acquire(["tight"], Cost(input_tokens=1), max_wait_s=0.0)
    assert behind.value.wait_s < 6.0
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)


async def test_waiters_of_one_process_share_store_calls(valkey):
    limiter = open_limiter([FAST], valkey)
    await limiter.acquire(["fast"], Cost())
    await valkey.client.config_resetstat()

    async def caller() -> None:
        for _ in range(10):
            await limiter.settle(await limiter.acquire(["fast"], Cost()), Cost())

    await asyncio.gather(*(caller() for _ in range(40)))
    calls = (await valkey.client.info("commandstats"))["cmdstat_evalsha"]["calls"]
    assert calls <= 400 / 10
    await limiter.aclose()


def test_bad_limits_are_refused_by_name():
    with pytest.raises(InputError, match="given twice"):
        open_limiter([SLOW, SLOW], "memory://")
    with pytest.raises(InputError, match="needs a rate to start from"):
        open_limiter([LimitSpec(name="a", input_tokens_per_minute=60.0, mode="aimd")], "memory://")
