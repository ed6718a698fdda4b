from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from shared_agent.models.answers import parse
from shared_agent.models.schemas import strict
from shared_agent.models.types import Extract


def test_an_optional_property_becomes_a_required_one_that_may_be_null() -> None:
    assert strict(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {"a": {"type": "string", "format": "date"}, "b": {"type": "integer"}},
            "required": ["a"],
        }
    ) == {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
        "required": ["a", "b"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "properties": {"a": {"type": "object", "additionalProperties": {"type": "string"}}}},
        {"type": "object", "properties": {}, "patternProperties": {"x": {}}},
        {"type": "object", "properties": {"a": {"not": {}}}},
    ],
)
def test_what_strict_mode_cannot_express_is_sent_as_it_is(schema: dict[str, Any]) -> None:
    assert strict(schema) is None


leaves = st.sampled_from([{"type": "string"}, {"type": "integer"}, {"type": "boolean"}])
schemas = st.recursive(
    leaves,
    lambda inner: (
        st.builds(lambda items: {"type": "array", "items": items}, inner)
        | st.dictionaries(st.sampled_from("abc"), inner, min_size=1).flatmap(
            lambda fields: st.lists(st.sampled_from(sorted(fields)), unique=True).map(
                lambda required: {"type": "object", "properties": fields, "required": required}
            )
        )
    ),
    max_leaves=8,
)


def filled(schema: dict[str, Any], take_null: bool) -> Any:
    """What a strict model writes: every property, null where it may be."""
    if "anyOf" in schema:
        return None if take_null else filled(schema["anyOf"][0], take_null)
    match schema["type"]:
        case "object":
            return {name: filled(part, take_null) for name, part in schema["properties"].items()}
        case "array":
            return [filled(schema["items"], take_null)]
        case kind:
            return {"string": "x", "integer": 1, "boolean": True, "null": None}[kind]


@given(schemas.filter(lambda schema: schema["type"] == "object"), st.booleans())
def test_what_a_strict_model_writes_is_read_back_as_the_users_schema_says(
    schema: dict[str, Any], take_null: bool
) -> None:
    closed = strict(schema)
    assert closed is not None
    written = filled(closed, take_null)
    Draft202012Validator(closed).validate(written)

    import json

    read = parse(Extract("text", schema), json.dumps(written)).data
    Draft202012Validator(schema).validate(read)
    if take_null:
        assert set(read) == set(schema["required"])
