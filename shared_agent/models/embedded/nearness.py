"""How closely a value stands by the words that say what it is.

    We delivered 12 sacks of flour  and  3 crates of yeast.
                 └─ same clause: 1 ┘     └ other clause: 0.3 ┘       each cue: weight / (1 + 0.2 · words between)

A clause ends at a comma, a semicolon or a conjunction. Nothing beyond the sentence, the paragraph or a ``Name: value``
line counts.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from shared_agent.models.embedded.lexical import terms

_REACH = 100
_SENTENCE = re.compile(r"\n\s*\n|(?<=[.!?;])\s+|\n(?=[A-Z][\w -]{1,30}:\s)")
_CLAUSE = re.compile(r"[,;]\s|\s(?:and|or|but)\s", re.IGNORECASE)
_OTHER_CLAUSE = 0.3


def nearness(text: str, start: int, end: int, cues: Collection[str]) -> float:
    """From 0 (no cue in reach) to 1 (every cue beside it); ``cues`` are stems, none of them asks for nothing: 1."""
    if not cues:
        return 1.0
    before = _SENTENCE.split(text[max(0, start - _REACH) : start])[-1]
    after = _SENTENCE.split(text[end : end + _REACH])[0]
    ahead, behind = terms(before)[::-1], terms(after)
    clause_ahead, clause_behind = len(terms(_CLAUSE.split(before)[-1])), len(terms(_CLAUSE.split(after)[0]))
    found = 0.0
    for cue in sorted(cues):
        found += max(_closeness(cue, ahead, clause_ahead), _closeness(cue, behind, clause_behind))
    return found / len(cues)


def _closeness(cue: str, words: list[str], clause: int) -> float:
    if cue not in words:
        return 0.0
    between = words.index(cue)
    return (1.0 if between < clause else _OTHER_CLAUSE) / (1 + 0.2 * between)
