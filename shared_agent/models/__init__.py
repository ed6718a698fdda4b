"""Language models behind one protocol, opened by name.

    name                      provider                                  extra           key or identity
    ────────────────────────  ────────────────────────────────────────  ──────────────  ─────────────────────────────────
    embedded                  the model inside this package             embedded        none; it selects, never writes
    anthropic:MODEL           Anthropic API                             anthropic       ANTHROPIC_API_KEY
    anthropic-bedrock:MODEL   Claude on Amazon Bedrock                  anthropic, aws  AWS credentials; AWS_REGION
    anthropic-vertex:MODEL    Claude on Google Cloud Vertex AI          anthropic, gcp  Google credentials;
                                                                                        ANTHROPIC_VERTEX_PROJECT_ID,
                                                                                        CLOUD_ML_REGION
    anthropic-foundry:MODEL   Claude in Microsoft Foundry               anthropic       ANTHROPIC_FOUNDRY_API_KEY;
                                                                                        ANTHROPIC_FOUNDRY_RESOURCE
    openai:MODEL              OpenAI API, or a server that speaks it    openai          OPENAI_API_KEY
    azure-openai:DEPLOYMENT   Azure OpenAI                              openai          AZURE_OPENAI_API_KEY;
                                                                                        AZURE_OPENAI_ENDPOINT
    google:MODEL              Gemini API                                google          GEMINI_API_KEY
    google-vertex:MODEL       Gemini on Google Cloud Vertex AI          google          Google credentials;
                                                                                        GOOGLE_CLOUD_PROJECT

Importing this module imports no SDK: each provider's module is imported when its first model is opened. One's own
provider is a function from :class:`Opening` to :class:`~shared_agent.models.types.Model`::

    register_provider("mine", lambda opening: MyModel(opening.name))
    model = open_model("mine:anything")
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from shared_agent.errors import InputError
from shared_agent.models.opening import Opening, not_installed
from shared_agent.models.types import Model

__all__ = ["Factory", "Opening", "open_model", "providers", "register_provider"]

Factory = Callable[[Opening], Model]
"""Opens one model of a provider. Raises InputError when something the caller must give is missing."""

# Provider → where its factory is, and the extra that carries its SDK.
_BUILT_IN = {
    "embedded": ("shared_agent.models.builtin:embedded", "embedded"),
    "anthropic": ("shared_agent.models.anthropic:direct", "anthropic"),
    "anthropic-bedrock": ("shared_agent.models.anthropic:bedrock", "anthropic"),
    "anthropic-vertex": ("shared_agent.models.anthropic:vertex", "anthropic"),
    "anthropic-foundry": ("shared_agent.models.anthropic:foundry", "anthropic"),
    "openai": ("shared_agent.models.openai:direct", "openai"),
    "azure-openai": ("shared_agent.models.openai:azure", "openai"),
    "google": ("shared_agent.models.google:direct", "google"),
    "google-vertex": ("shared_agent.models.google:vertex", "google"),
}
_WITHOUT_MODEL = frozenset({"embedded"})
_PREFIX = re.compile(r"[a-z][a-z0-9-]*")

_registered: dict[str, Factory] = {}


def open_model(
    name: str,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Model:
    """Open the model called ``name`` (see the table above). No request is made.

    ``base_url`` replaces the provider's address, for a proxy or a compatible server. ``api_key`` replaces the
    environment variable. ``options``: see :class:`shared_agent.models.options.Options`.

    Raises InputError, field ``model``, for an unknown provider, a missing extra, key or setting, or a model whose price
    is not known; the remedy says which extra, variable or option.
    """
    provider, _, model = name.partition(":")
    opening = Opening(
        name=name, provider=provider, model=model, base_url=base_url, api_key=api_key, options=dict(options or {})
    )
    return _factory(opening)(opening)


def register_provider(prefix: str, factory: Factory) -> None:
    """Make ``open_model("prefix:anything")`` call ``factory``, in this process. Registering again replaces.

    Raises InputError if ``prefix`` is a built-in provider's or not made of lower-case letters, digits and hyphens.
    """
    if not _PREFIX.fullmatch(prefix):
        raise InputError("prefix", f"{prefix!r} cannot be a provider", remedy="use a-z, 0-9 and '-'")
    if prefix in _BUILT_IN:
        raise InputError("prefix", f"{prefix!r} is a built-in provider", remedy="choose another name")
    _registered[prefix] = factory


def providers() -> tuple[str, ...]:
    """Every prefix that ``open_model`` knows, built-in ones first."""
    return (*_BUILT_IN, *_registered)


def _factory(opening: Opening) -> Factory:
    if opening.provider in _registered:
        return _registered[opening.provider]
    if opening.provider not in _BUILT_IN:
        raise InputError(
            "model",
            f"unknown provider in {opening.name!r}",
            remedy=f"write PROVIDER:MODEL, one of {', '.join(providers())}",
        )
    if not opening.model and opening.provider not in _WITHOUT_MODEL:
        raise InputError("model", f"{opening.name!r} names no model", remedy=f"write {opening.provider}:MODEL")
    place, extra = _BUILT_IN[opening.provider]
    module, _, function = place.partition(":")
    try:
        return getattr(importlib.import_module(module), function)
    except ImportError as error:
        raise not_installed(opening, error.name or extra, extra) from error
