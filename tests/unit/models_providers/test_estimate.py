from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_agent.models.estimate import TokenEstimator, base_tokens


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        # By today's vocabularies: English 11, German 14, Russian 15 to 17, Chinese 12 to 17, an emoji 1 to 3.
        ("The quick brown fox jumps over the lazy dog again.", 9, 13),
        ("Der schnelle braune Fuchs springt über den trägen Hund.", 11, 16),
        ("Быстрая коричневая лиса прыгает через собаку", 14, 24),
        ("敏捷的棕色狐狸跳过了那只懒惰的狗。", 10, 20),
        ("😀😀😀", 3, 9),
        ("", 0, 0),
    ],
)
def test_scripts_are_weighed_by_how_vocabularies_know_them(text: str, low: int, high: int) -> None:
    assert low <= base_tokens(text) <= high


@given(st.text(), st.text())
def test_the_estimate_of_a_whole_is_that_of_its_parts(one: str, other: str) -> None:
    assert base_tokens(one + other) == pytest.approx(base_tokens(one) + base_tokens(other))


def test_a_lone_surrogate_is_estimated_like_any_character() -> None:
    assert base_tokens("\ud800") > 0


def test_estimates_follow_what_the_provider_counts() -> None:
    estimator = TokenEstimator()
    for _ in range(30):
        estimator.learn(1000, 1300)
    assert estimator.tokens(1000) == pytest.approx(1300, rel=0.01)


def test_one_odd_call_moves_the_estimate_only_a_little_and_within_bounds() -> None:
    estimator = TokenEstimator()
    estimator.learn(1000, 1_000_000)
    assert estimator.factor <= 1.6
    for _ in range(100):
        estimator.learn(1000, 1_000_000)
    assert estimator.factor <= 4.0


def test_tiny_calls_and_missing_counts_teach_nothing() -> None:
    estimator = TokenEstimator()
    estimator.learn(5, 40)
    estimator.learn(1000, 0)
    assert estimator.factor == 1.0
