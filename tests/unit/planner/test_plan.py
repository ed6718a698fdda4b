"""The planner's arithmetic: more work never takes less, and no quota is outrun."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_agent.planner.plan import Latency, Plan, Stage, Timed, makespan, quota_s, reduce_calls
from shared_agent.spec.limit import LimitSpec
from shared_agent.spec.tree import Tree

LATENCY = Latency(first_token_s=1.0, tokens_per_s=100.0)

counts = st.integers(min_value=0, max_value=5_000)
quotas = st.none() | st.floats(min_value=1, max_value=1e6)


def stage(calls: int, *, read: int = 1000, written: int = 100, role: str = "map") -> Stage:
    return Stage(
        role=role,
        model="m",
        calls=calls,
        input_tokens=calls * read,
        output_tokens=calls * written,
        usd=calls * 0.01,
        usd_most=calls * 0.02,
    )


def timed(calls: int, *limits: LimitSpec, latency: Latency = LATENCY, chain: int = 1) -> Timed:
    return Timed(stage=stage(calls), latency=latency, chain=chain, limits=limits)


@st.composite
def some_limits(draw: st.DrawFn) -> tuple[LimitSpec, ...]:
    limits: list[LimitSpec] = []
    for number in range(draw(st.integers(0, 3))):
        requests, read, written = draw(st.tuples(quotas, quotas, quotas).filter(any))
        limits.append(
            LimitSpec(
                name=f"limit-{number}",
                requests_per_minute=requests,
                input_tokens_per_minute=read,
                output_tokens_per_minute=written,
                mode=draw(st.sampled_from(["bucket", "strict"])),
                burst_seconds=draw(st.floats(1, 60)),
            )
        )
    return tuple(limits)


def test_two_places_halve_the_work_until_the_longest_chain_binds() -> None:
    # Ten calls of 2 s (1 s to the first token, 100 tokens at 100 tokens/s).
    assert makespan([timed(10)], concurrency=1) == (20.0, "concurrency")
    assert makespan([timed(10)], concurrency=2) == (10.0, "concurrency")
    assert makespan([timed(10)], concurrency=100) == (2.0, "the longest chain of calls")


def test_an_embedded_model_has_no_more_places_than_cores() -> None:
    cores = Latency(first_token_s=1.0, tokens_per_s=1e9, places=2)
    seconds, bound_by = makespan([timed(10, latency=cores)], concurrency=16)
    assert (round(seconds, 3), bound_by) == (5.0, "processor cores")


def test_a_quota_grants_its_burst_at_once_and_the_rest_at_its_rate() -> None:
    limit = LimitSpec(name="account", requests_per_minute=60, burst_seconds=15)
    assert makespan([timed(100, limit)], concurrency=1000) == (85.0 + 2.0, "limit account: requests a minute")


def test_a_limit_counts_only_the_calls_that_stand_under_it() -> None:
    limit = LimitSpec(name="account", requests_per_minute=60, burst_seconds=15)
    alone = makespan([timed(100, limit)], concurrency=1000)
    assert makespan([timed(5_000), timed(100, limit)], concurrency=100_000) == alone


def test_nothing_to_do_takes_no_time() -> None:
    limit = LimitSpec(name="account", requests_per_minute=1)
    assert makespan([timed(0, limit)], concurrency=4)[0] == 0.0


@given(counts, counts, some_limits(), st.integers(1, 1000))
def test_more_chunks_never_take_less_time(fewer: int, more: int, limits: tuple[LimitSpec, ...], width: int) -> None:
    fewer, more = sorted((fewer, more))
    short, _ = makespan([timed(fewer, *limits)], concurrency=width)
    long, _ = makespan([timed(more, *limits)], concurrency=width)
    assert 0 <= short <= long


@given(counts, some_limits(), st.integers(1, 100), st.integers(1, 100))
def test_more_concurrency_never_takes_more_time(
    calls: int, limits: tuple[LimitSpec, ...], one: int, other: int
) -> None:
    narrow, wide = sorted((one, other))
    assert (
        makespan([timed(calls, *limits)], concurrency=wide)[0]
        <= makespan([timed(calls, *limits)], concurrency=narrow)[0]
    )


@given(counts, some_limits(), st.integers(1, 1000))
def test_no_quota_is_outrun(calls: int, limits: tuple[LimitSpec, ...], width: int) -> None:
    part = timed(calls, *limits)
    seconds, _ = makespan([part], concurrency=width)
    units = (part.stage.calls, part.stage.input_tokens, part.stage.output_tokens)
    for limit in limits:
        for used, quota in zip(units, limit.quotas, strict=True):
            burst_s = 60.0 if limit.mode == "strict" else limit.burst_seconds
            if quota is not None and calls:
                assert used <= (burst_s + seconds) * quota / 60 * (1 + 1e-9)


@given(st.floats(0, 1e9), st.floats(1, 1e6), st.floats(0, 60))
def test_waiting_for_a_quota_is_never_negative(units: float, per_minute: float, burst_s: float) -> None:
    assert quota_s(units, per_minute, burst_s) >= 0


@given(st.integers(0, 3_000), st.integers(2, 50))
def test_reduce_calls_are_those_of_the_tree(chunks: int, group_size: int) -> None:
    calls, levels = reduce_calls(chunks, group_size)
    if chunks < 2:
        assert (calls, levels) == (0, 0)
    else:
        assert calls == sum(1 for _ in Tree(group_size).inner_nodes(chunks))
        assert levels == math.ceil(round(math.log(chunks, group_size), 9))
    assert reduce_calls(chunks, None) == (0, 0)


@given(st.integers(2, 50))
def test_reduce_calls_grow_with_the_chunks(group_size: int) -> None:
    calls = [reduce_calls(chunks, group_size)[0] for chunks in range(200)]
    assert all(fewer <= more for fewer, more in pairwise(calls))


def test_a_plan_adds_up_its_stages() -> None:
    plan = Plan(
        documents=1,
        chunks=3,
        characters=30,
        levels=1,
        stages=(stage(3), stage(1, role="final")),
        makespan_s=1.0,
        bound_by="concurrency",
    )
    assert plan.calls == plan.usage.calls == 4
    assert plan.usage.input_tokens == 4_000
    assert plan.usage.usd == pytest.approx(0.04)
    assert plan.usd_most == pytest.approx(0.08)
