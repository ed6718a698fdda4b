"""What a call costs, provider by provider, and how estimates are calibrated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_agent.limits.estimate import HIGHEST, LOWEST, Calibrator, Ratio
from shared_agent.limits.rules import rule_for
from shared_agent.limits.types import Cost
from shared_agent.spec.usage import Usage

ESTIMATE = Usage(calls=1, input_tokens=1000, output_tokens=500)
USED = Usage(calls=1, input_tokens=1000, output_tokens=100, cached_input_tokens=400)


@pytest.mark.parametrize(
    ("model", "reserved", "actual"),
    [
        ("anthropic:claude-haiku-4-5", (1, 1000, 500), (1, 600, 100)),
        ("openai:gpt-5", (1, 1500, 500), (1, 1500, 500)),
        ("azure:gpt-5", (1, 1500, 500), (1, 1500, 500)),
        ("google:gemini-3-flash", (1, 1000, 500), (1, 1000, 100)),
        ("bedrock:anthropic.claude-sonnet-4-5-v1:0", (1, 3500, 500), (1, 1100, 100)),
        ("bedrock:amazon.nova-lite-v1:0", (1, 1500, 500), (1, 700, 100)),
        ("embedded:minilm", (1, 1000, 500), (1, 1000, 100)),
    ],
)
def test_each_provider_counts_its_own_way(model, reserved, actual):
    rule = rule_for(model)
    reservation = rule.reservation(ESTIMATE)
    assert reservation.vector == reserved
    assert rule.actual(USED, reservation).vector == actual


def test_estimates_fall_slowly_to_what_calls_take_and_rise_fast():
    calibrator = Calibrator()
    estimate = Cost(input_tokens=1000, output_tokens=1000)
    for _ in range(100):
        calibrator.learn(["a"], "map", estimate, Cost(input_tokens=900, output_tokens=100))
    scaled = calibrator.scale(["a"], "map", estimate)
    assert scaled.input_tokens == pytest.approx(900, rel=0.02)
    assert scaled.output_tokens == pytest.approx(100, rel=0.1)
    assert calibrator.scale(["a"], "reduce", estimate) == estimate
    for _ in range(3):
        calibrator.learn(["a"], "map", estimate, estimate)
    assert calibrator.scale(["a"], "map", estimate).output_tokens > 850


def test_the_most_cautious_of_several_limits_decides():
    calibrator = Calibrator({("a", "map"): Ratio(0.5, 0.1)})
    assert calibrator.scale(["a", "b"], "map", Cost(output_tokens=100)).output_tokens == 100


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6))))
def test_a_ratio_stays_within_its_bounds(calls):
    ratio = Ratio()
    for estimate, actual in calls:
        ratio = ratio.learned(Cost(output_tokens=estimate), Cost(output_tokens=actual))
    assert LOWEST <= ratio.output_tokens <= HIGHEST
