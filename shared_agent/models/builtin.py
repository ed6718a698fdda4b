"""Opens the embedded model; apart, so that its parts are imported only when it is asked for."""

from __future__ import annotations

from shared_agent.errors import InputError
from shared_agent.models.opening import Opening
from shared_agent.models.types import Model


def embedded(opening: Opening) -> Model:
    """The model inside this package. It takes no model name, address, key or options."""
    if opening.model or opening.base_url or opening.api_key or opening.options:
        raise InputError("model", "the embedded model takes no settings", remedy="write just 'embedded'")
    from shared_agent.models.embedded import EmbeddedModel

    return EmbeddedModel()
