"""What a generative model wrote, as the data that its purpose promises.

A model may write anything. Whatever does not match its purpose is a Transient error of code ``invalid_output``: the
same call asked again usually comes out right, and the caller's retry policy bounds how often. An answer that was cut at
``max_output_tokens`` is Permanent: the same cap would cut it again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn, TypeVar, cast

import msgspec

from shared_agent.errors import Permanent, Transient
from shared_agent.models.types import Answer, Classify, Extract, Free, Judge, Purpose, Summarise

INVALID_OUTPUT = "invalid_output"
"""``code`` of the Transient error for an answer that does not match its purpose."""

_FENCED = re.compile(r"^\s*```(?:json)?\s*\n(.*?)\n\s*```\s*$", re.DOTALL)


T = TypeVar("T")


class Parsed(NamedTuple):
    """A reply's ``text`` and ``data``."""

    text: str
    data: Any


class _Scored(msgspec.Struct):
    label: str
    confidence: float = 1.0


class _Labels(msgspec.Struct):
    labels: list[_Scored]


class _Verdict(msgspec.Struct):
    choice: int
    scores: dict[str, float]
    reason: str = ""


class _Found(msgspec.Struct):
    answer: str
    found: bool
    sources: list[int] = []


def parse(purpose: Purpose, text: str, *, finish: str = "stop") -> Parsed:
    """Read what a model wrote for ``purpose``: its text for people and its data, validated.

    ``finish``: why the model stopped; ``length`` means that the text was cut.
    Raises Transient (code ``invalid_output``) for an answer that does not match, Permanent (code ``truncated``) for
    JSON that was cut.
    """
    match purpose:
        case Summarise() | Free():
            if not text.strip():
                _empty(finish)
            return Parsed(text, None)
        case Classify():
            return _classified(purpose, _uncut(text, finish))
        case Extract():
            return _extracted(purpose, _uncut(text, finish))
        case Answer():
            return _answered(purpose, _uncut(text, finish))
        case Judge():
            return _judged(purpose, _uncut(text, finish))


def _classified(purpose: Classify, text: str) -> Parsed:
    chosen = _decode(text, _Labels).labels if purpose.multiple else [_decode(text, _Scored)]
    scores = dict.fromkeys(purpose.labels, 0.0)
    for scored in chosen:
        if scored.label not in scores:
            _reject(f"label {scored.label!r} is not one of the labels", text)
        scores[scored.label] = _unit(scored.confidence, "confidence", text)
    labels = [scored.label for scored in sorted(chosen, key=lambda scored: -scored.confidence)]
    labels = list(dict.fromkeys(labels))
    return Parsed(", ".join(labels), {"label": labels[0] if labels else None, "labels": labels, "scores": scores})


def _extracted(purpose: Extract, text: str) -> Parsed:
    value = _without_nulls(_decode(text, dict[str, Any]), purpose.schema)
    problem = _violation(json.dumps(purpose.schema, sort_keys=True), value)
    if problem:
        _reject(problem, text)
    return Parsed(msgspec.json.encode(value).decode(), value)


def _answered(purpose: Answer, text: str) -> Parsed:
    found = _decode(text, _Found)
    sources = [
        purpose.passages[number - 1].source or f"passage {number}"
        for number in dict.fromkeys(found.sources)
        if 1 <= number <= len(purpose.passages)
    ]
    return Parsed(found.answer, {"answer": found.answer, "sources": sources, "found": found.found})


def _judged(purpose: Judge, text: str) -> Parsed:
    verdict = _decode(text, _Verdict)
    numbers = [str(number) for number in range(1, len(purpose.candidates) + 1)]
    if sorted(verdict.scores) != sorted(numbers):
        _reject(f"scores must be given for candidates 1 to {len(numbers)}", text)
    if not 1 <= verdict.choice <= len(numbers):
        _reject(f"choice {verdict.choice} is not a candidate", text)
    index = verdict.choice - 1
    scores = [_unit(verdict.scores[number], f"score of candidate {number}", text) for number in numbers]
    return Parsed(purpose.candidates[index], {"choice": index, "scores": scores, "reason": verdict.reason})


def _decode(text: str, shape: type[T]) -> T:
    fenced = _FENCED.match(text)
    try:
        return msgspec.json.decode(fenced[1] if fenced else text, type=shape)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        _reject(str(error), text)


def _without_nulls(value: Any, schema: Mapping[str, Any]) -> Any:
    """Drop null properties that the schema does not require: a strict mode makes models write out what is absent."""
    if isinstance(value, dict):
        fields: Mapping[str, Mapping[str, Any]] = schema.get("properties", {})
        required: Sequence[str] = schema.get("required", ())
        items = cast("dict[str, Any]", value).items()
        return {
            key: _without_nulls(item, fields.get(key, {}))
            for key, item in items
            if item is not None or key in required or key not in fields
        }
    if isinstance(value, list):
        return [_without_nulls(item, schema.get("items", {})) for item in cast("list[Any]", value)]
    return value


def _violation(schema: str, value: Any) -> str:
    error = min(_validator(schema).iter_errors(value), key=lambda error: error.json_path, default=None)
    return "" if error is None else f"{error.json_path}: {error.message}"


@lru_cache(maxsize=64)
def _validator(schema: str) -> Any:
    from jsonschema.validators import validator_for

    parsed = json.loads(schema)
    return validator_for(parsed)(parsed)


def _unit(value: float, what: str, text: str) -> float:
    if not 0.0 <= value <= 1.0:
        _reject(f"{what} is {value:g}, not between 0 and 1", text)
    return value


def _uncut(text: str, finish: str) -> str:
    if finish == "length":
        raise Permanent(
            "the answer was cut at max_output_tokens before its JSON was complete",
            code="truncated",
            remedy="raise max_output_tokens, or ask for less",
        )
    return text


def _empty(finish: str) -> NoReturn:
    if finish == "length":
        raise Permanent(
            "the model used up max_output_tokens before writing anything",
            code="truncated",
            remedy="raise max_output_tokens, or lower the model's reasoning effort through extra_body",
        )
    raise Transient("the model wrote nothing", code=INVALID_OUTPUT)


def _reject(why: str, text: str) -> NoReturn:
    preview = text if len(text) <= 200 else text[:200] + "…"
    raise Transient(f"the model's answer does not match what was asked: {why}: {preview!r}", code=INVALID_OUTPUT)
