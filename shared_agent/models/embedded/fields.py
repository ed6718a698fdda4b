"""What a JSON Schema asks for, property by property, in terms of what can be looked up in a text.

property ──format, pattern, enum, type──▶ kind, where the schema says it exactly
         ──words of the name, then of the description──▶ kind, where it does not
         ──the other words──▶ cues: what stands near the value
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from shared_agent.models.embedded.lexical import terms

Schema = Mapping[str, Any]

_FORMATS = {
    "email": "email", "idn-email": "email", "uri": "uri", "url": "uri", "iri": "uri", "uri-reference": "uri",
    "date": "date", "date-time": "datetime", "time": "time", "ipv4": "ipv4", "uuid": "uuid",
}  # fmt: skip
_STRING_KINDS = {
    "email": ("email", "e-mail", "mail"),
    "uri": ("url", "uri", "link", "homepage", "website", "repository"),
    "date": ("date", "day", "deadline", "birthday", "expiry"),
    "time": ("time", "hour"),
    "year": ("year",),
    "money": ("price", "cost", "amount", "fee", "salary", "budget", "revenue", "payment"),
    "percent": ("percent", "percentage"),
    "version": ("version", "release"),
    "phone": ("phone", "telephone", "fax"),
    "name": (
        "holder", "author", "person", "people", "organisation", "organization", "company", "owner", "maintainer",
        "contributor", "publisher", "vendor", "customer", "supplier", "employer", "party", "director", "manager",
        "chair", "president", "signatory", "copyright",
    ),
    "title": ("title", "headline", "heading"),
    "sentence": (
        "sentence", "statement", "clause", "obligation", "requirement", "condition", "reason", "summary", "purpose",
        "description", "fact", "finding", "risk", "quote", "passage", "explanation", "argument", "decision", "action",
        "claim", "conclusion", "restriction", "permission", "limitation", "warning", "point", "issue", "problem",
    ),
}  # fmt: skip
_GENERIC = {
    "date": "date day", "time": "time", "year": "year", "money": "price cost amount payment",
    "percent": "percent percentage", "email": "email mail", "uri": "url uri link", "version": "version",
    "phone": "phone telephone",
}  # fmt: skip
"""Words that say what a value looks like and need not stand beside it."""

_NUMBER_KINDS = ("year", "money", "percent")
_PICKS = {
    "first": "first", "earliest": "least", "oldest": "least", "lowest": "least", "smallest": "least",
    "minimum": "least", "last": "last", "final": "last", "latest": "most", "newest": "most", "recent": "most",
    "highest": "most", "largest": "most", "maximum": "most",
}  # fmt: skip
_EMPTY_CUES = frozenset(
    terms("first last earliest latest oldest newest value number string text name named after following stated field "
          "item full exact given mentioned date iso format whole one each every")
)  # fmt: skip
_QUOTED = re.compile(r"[\"\u201c'\u2018`]([^\"\u201d'\u2019`]{2,40})[\"\u201d'\u2019`]")
_WORDS = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Field:
    """One property: ``kind`` says what its value looks like, ``cues`` (stems) and ``quoted`` words what stands near it;
    ``own_cues`` are the cues from the name itself.

    ``pick`` says which of several is meant: ``first``, ``last``, ``least``, ``most``; empty: the best supported.
    """

    name: str
    spoken: str
    description: str
    schema: Schema
    type: str
    kind: str
    own_cues: frozenset[str]
    cues: frozenset[str]
    quoted: tuple[str, ...]
    pick: str


def fields_of(schema: Schema, root: Schema) -> list[Field]:
    """The properties of an object schema, in its order; ``root`` is where ``$ref`` points into."""
    properties = cast("Mapping[str, Schema]", schema.get("properties") or {})
    return [field_of(name, resolve(member, root)) for name, member in properties.items()]


def field_of(name: str, schema: Schema, outer: str = "") -> Field:
    """Read one resolved property schema; ``outer`` is the description of the array it is an item of."""
    spoken = _CAMEL.sub(" ", name).replace("_", " ").replace("-", " ")
    description = " ".join(
        part for part in (str(schema.get("description") or schema.get("title") or ""), outer) if part
    )
    kind = _kind(spoken, description, schema)
    words = [word.lower() for word in _WORDS.findall(f"{spoken} {description}")]
    generic = _EMPTY_CUES | frozenset(terms(_GENERIC.get(kind, "")))
    return Field(
        name=name,
        spoken=spoken.lower(),
        description=description,
        schema=schema,
        type=_type(schema),
        kind=kind,
        own_cues=frozenset(terms(spoken)) - generic,
        cues=frozenset(terms(f"{spoken} {description}")) - generic,
        quoted=tuple(_QUOTED.findall(description)),
        pick=next((_PICKS[word] for word in words if word in _PICKS), ""),
    )


def resolve(schema: Schema, root: Schema) -> Schema:
    """Follow local ``$ref`` and take the first choice that is not null of ``anyOf``, ``oneOf`` and ``allOf``."""
    for _ in range(16):
        reference = schema.get("$ref")
        if isinstance(reference, str):
            schema = {**_pointed_at(reference, root), **{key: schema[key] for key in schema if key != "$ref"}}
            continue
        choices: list[Schema] = next((schema[key] for key in ("anyOf", "oneOf", "allOf") if schema.get(key)), [])
        chosen = next((choice for choice in choices if choice.get("type") != "null"), None)
        if chosen is None:
            return schema
        kept = {key: schema[key] for key in schema if key not in {"anyOf", "oneOf", "allOf"}}
        schema = {**chosen, **kept}
    return schema


def _pointed_at(reference: str, root: Schema) -> Schema:
    target: Any = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        if not isinstance(target, Mapping):
            return {}
        target = cast("Schema", target).get(part.replace("~1", "/").replace("~0", "~"), {})
    return cast("Schema", target) if isinstance(target, Mapping) else {}


def _type(schema: Schema) -> str:
    declared = schema.get("type")
    if isinstance(declared, list):
        return next((str(name) for name in cast("list[Any]", declared) if name != "null"), "string")
    if isinstance(declared, str):
        return declared
    return "object" if "properties" in schema else "array" if "items" in schema else "string"


def _kind(spoken: str, description: str, schema: Schema) -> str:
    kind = _type(schema)
    if kind in {"boolean", "object", "array"}:
        return kind
    if "enum" in schema or "const" in schema:
        return "enum"
    if kind in {"integer", "number"}:
        return _kind_by_words(spoken, _NUMBER_KINDS) or _kind_by_words(description, _NUMBER_KINDS) or kind
    if "pattern" in schema:
        return "pattern"
    if schema.get("format") in _FORMATS:
        return _FORMATS[str(schema["format"])]
    every = tuple(_STRING_KINDS)
    return _kind_by_words(spoken, every) or _kind_by_words(description, every) or "words"


def _kind_by_words(text: str, kinds: tuple[str, ...]) -> str:
    """The kind that the last such word of the phrase names: "author email" is an email."""
    for word in reversed([word.lower() for word in _WORDS.findall(text)]):
        for kind in kinds:
            if word in _STRING_KINDS[kind] or word.removesuffix("s") in _STRING_KINDS[kind]:
                return kind
    return ""
