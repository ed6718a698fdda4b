"""Reads a kind's options, each with an error that names the field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared_agent.errors import InputError
from shared_agent.spec.settings import JobSettings


def refuse_unknown(settings: JobSettings, known: Sequence[str]) -> None:
    """Raise InputError for an option that the kind does not have."""
    for name in settings.options:
        if name not in known:
            raise InputError(
                f"options.{name}",
                f"is not an option of {settings.kind}",
                remedy=f"its options are {', '.join(known)}" if known else "it has none",
            )


def text(settings: JobSettings, name: str, example: str, default: str | None = None) -> str:
    """A non-empty string option."""
    value = settings.options.get(name, default)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"options.{name}", "is missing or not a text", remedy=f"such as {name}: {example}")
    return value


def whole(settings: JobSettings, name: str, default: int) -> int:
    """A positive whole number."""
    value = settings.options.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InputError(f"options.{name}", f"is {value!r}", remedy="give a whole number of at least 1")
    return value


def labels(settings: JobSettings) -> Mapping[str, str]:
    """``labels`` as a list of names, or as a mapping from names to descriptions."""
    value: Any = settings.options.get("labels")
    if isinstance(value, list | tuple):
        value = {str(name): str(name) for name in value}
    if not isinstance(value, Mapping) or len(value) < 2:
        raise InputError(
            "options.labels", "needs at least two labels", remedy='such as labels: {bug: "a defect", idea: "a wish"}'
        )
    return {str(name): str(description or name) for name, description in value.items()}


def schema(settings: JobSettings) -> Mapping[str, Any]:
    """``schema``: JSON Schema of an object with properties."""
    value: Any = settings.options.get("schema")
    if not isinstance(value, Mapping) or value.get("type") != "object" or not value.get("properties"):
        raise InputError(
            "options.schema",
            "is not the JSON Schema of an object",
            remedy="such as schema: {type: object, properties: {title: {type: string}}}",
        )
    return value
