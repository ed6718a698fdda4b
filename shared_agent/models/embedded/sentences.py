"""Sentences of real text, with where they stand and how fit they are to be quoted alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from nupunkt import sent_spans

from shared_agent.models.embedded.markup import Block, blocks

_LONGEST_BLOCK = 20_000
_ENDS = ".!?:;\"'\u201d\u2019)"
_LEADING_MARK = re.compile(r"^(?:[-*+\u2022\u00b7\u2014\u2013]|\(?\w{1,3}[.)])\s+")
_DANGLING = re.compile(
    r"^(?:this|these|that|those|it|they|he|she|however|but|and|or|so|also|then|therefore|for example|e\.g\.|thus"
    r"|furthermore|moreover|otherwise|such)\b",
    re.IGNORECASE,
)

_UNFINISHED = re.compile(
    r"\b(?:a|an|and|are|as|at|be|but|by|for|from|in|is|of|on|or|see|that|the|to|was|were|with)$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence: ``passage`` is the number of the text it comes from, ``order`` its place among all."""

    text: str
    passage: int
    order: int
    heading: str = ""
    words: int = 0


def sentences(texts: Sequence[str], *, inline: bool = True) -> list[Sentence]:
    """All sentences of ``texts`` in order; see :func:`shared_agent.models.embedded.markup.blocks` for ``inline``."""
    found: list[Sentence] = []
    for passage, text in enumerate(texts):
        for block in blocks(text, inline=inline):
            for sentence in _split(block):
                found.append(Sentence(sentence, passage, len(found), block.heading, len(sentence.split())))
    return found


def fitness(sentence: Sentence) -> float:
    """How well a sentence stands alone, from 0 to 1: whole, of middle length, not shouted, not dangling."""
    text = sentence.text
    letters = [character for character in text if character.isalpha()]
    if sentence.words < 4 or len(letters) < 0.6 * len(text):
        return 0.0
    score = 1.0
    if text[-1] not in ".!?\"”')":
        announces_little = text[-1] == ":" and sentence.words < 12
        score *= 0.25 if announces_little or _UNFINISHED.search(text) else 0.6
    if sentence.words < 7 or sentence.words > 60:
        score *= 0.6
    if sum(letter.isupper() for letter in letters) > 0.5 * len(letters):
        score *= 0.5
    if not text[0].isupper() and not text[0].isdigit():
        score *= 0.75
    if _DANGLING.match(text):
        score *= 0.85
    return score


def joined(parts: Sequence[str]) -> str:
    """Sentences in one paragraph; what does not end like a sentence gets one of its own, so that it stays apart."""
    return "".join(part + (" " if part[-1] in _ENDS else "\n\n") for part in parts).rstrip()


def _split(block: Block) -> list[str]:
    text = block.text
    parts = [text[start : start + _LONGEST_BLOCK] for start in range(0, len(text), _LONGEST_BLOCK)]
    split = [part[start:end] for part in parts for start, end in sent_spans(part)]
    return [cleaned for sentence in split if (cleaned := _LEADING_MARK.sub("", sentence.strip()))]
