"""What pydantic found wrong with a job, as one line that a user can act on."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from pydantic import BaseModel

from shared_agent.errors import InputError
from shared_agent.spec.payload import preview

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
_EXPECTED = "Input should be "
_PLAIN = {"tuple": "list", "dictionary": "mapping of fields", "integer": "whole number", "valid ": ""}


def explain(error: ValidationError, model: type[BaseModel]) -> InputError:
    """The error that comes first, with its field, its remedy and the number of the others.

    An unknown field comes before a missing one of the same place: it is most often that one, misspelt.
    """
    errors = _causes(error.errors(include_url=False))
    first = errors[0]
    if first["type"] == "missing":
        same_place = (other for other in errors if other["loc"][:-1] == first["loc"][:-1])
        first = next((other for other in same_place if other["type"] in _UNKNOWN), first)
    message, remedy, meant = _words(first, model)
    others = sum(other is not first and other["loc"] != (*first["loc"][:-1], meant) for other in errors)
    if others:
        more = f"and {others} more error{'s' if others > 1 else ''}"
        remedy += f" {more}" if remedy.endswith("?") else f"; {more}"
    return InputError(".".join(str(part) for part in first["loc"]) or "job", message, remedy=remedy)


def _causes(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without those that only follow from an error further in (a list that is too short as its item was refused)."""
    return [
        error
        for error in errors
        if not any(other["loc"][: len(error["loc"])] == error["loc"] != other["loc"] for other in errors)
    ]


def _words(error: ErrorDetails, model: type[BaseModel]) -> tuple[str, str, str | None]:
    """Message, remedy and, for an unknown field, the one that was probably meant."""
    kind, text, context = error["type"], error["msg"], error.get("ctx", {})
    given = f"is {preview(repr(error['input']), 60)}"
    if kind in _UNKNOWN:
        known = _fields_at(model, error["loc"][:-1])
        close = difflib.get_close_matches(str(error["loc"][-1]), known, n=1)
        remedy = f"did you mean {close[0]!r}?" if close else f"the fields here are {', '.join(known)}"
        return "is not a field", remedy, close[0] if close else None
    if kind == "missing":
        return "is missing", "add it", None
    if kind == "too_short":
        return "is empty", f"give at least {context['min_length']}", None
    if kind == "string_pattern_mismatch":
        return given, f"give text that matches {context['pattern']}", None
    if kind == "value_error":
        message, _, remedy = text.removeprefix("Value error, ").partition("; ")
        return message, remedy or "correct it", None
    for bound, words in _BOUNDS.items():
        if bound in context:
            return given, f"give {words} {context[bound]:,.10g}", None
    if kind == "literal_error":
        return given, f"give {context['expected']}", None
    if not text.startswith(_EXPECTED):
        return text[:1].lower() + text[1:], "correct it", None
    expected = text.removeprefix(_EXPECTED).partition(",")[0]
    if kind.endswith("_type") and " or " in expected:
        expected = "a mapping of fields"
    for word, plain in _PLAIN.items():
        expected = expected.replace(word, plain)
    return given, f"give {expected}", None


def _fields_at(model: type[Any], place: Sequence[int | str]) -> list[str]:
    """Names of the fields that the mapping at ``place`` may have; indexes and keys on the way are passed over."""
    current: type[Any] | None = model
    for part in place:
        if current is not None and part in _field_names(current):
            current = next(_structures(get_type_hints(current)[str(part)]), None)
    return _field_names(current) if current is not None else []


def _field_names(kind: type[Any]) -> list[str]:
    if issubclass(kind, BaseModel):
        return list(kind.model_fields)
    return [field.name for field in dataclasses.fields(kind)]


def _structures(annotation: Any) -> Iterator[type[Any]]:
    """Models and dataclasses named in an annotation such as ``tuple[LimitSpec, ...]`` or ``Budget | None``."""
    if isinstance(annotation, type) and (dataclasses.is_dataclass(annotation) or issubclass(annotation, BaseModel)):
        yield annotation
    for argument in get_args(annotation):
        yield from _structures(argument)
