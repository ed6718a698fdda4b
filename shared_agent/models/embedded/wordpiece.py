"""BERT's uncased WordPiece, as the encoder's vocabulary expects it.

    text ──NFD, drop accents and controls, lower, split off punctuation──▶ words ──longest prefix first──▶ ids

Word pieces are remembered: real texts repeat their words, so most look-ups are one dictionary access.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

# The ranges of the reference tokenizer, whose fifth begins later than the Unicode block it means.
_CJK = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)
_LONGEST_WORD = 100
_MOST_REMEMBERED = 50_000


class _CharacterRule(dict[int, str]):
    """What ``str.translate`` puts in place of each code point, worked out once a character."""

    def __missing__(self, code: int) -> str:
        self[code] = rule = self._rule(code)
        return rule

    @staticmethod
    def _rule(code: int) -> str:
        character = chr(code)
        category = unicodedata.category(character)
        if character in "\t\n\r" or category.startswith("Z"):
            return " "
        if code in {0, 0xFFFD} or category.startswith("C") or category == "Mn":
            return ""
        ascii_symbol = code < 128 and not character.isalnum()
        ideograph = any(first <= code <= last for first, last in _CJK)
        if ascii_symbol or ideograph or category.startswith("P"):
            return f" {character} "
        return character.lower()


class WordPiece:
    """Turns text into the encoder's token ids. Safe to share between threads."""

    def __init__(self, vocabulary: Mapping[str, int]) -> None:
        self._ids = vocabulary
        self._characters = _CharacterRule()
        self._pieces: dict[str, tuple[int, ...]] = {}
        self._begin, self._end = vocabulary["[CLS]"], vocabulary["[SEP]"]
        self._unknown = (vocabulary["[UNK]"],)

    def encode(self, text: str, limit: int) -> list[int]:
        """Ids of ``text`` between the begin and end tokens, at most ``limit`` in all."""
        ids = [self._begin]
        for word in self._words(text):
            ids += self._split(word)
            if len(ids) >= limit:
                break
        return [*ids[: limit - 1], self._end]

    def count(self, text: str) -> int:
        """Number of tokens in ``text``, without the begin and end tokens."""
        return sum(len(self._split(word)) for word in self._words(text))

    def _words(self, text: str) -> list[str]:
        return unicodedata.normalize("NFD", text).translate(self._characters).split()

    def _split(self, word: str) -> tuple[int, ...]:
        known = self._pieces.get(word)
        if known is None:
            known = self._longest_first(word)
            if len(self._pieces) < _MOST_REMEMBERED:
                self._pieces[word] = known
        return known

    def _longest_first(self, word: str) -> tuple[int, ...]:
        if len(word) > _LONGEST_WORD:
            return self._unknown
        pieces: list[int] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(len(word), start, -1):
                piece = self._ids.get(prefix + word[start:end])
                if piece is not None:
                    pieces.append(piece)
                    start = end
                    break
            else:
                return self._unknown
        return tuple(pieces)
