"""Whether a found value is what the schema allows, in the type it asks for."""

from __future__ import annotations

import re
from typing import Any

from shared_agent.models.embedded.fields import Field, Schema
from shared_agent.models.embedded.values import Found, date, number


def fitting(field: Field, found: Found) -> Any:
    """The value in the schema's type, or None when the schema does not allow it.

    Strings stay as written, white space apart; a date is only kept when it is one, and put in ISO form only where the
    schema's ``format`` demands it.
    """
    if field.kind == "enum":
        return found.value
    if field.type in {"integer", "number"}:
        return _number(field, found)
    text = " ".join(found.written.split())
    if field.kind == "date":
        iso = date(text)
        if iso is None:
            return None
        text = iso if field.schema.get("format") == "date" else text
    return text if _allows_text(field.schema, text) else None


def _number(field: Field, found: Found) -> int | float | None:
    value = found.value if isinstance(found.value, int | float) else number(found.written)
    if value is None or not _allows_number(field.schema, value):
        return None
    if field.type == "number":
        return int(value) if isinstance(value, int) else value
    return int(value) if float(value).is_integer() else None


def _allows_number(schema: Schema, value: float) -> bool:
    return (
        value >= schema.get("minimum", value)
        and value <= schema.get("maximum", value)
        and value > schema.get("exclusiveMinimum", value - 1)
        and value < schema.get("exclusiveMaximum", value + 1)
    )


def _allows_text(schema: Schema, text: str) -> bool:
    pattern = schema.get("pattern")
    return int(schema.get("minLength", 1)) <= len(text) <= int(schema.get("maxLength", len(text))) and (
        pattern is None or re.search(str(pattern), text) is not None
    )
