"""What a provider's factory is given to open a model, and how it asks for what is missing."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from shared_agent.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One call of ``open_model``: ``name`` is ``provider:model``, the rest is as the caller gave it."""

    name: str
    provider: str
    model: str
    base_url: str | None = None
    api_key: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


def require_key(opening: Opening, *variables: str, alternative: str = "") -> str:
    """The API key the caller gave or the first of the environment ``variables`` that is set. Raises InputError."""
    if opening.api_key:
        return opening.api_key
    for variable in variables:
        if os.environ.get(variable):
            return os.environ[variable]
    raise missing(opening, "no API key", " or ".join(variables), "api_key", alternative)


def require_setting(opening: Opening, given: str, option: str, *variables: str) -> str:
    """``given``, or the first of the environment ``variables`` that is set. Raises InputError naming ``option``."""
    if given:
        return given
    for variable in variables:
        if os.environ.get(variable):
            return os.environ[variable]
    raise missing(opening, f"no {option}", " or ".join(variables), f"options[{option!r}]", "")


def require_module(opening: Opening, module: str, extra: str) -> ModuleType:
    """Import an SDK. Raises InputError naming the extra that carries it, if it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise not_installed(opening, error.name or module, extra) from error


def not_installed(opening: Opening, module: str, extra: str) -> InputError:
    """The error for a model whose ``module`` is not there; ``extra`` carries it."""
    return InputError(
        "model",
        f"{opening.name!r} needs {module}, which is not installed",
        remedy=f'pip install "shared-agent[{extra}]"',
    )


def missing(opening: Opening, what: str, variables: str, argument: str, alternative: str) -> InputError:
    """The error for a key or setting that is nowhere to be found."""
    remedy = f"set {variables}, or pass {argument}"
    return InputError(
        "model", f"{what} for {opening.name!r}", remedy=f"{remedy}, or {alternative}" if alternative else remedy
    )
