"""Documents cut into pieces that fit a model call: at paragraph ends, else sentence ends, else (one sentence too long)
word ends.

    text     ¶━━━━━━━━━¶━━━━━━━━━━━━.━━━━━━━━━━.━━━━━¶━━━━━━ …
    window   [ ··· first half ··· | ··· second half ··· ]      as long as the budget
    cut                                       ▲                 1. the last paragraph end of the second half
                                         ▲                      2. the last sentence end of the window
             ▲                                                  3. inside a sentence longer than the budget: a line or
                                                                   word end (semantic-text-splitter)

Preferring a paragraph only in the second half keeps every piece but the last at least half full unless a long sentence
forbids it, so that the number of calls stays within about twice the least possible. Sentences are nupunkt's, which knows
abbreviations ("Mr.", "U.S.") where the rules of Unicode end a sentence; a paragraph always ends one.

The pieces are lossless: their texts concatenated are the document. White space stays with the piece before it, but for
the indent of the next line, and does not count towards the budget where it surrounds a piece.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from shared_agent.spec.document import Chunk, Document

_BLANK_LINES = re.compile(r"\n\s*\n")
_BLANK = re.compile(r"\s*")
_BLANK_TO_LINE_START = re.compile(r"\s*\n|\s*")


def chunk(document: Document, max_tokens: int, chars_per_token: float) -> Iterator[Chunk]:
    """The pieces of ``document`` of at most ``max_tokens`` tokens of ``chars_per_token`` characters, in order.

    A document without any text has none.
    """
    text = document.text
    budget = max(1, int(max_tokens * chars_per_token))
    cuts = _cuts(text, budget)
    start = 0
    for part, end in enumerate(cuts):
        yield Chunk(
            source=document.source,
            text=text[start:end],
            part=part,
            parts=len(cuts),
            start=start,
            end=end,
            meta=document.meta,
        )
        start = end


def _cuts(text: str, budget: int) -> list[int]:
    """Where each piece ends."""
    length = _text_end(text, len(text))
    if length == 0:
        return []
    cuts: list[int] = []
    places = _Places(text)
    position = 0
    while True:
        begin = _skip(_BLANK, text, position)
        if length - begin <= budget:
            return [*cuts, len(text)]
        position = _skip(_BLANK_TO_LINE_START, text, places.end_of_piece(begin, budget))
        cuts.append(position)


def _skip(blank: re.Pattern[str], text: str, position: int) -> int:
    found = blank.match(text, position)
    return found.end() if found else position


def _text_end(text: str, position: int) -> int:
    while position and text[position - 1].isspace():
        position -= 1
    return position


class _Places:
    """The places of one text where a piece may end, each just behind a character that is not white space."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._paragraphs = [_text_end(text, found.start()) for found in _BLANK_LINES.finditer(text)]
        self._paragraphs.append(_text_end(text, len(text)))
        self._sentences: list[int] = []
        self._sentences_of = -1

    def end_of_piece(self, begin: int, budget: int) -> int:
        """The best end of a piece that begins at ``begin`` and is not the last."""
        limit = begin + budget
        following = bisect_right(self._paragraphs, limit)
        paragraph = self._paragraphs[following - 1] if following else 0
        if paragraph >= begin + (budget + 1) // 2:
            return paragraph
        sentences = self._sentence_ends(following)
        within = bisect_right(sentences, limit)
        sentence = sentences[within - 1] if within else 0
        best = max(paragraph, sentence)
        return best if best > begin else self._word_end(begin, budget)

    def _sentence_ends(self, paragraph: int) -> list[int]:
        """Ends of the sentences of the ``paragraph``-th paragraph; the last one asked for is kept."""
        if self._sentences_of != paragraph:
            from nupunkt import sent_spans

            start = self._paragraphs[paragraph - 1] if paragraph else 0
            piece = self._text[start : self._paragraphs[paragraph]]
            self._sentences = [start + _text_end(piece, end) for _, end in sent_spans(piece)]
            self._sentences_of = paragraph
        return self._sentences

    def _word_end(self, begin: int, budget: int) -> int:
        """The end of a first part of the sentence at ``begin``, which is longer than the budget."""
        from semantic_text_splitter import TextSplitter

        # Twice the budget is all that the choice of the first part can depend on.
        window = self._text[begin : begin + 2 * budget]
        first = TextSplitter(budget, trim=False).chunks(window)[0]
        return begin + len(first.rstrip())
