"""Labels by evidence: what the text is like (vectors), which words it shares with a label, and given examples.

    evidence(label) =  a · likeness to the label's name and description      (centred over the labels)
                    +  b · rare words and word pairs of the description that occur in the text
                    +  c · phrases the description quotes, and the label's name, found literally
                    +  d · likeness to the examples of the label
    score           =  softmax of the evidence

A word counts by how few labels use it: what every description says tells nothing. A label that means "none of the
others" competes with what chance alone would gather instead: it wins when nothing else is supported.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from shared_agent.models.embedded import notices
from shared_agent.models.embedded.encoder import Embed, Matrix
from shared_agent.models.embedded.lexical import terms

_LIKENESS, _WORDS, _LITERAL, _EXAMPLES = 6.0, 3.0, 3.0, 12.0
_MULTIPLE_SHARE = 0.18
_HEAD_WORDS = 90
_WINDOW_WORDS = 60
_WINDOWS = 4
_HEAD_CHARACTERS = 600
_FALLBACK = re.compile(
    r"^(?:other|others|none|unknown|misc|miscellaneous|else|unclear)\b|none of the (?:above|other|labels)"
    r"|any(?:thing)? (?:other|else)|something else|not listed|no other label|does not fit",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"\u201c'\u2018`]([^\"\u201d'\u2019`]{3,80})[\"\u201d'\u2019`]")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class _Label:
    name: str
    description: str
    words: frozenset[str]
    pairs: frozenset[str]
    phrases: tuple[str, ...]
    fallback: bool


def classify(
    text: str,
    labels: Mapping[str, str],
    embed: Embed,
    *,
    multiple: bool = False,
    examples: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    """``{"label", "labels", "scores"}``: the best label, the chosen ones, every label's share (they add up to 1)."""
    known = [_label(name, description) for name, description in labels.items()]
    body = notices.strip(text).body
    evidence = _evidence(body, known, embed)
    for name, likeness in _examples(body, examples, embed).items():
        if name in labels:
            evidence[name] += _EXAMPLES * likeness
    scores = _softmax(evidence)
    ranked = sorted(scores, key=lambda name: -scores[name])
    rest = {label.name for label in known if label.fallback}
    floor = max(_MULTIPLE_SHARE * scores[ranked[0]], 0.5 / len(known), *(scores[name] for name in rest))
    chosen = ranked[:1] + [name for name in ranked[1:] if scores[name] >= floor and name not in rest]
    return {"label": ranked[0], "labels": chosen if multiple else ranked[:1], "scores": scores}


def _label(name: str, description: str) -> _Label:
    spoken = re.sub(r"[_\-/]+", " ", name)
    words = terms(f"{spoken} {description}")
    return _Label(
        name=name,
        description=description,
        words=frozenset(words),
        pairs=frozenset(_pairs(description)),
        phrases=tuple(_SPACE.sub(" ", phrase).casefold() for phrase in _QUOTED.findall(description)),
        fallback=bool(_FALLBACK.search(spoken) or _FALLBACK.search(description)),
    )


def _evidence(text: str, labels: Sequence[_Label], embed: Embed) -> dict[str, float]:
    words = _Distinction([label.words for label in labels])
    pairs = _Distinction([label.pairs for label in labels])
    present, present_pairs = set(terms(text)), set(_pairs(text))
    flat = _SPACE.sub(" ", text).casefold()
    likeness = _likeness(text, labels, embed)
    middle = sum(likeness) / len(likeness)
    evidence: dict[str, float] = {}
    for label, like in zip(labels, likeness, strict=True):
        if label.fallback:
            evidence[label.name] = _chance(len(text.split())) - _LIKENESS * middle
        else:
            shared = 0.5 * words.share(label.words, present) + 0.5 * pairs.share(label.pairs, present_pairs)
            evidence[label.name] = _LIKENESS * (like - middle) + _WORDS * shared + _LITERAL * _literal(label, flat)
    return evidence


