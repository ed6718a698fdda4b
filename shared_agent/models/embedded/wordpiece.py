"""The encoder's own tokenizer (BERT's uncased WordPiece), through the ``tokenizers`` library.

A text that contains ``[SEP]`` or another of the vocabulary's special tokens is read as those characters: inputs are
untrusted, and must not be able to end the text that the encoder sees.
"""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer


class WordPiece:
    """Turns text into the encoder's token ids. Safe to share between threads."""

    def __init__(self, file: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(file))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True

    def encode(self, text: str, limit: int) -> list[int]:
        """Ids of ``text`` between the begin and end tokens, at most ``limit`` in all."""
        ids = self._tokenizer.encode(text).ids
        return ids if len(ids) <= limit else [*ids[: limit - 1], ids[-1]]

    def count(self, text: str) -> int:
        """Number of tokens in ``text``, without the begin and end tokens."""
        return len(self._tokenizer.encode(text).ids) - 2
