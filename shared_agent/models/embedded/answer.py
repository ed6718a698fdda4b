"""Answers from passages: the sentences nearest to the question in meaning and words, with their sources.

    score(sentence) = 0.65 · likeness to the question (alone or with its heading)
                    + 0.35 · the question's rare words
                    + 0.08 · holds what the question word asks for: a number, a time, a name

A best score below ``FOUND`` is no answer, and the reply says so. Otherwise the best sentence is taken and those within
reach of it, in the order of the passages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from shared_agent.models.embedded import notices
from shared_agent.models.embedded.encoder import Embed
from shared_agent.models.embedded.lexical import coverage, rarity, terms
from shared_agent.models.embedded.ranking import first_cut
from shared_agent.models.embedded.sentences import Sentence, fitness, joined, sentences

FOUND = 0.42
"""Lowest score that counts as an answer; see ``tests/unit/models_embedded`` for questions on both sides of it."""

_ADDRESS = re.compile(r"https?://\S+")
_EXPECTED = (
    (re.compile(r"\bhow (?:much|many|long|far|old|large|big|often)\b|\b(?:amount|price)\b", re.I), re.compile(r"\d")),
    (re.compile(r"\bwhen\b|\b(?:what|which) (?:year|date|day)\b", re.I), re.compile(r"\d{4}|\d{1,2}:\d{2}")),
    (re.compile(r"\bwho(?:se|m)?\b", re.I), re.compile(r"[A-Z]\w+ (?:(?:&|and|of|[A-Z]\.) )?[A-Z]\w+")),
)
_RANKED = 48
_WITHIN = 0.82
_MOST_SENTENCES = 3
_ALIKE = 0.92


def answer(
    question: str,
    passages: Sequence[tuple[str, str]],
    embed: Embed,
    *,
    max_words: int,
    missing: str = "",
) -> dict[str, Any]:
    """``{"answer", "sources", "found"}`` from ``passages`` of (text, source).

    Passages that are themselves answers "not found" are passed over, and their gaps carried on.
    """
    stripped = [notices.strip(text) for text, _ in passages]
    gaps = [gap for part in stripped for gap in part.gaps] + ([missing] if missing else [])
    found = sentences([part.body.replace(notices.NOT_FOUND, "") for part in stripped])
    chosen = _choose(question, found, embed, max_words)
    if not chosen:
        return {"answer": notices.attach(notices.NOT_FOUND, gaps, notices.NO_ANSWER), "sources": [], "found": False}
    sources = dict.fromkeys(passages[sentence.passage][1] for sentence in chosen)
    body = joined([sentence.text for sentence in chosen])
    return {"answer": notices.attach(body, gaps), "sources": [name for name in sources if name], "found": True}


def _choose(question: str, found: Sequence[Sentence], embed: Embed, max_words: int) -> list[Sentence]:
    asked = terms(question)
    ranked = first_cut([sentence for sentence in found if sentence.words >= 3], _RANKED, asked)
    if not ranked or not question.strip():
        return []
    bags = [terms(_ADDRESS.sub("", f"{sentence.heading} {sentence.text}")) for sentence in ranked]
    weights = rarity(bags)
    wanted = embed([question])[0]
    vectors = embed([sentence.text for sentence in ranked])
    under = embed(
        [f"{sentence.heading}: {sentence.text}" if sentence.heading else sentence.text for sentence in ranked]
    )
    likeness = np.maximum(vectors @ wanted, under @ wanted)
    expected = next((form for asks, form in _EXPECTED if asks.search(question)), None)
    scores = [
        (0.65 * float(like) + 0.35 * coverage(asked, bag, weights)) * (0.7 + 0.3 * fitness(sentence))
        + (0.08 if expected and expected.search(sentence.text) else 0.0)
        for sentence, bag, like in zip(ranked, bags, likeness, strict=True)
    ]
    order = sorted(range(len(ranked)), key=lambda index: (-round(scores[index], 6), index))
    if scores[order[0]] < FOUND:
        return []
    chosen: list[int] = []
    words = 0
    for index in order:
        sentence = ranked[index]
        near_best = scores[index] >= max(FOUND, _WITHIN * scores[order[0]])
        repeats = any(float(vectors[index] @ vectors[other]) > _ALIKE for other in chosen)
        fits = not chosen or words + sentence.words <= max_words
        if near_best and fits and not repeats and len(chosen) < _MOST_SENTENCES:
            chosen.append(index)
            words += sentence.words
    return [ranked[index] for index in sorted(chosen)]
