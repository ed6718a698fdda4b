"""The model that needs no key and no network: it selects from its input and never writes.

Sentences are chosen, labels scored and values found with a small sentence encoder (all-MiniLM-L6-v2, 8-bit weights,
on ONNX Runtime), TF-IDF and rules. The same input gives the same output. Importing this package loads none of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shared_agent.models.embedded.model import EmbeddedModel

__all__ = ["EmbeddedModel"]


def __getattr__(name: str) -> Any:
    if name == "EmbeddedModel":
        from shared_agent.models.embedded.model import EmbeddedModel

        return EmbeddedModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
