"""Words as evidence: stems without stop words, their rarity, and how much of a query a text covers."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_STOP = frozenset(
    """a about above after again all also am an and any are as at be because been before being below between both but
    by can could did do does doing down during each few for from further had has have having he her here hers him his
    how i if in into is it its just me more most my no nor not of off on once only or other our ours out over own
    same she should so some such than that the their theirs them then there these they this those through to too
    under until up upon us very was we were what when where which while who whom why will with would you your yours
    tell give find list please text document""".split()  # noqa: SIM905 - a list of 150 literals reads worse
)
_SUFFIXES = (
    "izations", "ization", "ations", "ation", "ments", "ment", "ings", "ing", "ions", "ion",
    "ers", "ors", "er", "or", "ies", "ied", "ed", "es", "ly", "s",
)  # fmt: skip
_SHORTEST_STEM = 4


def terms(text: str) -> list[str]:
    """Stems of the words of ``text`` that carry meaning, in order, repeated as often as they occur."""
    return [_stem(word) for word in map(str.lower, _WORD.findall(text)) if word not in _STOP]


@lru_cache(maxsize=65_536)
def _stem(word: str) -> str:
    word = word.replace("\u2019", "'").removesuffix("'s")
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            word = word[: -len(suffix)]
            break
    return word[:-1] if word.endswith(("e", "y")) and len(word) > _SHORTEST_STEM else word


def rarity(groups: Sequence[Iterable[str]]) -> dict[str, float]:
    """Inverse document frequency of each term: ln(1 + N / groups that hold it)."""
    frequency = Counter(term for group in groups for term in set(group))
    return {term: math.log(1 + len(groups) / count) for term, count in frequency.items()}


def coverage(wanted: Iterable[str], present: Iterable[str], weights: Mapping[str, float]) -> float:
    """Share of the weight of the ``wanted`` terms that is ``present``, from 0 to 1; a term without weight counts 1."""
    wanted_set, present_set = set(wanted), set(present)
    total = sum(weights.get(term, 1.0) for term in wanted_set)
    hit = sum(weights.get(term, 1.0) for term in wanted_set & present_set)
    return hit / total if total else 0.0
