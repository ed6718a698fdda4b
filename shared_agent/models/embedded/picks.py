"""Sentences that say what a description asks for.

    score = 0.6 · likeness to the description  +  0.25 · its rare words found  +  0.3 · the same kind of statement

The kind of statement is duty ("must"), leave ("may") or ban ("may not"): a description that uses one asks for
sentences that do, whatever the subject; where the text has such sentences, only they are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared_agent.models.embedded.encoder import Embed
from shared_agent.models.embedded.lexical import coverage, rarity, terms
from shared_agent.models.embedded.ranking import first_cut
from shared_agent.models.embedded.sentences import Sentence

_STATEMENTS = {
    "ban": re.compile(
        r"\b(?:must|may|shall|can|should|will)\s+not\b|\bneither\b|\bcannot\b|\bprohibit|\bforbid|\bnot be used\b"
        r"|\bwithout (?:specific |express |prior )*(?:written )?permission\b|\brestrict(?:ed|ion)",
        re.IGNORECASE,
    ),
    "duty": re.compile(
        r"\bmust\b|(?<!event )\bshall\s+(?!mean\b|not\b|be liable\b)|\b(?:has|have|needs?|required|obliged)\s+to\s+[a-z]"
        r"|\b(?:is|are) required\b|\bprovided that\b|\bsubject to the follow|\bon condition that\b|\bagrees? to\b"
        r"|\bobligat(?:ed|ions?)\b|\bdut(?:y|ies)\b|\brequirements?\b",
        re.IGNORECASE,
    ),
    "leave": re.compile(
        r"\b(?:may(?! not)|permitted|permission|allowed|granted|free to|entitled|rights? to)\b", re.IGNORECASE
    ),
}
_ASKING = re.compile(
    r"\b(?:the |all |every |any )?(?:full |exact |whole )?(?:sentences?|statements?|clauses?|passages?|parts?)"
    r"(?: of the text)?(?: that| which)?(?: states?| says?| describes?| explains?| mentions?| tells?)\b",
    re.IGNORECASE,
)
_RANKED = 32
_ALIKE = 0.92


@dataclass(frozen=True, slots=True)
class Pick:
    """A sentence and how well it fits, from about 0 to 1."""

    sentence: Sentence
    score: float


def best_sentences(
    sentences: Sequence[Sentence], wanted: str, embed: Embed, *, most: int, at_least: float
) -> list[Pick]:
    """At most ``most`` different sentences about ``wanted`` that score ``at_least``, best first."""
    wanted = _ASKING.sub("", wanted).strip()
    query, kinds = terms(wanted), statements(wanted)
    whole = [sentence for sentence in sentences if sentence.words >= 3]
    of_kind = [sentence for sentence in whole if kinds & statements(sentence.text)]
    ranked = first_cut(of_kind or whole, _RANKED, query)
    if not ranked or not wanted:
        return []
    bags = [terms(sentence.text) for sentence in ranked]
    weights = rarity(bags)
    vectors = embed([sentence.text for sentence in ranked])
    likeness = vectors @ embed([wanted])[0]
    scores = [
        0.6 * float(like) + 0.25 * coverage(query, bag, weights) + (0.3 if kinds & statements(sentence.text) else 0.0)
        for sentence, bag, like in zip(ranked, bags, likeness, strict=True)
    ]
    chosen: list[int] = []
    for index in sorted(range(len(ranked)), key=lambda i: (-round(scores[i], 6), i)):
        repeats = any(float(vectors[index] @ vectors[other]) > _ALIKE for other in chosen)
        if scores[index] >= at_least and len(chosen) < most and not repeats:
            chosen.append(index)
    return [Pick(ranked[index], scores[index]) for index in chosen]


def statements(text: str) -> frozenset[str]:
    """Which kinds of statement a text makes: any of ``duty``, ``leave``, ``ban``."""
    return frozenset(kind for kind, pattern in _STATEMENTS.items() if pattern.search(text))
