"""A JSON Schema as OpenAI's strict mode takes it.

Strict mode guarantees the shape of the answer, but every object must be closed and every property required
(https://platform.openai.com/docs/guides/structured-outputs#supported-schemas). So an optional property becomes a
required one that may be null, and the nulls are dropped again when the answer is read::

    {a: string, b?: integer}   →   {a: string, b: integer | null}   →   {"a": "x", "b": null}   →   {"a": "x"}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

_PASSED = frozenset(
    {"type", "description", "title", "enum", "const", "$ref", "minimum", "maximum", "minItems", "maxItems", "pattern"}
)
_DROPPED = frozenset({"$schema", "$id", "default", "examples", "required", "additionalProperties", "format"})
_NULL: dict[str, Any] = {"type": "null"}


class _NotStrict(Exception):
    """The schema uses a keyword that strict mode does not know."""


def strict(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """``schema`` closed and with all properties required, or None if strict mode cannot express it."""
    try:
        return _closed(schema)
    except _NotStrict:
        return None


def _closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword in _PASSED:
            out[keyword] = value
        elif keyword == "properties":
            out |= _properties(value, schema)
        elif keyword == "items" and isinstance(value, Mapping):
            out[keyword] = _closed(cast("Mapping[str, Any]", value))
        elif keyword == "anyOf":
            out[keyword] = [_closed(option) for option in value]
        elif keyword in ("$defs", "definitions"):
            out[keyword] = {name: _closed(part) for name, part in value.items()}
        elif keyword not in _DROPPED:
            raise _NotStrict
    if schema.get("type") == "object" and ("properties" not in schema or schema.get("additionalProperties")):
        raise _NotStrict
    return out


def _properties(properties: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    required = schema.get("required", ())
    return {
        "properties": {
            name: _closed(part) if name in required else _nullable(_closed(part)) for name, part in properties.items()
        },
        "required": list(properties),
        "additionalProperties": False,
    }


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, _NULL]}
