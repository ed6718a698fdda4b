"""Sentence vectors: token ids through the ONNX model, mean of the token vectors, length one.

    cos(a, b) = a · b        because every vector has length one

Each text runs alone. Compute, not call overhead, is what a run costs on a CPU (batches of 16 were no faster than one
at a time), so a batch would only add padding and make a vector depend on its neighbours. Two threads may run the same
session at once; each run keeps to one core.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import onnxruntime  # pyright: ignore[reportMissingTypeStubs]

from shared_agent.models.embedded.weights import vocabulary_path, weights_path
from shared_agent.models.embedded.wordpiece import WordPiece

Matrix: TypeAlias = npt.NDArray[np.float32]
Embed: TypeAlias = Callable[[Sequence[str]], Matrix]
"""Texts to unit vectors, one row a text: all that the ranking code knows of the encoder."""

DIMENSIONS = 384
SENTENCE_TOKENS = 64
"""Longest sentence read when sentences are compared; what makes two sentences alike shows in their beginning."""
TEXT_TOKENS = 256
"""Longest text the encoder was trained to read; the rest of a longer one is not seen."""

_REMEMBERED = 8192


class Encoder:
    """The loaded model with the most recent vectors. Safe to share between threads."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(weights_path()), options, providers=["CPUExecutionProvider"])
        self.wordpiece = WordPiece(vocabulary_path())
        self._vectors: OrderedDict[tuple[int, str], Matrix] = OrderedDict()
        self._lock = threading.Lock()

    def encode(
        self, texts: Sequence[str], *, tokens: int = TEXT_TOKENS, check: Callable[[], None] | None = None
    ) -> Matrix:
        """Unit vectors of ``texts``, one row each, reading at most ``tokens`` tokens of each.

        ``check`` is called before every run of the model and may raise to give up.
        """
        rows = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in enumerate(texts):
            rows[row] = self._vector(text, tokens, check)
        return rows

    def _vector(self, text: str, tokens: int, check: Callable[[], None] | None) -> Matrix:
        key = (tokens, text)
        with self._lock:
            known = self._vectors.get(key)
            if known is not None:
                self._vectors.move_to_end(key)
                return known
        if check is not None:
            check()
        vector = self._run(self.wordpiece.encode(text, tokens))
        with self._lock:
            self._vectors[key] = vector
            if len(self._vectors) > _REMEMBERED:
                self._vectors.popitem(last=False)
        return vector

    def _run(self, ids: list[int]) -> Matrix:
        token_ids = np.asarray([ids], dtype=np.int64)
        outputs = self._session.run(
            None,
            {
                "input_ids": token_ids,
                "attention_mask": np.ones_like(token_ids),
                "token_type_ids": np.zeros_like(token_ids),
            },
        )
        mean: Matrix = np.asarray(outputs[0], dtype=np.float32)[0].mean(axis=0)
        return np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)


_loaded: list[Encoder] = []
_loading = threading.Lock()


def shared_encoder() -> Encoder:
    """The process's one encoder, loaded at the first call (about half a second, 100 MB)."""
    with _loading:
        if not _loaded:
            _loaded.append(Encoder())
        return _loaded[0]
