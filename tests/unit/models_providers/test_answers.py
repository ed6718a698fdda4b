from __future__ import annotations

import json
from typing import Any

import pytest

from shared_agent.errors import Permanent, Transient
from shared_agent.models.answers import parse
from shared_agent.models.types import Answer, Classify, Extract, Free, Judge, Passage, Summarise

LABELS = Classify("text", {"cat": "", "dog": ""})
MANY = Classify("text", {"cat": "", "dog": ""}, multiple=True)
JUDGE = Judge("q", ("first", "second"))
ANSWER = Answer("q", (Passage("x", "a.md"), Passage("y")))
PERSON = Extract(
    "text",
    {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer"},
            "pets": {"type": "array", "items": {"type": "object", "properties": {"kind": {"type": "string"}}}},
            "note": {"type": ["string", "null"]},
        },
        "required": ["name", "note"],
    },
)


def test_prose_is_kept_as_it_is() -> None:
    assert parse(Summarise(()), "A text.") == ("A text.", None)
    assert parse(Free(""), "A text.", finish="length") == ("A text.", None)


def test_a_label_has_a_score_for_every_label() -> None:
    text, data = parse(LABELS, '{"label": "dog", "confidence": 0.8}')
    assert text == "dog"
    assert data == {"label": "dog", "labels": ["dog"], "scores": {"cat": 0.0, "dog": 0.8}}


def test_several_labels_are_ordered_by_confidence_and_none_is_an_answer() -> None:
    found = [{"label": "cat", "confidence": 0.2}, {"label": "dog", "confidence": 0.9}]
    assert parse(MANY, json.dumps({"labels": found})).data["labels"] == ["dog", "cat"]
    assert parse(MANY, '{"labels": []}') == ("", {"label": None, "labels": [], "scores": {"cat": 0.0, "dog": 0.0}})


def test_json_in_a_code_fence_is_read() -> None:
    assert parse(LABELS, '```json\n{"label": "cat"}\n```').data["label"] == "cat"


def test_what_the_text_does_not_say_is_absent_and_a_required_null_stays() -> None:
    written = {"name": "Ada", "age": None, "pets": [{"kind": None}], "note": None}
    assert parse(PERSON, json.dumps(written)).data == {"name": "Ada", "pets": [{}], "note": None}


def test_an_answer_names_its_sources_and_drops_invented_ones() -> None:
    text, data = parse(ANSWER, '{"found": true, "answer": "It rained.", "sources": [1, 2, 1, 7]}')
    assert text == "It rained."
    assert data == {"answer": "It rained.", "sources": ["a.md", "passage 2"], "found": True}


def test_a_verdict_is_one_of_the_candidates_word_for_word() -> None:
    text, data = parse(JUDGE, '{"choice": 2, "scores": {"1": 0.2, "2": 1}, "reason": "shorter"}')
    assert text == "second"
    assert data == {"choice": 1, "scores": [0.2, 1.0], "reason": "shorter"}


@pytest.mark.parametrize(
    ("purpose", "text"),
    [
        (LABELS, "dog"),
        (LABELS, ""),
        (LABELS, '{"label": "cow"}'),
        (LABELS, '{"label": "dog", "confidence": 7}'),
        (LABELS, '{"label": 3}'),
        (MANY, '{"labels": ["dog"]}'),
        (PERSON, '{"name": 5, "note": null}'),
        (PERSON, '{"age": 5, "note": null}'),
        (PERSON, '["name"]'),
        (ANSWER, '{"answer": "x"}'),
        (JUDGE, '{"choice": 3, "scores": {"1": 0, "2": 0}}'),
        (JUDGE, '{"choice": 0, "scores": {"1": 0, "2": 0}}'),
        (JUDGE, '{"choice": 1, "scores": {"1": 0}}'),
        (JUDGE, '{"choice": 1, "scores": {"1": 0, "2": 8}}'),
        (Summarise(()), "  \n"),
    ],
)
def test_an_answer_that_does_not_match_is_worth_another_try(purpose: Any, text: str) -> None:
    with pytest.raises(Transient) as caught:
        parse(purpose, text)
    assert caught.value.code == "invalid_output"


@pytest.mark.parametrize(("purpose", "text"), [(LABELS, '{"label": "do'), (PERSON, ""), (Summarise(()), "")])
def test_an_answer_cut_short_is_not(purpose: Any, text: str) -> None:
    with pytest.raises(Permanent, match="max_output_tokens"):
        parse(purpose, text, finish="length")


def test_the_message_shows_a_bounded_piece_of_the_answer() -> None:
    with pytest.raises(Transient) as caught:
        parse(LABELS, "x" * 100_000)
    assert len(str(caught.value)) < 500
