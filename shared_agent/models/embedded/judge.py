"""Scores for candidates against a question and criteria; the candidates are never changed.

    score = 0.45 · likeness to the question and criteria  +  0.25 · their rare words found
          + 0.2  · agreement with the other candidates    +  0.1  · substance (grows to 1 at sixty words)

An empty candidate scores 0 and one that says it has no answer is halved. Equal scores: the first candidate wins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from shared_agent.models.embedded import notices
from shared_agent.models.embedded.encoder import Embed
from shared_agent.models.embedded.lexical import coverage, rarity, terms

_ENOUGH_WORDS = 60
_NO_ANSWER = re.compile(
    r"\b(?:i (?:do not|don't|cannot|can't) (?:know|answer|help)|not sure|no (?:idea|answer|information)|unable to"
    r"|passages do not answer)\b",
    re.IGNORECASE,
)


def judge(question: str, candidates: Sequence[str], criteria: str, embed: Embed) -> dict[str, Any]:
    """``{"choice", "scores", "reason"}``; ``choice`` is the index of the best of at least one candidate."""
    bodies = [notices.strip(candidate).body.strip() for candidate in candidates]
    asked = " ".join(part for part in (question, criteria) if part.strip())
    bags = [terms(body) for body in bodies]
    weights = rarity(bags)
    wanted = terms(asked)
    vectors = embed(bodies)
    likeness = vectors @ embed([asked])[0]
    agreement = vectors @ vectors.T
    covered = [coverage(wanted, bag, weights) for bag in bags]
    scores: list[float] = []
    for index, body in enumerate(bodies):
        others = [float(agreement[index][other]) for other in range(len(bodies)) if other != index]
        score = (
            0.45 * max(0.0, float(likeness[index]))
            + 0.25 * covered[index]
            + 0.2 * max(0.0, sum(others) / len(others) if others else 1.0)
            + 0.1 * min(1.0, len(body.split()) / _ENOUGH_WORDS)
        )
        scores.append(round(min(1.0, score * (0.5 if _NO_ANSWER.search(body) else 1.0)), 4) if body else 0.0)
    choice = max(range(len(scores)), key=lambda index: (scores[index], -index))
    reason = (
        f"Candidate {choice} scores {scores[choice]:.2f}: likeness to the question and criteria "
        f"{float(likeness[choice]):.2f}, their words found {covered[choice]:.0%}. {_BASIS}"
    )
    return {"choice": choice, "scores": scores, "reason": reason}


_BASIS = "[scored by text similarity, not by reasoning]"
