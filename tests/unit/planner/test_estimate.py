"""A job's plan, from its inputs: what is counted, what is assumed, and that the assumption is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_agent.errors import InputError
from shared_agent.handlers import register
from shared_agent.models.types import Free
from shared_agent.planner import Plan, make_plan
from shared_agent.runtimes.submission import take_survey
from shared_agent.spec.job import Job
from shared_agent.spec.limit import LimitSpec
from shared_agent.worker.kinds import TaskKind

HERE = Path(__file__).parent


async def _nothing(*_: Any) -> None: ...


register(TaskKind(name="own-with-reduce", map=_nothing, reduce=_nothing))


def job(texts: int = 7, **fields: Any) -> Job:
    inputs = [{"text": f"This is text number {number}."} for number in range(texts)]
    return Job.parse({"kind": "summarise", "inputs": inputs, "reduce": {"group_size": 3}} | fields)


async def plan(given: Job, **options: Any) -> Plan:
    return await make_plan(given, HERE, await take_survey(given, HERE), **options)


async def test_a_summary_of_seven_texts_in_threes_costs_seven_and_three_calls() -> None:
    made = await plan(job())
    # 7 leaves: groups of 3, 3 and 1 (passed up without a call), then the root.
    assert [(stage.role, stage.calls) for stage in made.stages] == [("map", 7), ("reduce", 2), ("final", 1)]
    assert made.levels == 2
    assert made.usage.usd == made.usd_most == 0.0


async def test_another_model_plays_every_role_and_no_answer_costs_more_than_the_most() -> None:
    made = await plan(job(models={"final": "openai:gpt-5-mini"}), model="anthropic:claude-haiku-4-5")
    assert {stage.model for stage in made.stages} == {"anthropic:claude-haiku-4-5"}
    assert 0 < made.usage.usd < made.usd_most
    assert made.price_table.startswith("genai-prices ")


async def test_a_price_of_ones_own_replaces_the_table() -> None:
    prices = {"input_per_mtok": 1_000_000, "output_per_mtok": 0}
    made = await plan(
        job(models="openai:mine", model_options={"openai:mine": {"prices": prices}}, kind="summarise", reduce=False)
    )
    assert made.usage.usd == pytest.approx(made.usage.input_tokens)


async def test_without_a_reduction_there_are_no_levels() -> None:
    made = await plan(job(reduce=False))
    assert (made.levels, [stage.role for stage in made.stages]) == (0, ["map"])


async def test_a_reducer_that_asks_no_model_has_levels_and_costs_nothing() -> None:
    labels = {"labels": {"bug": "a defect", "wish": "a new feature"}}
    made = await plan(job(kind="classify", options=labels))
    assert (made.levels, [stage.role for stage in made.stages]) == (2, ["map"])
    assert "its 3 reductions ask no model" in made.assumptions


async def test_what_an_own_kind_does_not_say_is_said_to_be_assumed() -> None:
    made = await plan(job(kind="own-with-reduce"))
    assert made.levels == 2
    assert made.assumptions[0].endswith("own-with-reduce does not say what it asks")
    assert "its 3 reductions are counted as asking no model" in made.assumptions


async def test_an_own_kind_may_say_that_it_makes_several_calls_or_none() -> None:
    def twice(_: Any, chunk: Any) -> list[Free]:
        return [Free(prompt=f"First: {chunk.text}"), Free(prompt=f"Second: {chunk.text}")]

    register(TaskKind(name="own-two-calls", map=_nothing, ask_map=twice))
    register(TaskKind(name="own-no-call", map=_nothing, ask_map=lambda *_: ()))
    assert (await plan(job(kind="own-two-calls"))).calls == 14
    none = await plan(job(kind="own-no-call"))
    assert (none.calls, none.makespan_s, none.chunks) == (0, 0.0, 7)


async def test_the_judge_is_planned_on_the_judging_model() -> None:
    question = {"question": "Which is best?"}
    made = await plan(job(kind="judge", options=question, models={"judge": "openai:gpt-5-mini"}))
    assert [(stage.role, stage.model) for stage in made.stages] == [("judge", "openai:gpt-5-mini")]


async def test_an_unknown_price_names_the_role_and_where_to_state_it() -> None:
    with pytest.raises(InputError, match="no price is known for 'openai:nope'") as raised:
        await plan(job(models={"final": "openai:nope"}))
    assert raised.value.field == "models.final"
    assert "model_options: {'openai:nope'" in raised.value.remedy


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=2, max_size=2), st.floats(1, 1000))
async def test_more_texts_never_cost_or_take_less(sizes: list[int], per_minute: float) -> None:
    fewer, more = sorted(sizes)
    limits = [LimitSpec(name="account", requests_per_minute=per_minute)]
    small = await plan(job(fewer), model="anthropic:claude-haiku-4-5", limits=limits)
    large = await plan(job(more), model="anthropic:claude-haiku-4-5", limits=limits)
    assert 0 < small.usage.usd <= large.usage.usd
    assert 0 < small.makespan_s <= large.makespan_s