def _chance(words: int) -> float:
    """Evidence that a text about something else gathers for its nearest label: the more words, the more by chance.

    Read off 150 package descriptions against eight licence labels, none of which described them.
    """
    return 2.0 + 0.42 * math.log1p(words / 50)


def _likeness(text: str, labels: Sequence[_Label], embed: Embed) -> list[float]:
    windows = embed(_windows(text, frozenset(word for label in labels for word in label.words)))
    hypotheses = embed([f"{label.name}: {label.description}" if label.description else label.name for label in labels])
    table = windows @ hypotheses.T
    blended = 0.5 * table.max(axis=0) + 0.5 * table[0]
    return [float(value) for value in blended]


def _windows(text: str, wanted: frozenset[str]) -> list[str]:
    """The head of the text and the later stretches that use most of the labels' words."""
    words = text.split()
    head = " ".join(words[:_HEAD_WORDS])
    later = [" ".join(words[start : start + _WINDOW_WORDS]) for start in range(_HEAD_WORDS, len(words), _WINDOW_WORDS)]
    hits = [len(wanted.intersection(terms(window))) for window in later]
    best = sorted(range(len(later)), key=lambda index: (-hits[index], index))[:_WINDOWS]
    return [head, *(later[index] for index in sorted(best))]


def _literal(label: _Label, flat: str) -> float:
    """1 when the text opens with the label's own name, less when it comes later; quoted phrases likewise."""
    name = re.sub(r"[_\-\s]+", r"[\\s_-]+", re.escape(label.name.casefold()).replace(r"\-", "-").replace(r"\ ", " "))
    found = re.search(rf"(?<!\w){name}(?!\w)", flat)
    named = 0.0 if found is None else (1.0 if found.start() < _HEAD_CHARACTERS else 0.3)
    quoted = sum(phrase in flat for phrase in label.phrases) / len(label.phrases) if label.phrases else 0.0
    return max(named, quoted)


def _examples(text: str, examples: Sequence[tuple[str, str]], embed: Embed) -> dict[str, float]:
    """Per label: cosine with the mean of its examples and with the nearest one, centred over the labels."""
    if not examples:
        return {}
    vector = embed([text])[0]
    groups: dict[str, list[str]] = {}
    for example, name in examples:
        groups.setdefault(name, []).append(example)
    raw: dict[str, float] = {}
    for name, members in groups.items():
        vectors: Matrix = embed(members)
        mean = vectors.mean(axis=0)
        central = float(vector @ mean) / (float(np.linalg.norm(mean)) or 1.0)
        raw[name] = 0.6 * central + 0.4 * float((vectors @ vector).max())
    middle = sum(raw.values()) / len(raw)
    return {name: value - middle for name, value in raw.items()}


def _pairs(text: str) -> list[str]:
    stems = terms(text)
    return [f"{first} {second}" for first, second in pairwise(stems)]


class _Distinction:
    """How much of what sets a label apart from the others is present in a text.

        weight(term)  =  ln(labels / labels that use the term)            nothing for a term that all of them use
        share(label)  =  weight present / (own^0.75 · usual^0.25)         own: all of the label's weight

    The share is taken between the label's own weight and the usual one, so that neither a long description (hard to
    cover) nor a short one (covered by chance) is at an advantage.
    """

    def __init__(self, groups: Sequence[frozenset[str]]) -> None:
        used = Counter(term for group in groups for term in group)
        self._weights = {term: math.log(max(2, len(groups)) / count) for term, count in used.items()}
        self._usual = sum(map(self._weigh, groups)) / len(groups)

    def share(self, group: frozenset[str], present: set[str]) -> float:
        hit = self._weigh(group & present)
        return hit / (self._weigh(group) ** 0.75 * self._usual**0.25) if hit else 0.0

    def _weigh(self, group: frozenset[str]) -> float:
        return sum(self._weights[term] for term in sorted(group))


def _softmax(evidence: Mapping[str, float]) -> dict[str, float]:
    top = max(evidence.values())
    powers = {name: math.exp(value - top) for name, value in evidence.items()}
    total = sum(powers.values())
    return {name: round(power / total, 4) for name, power in powers.items()}
