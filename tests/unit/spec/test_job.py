"""Jobs: good ones in their short and long forms, and bad ones with the line that a user reads."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import jsonschema
import pytest

from shared_agent.errors import InputError
from shared_agent.spec import wire
from shared_agent.spec.job import Input, Job
from shared_agent.spec.settings import Budget, JobSettings, ModelRoles, RetryPolicy

LEAST = {"kind": "summarise", "inputs": "docs/"}
FULL: dict[str, Any] = {
    "kind": "extract",
    "name": "Contracts",
    "inputs": ["a.md", "s3://bucket/contracts/", {"path": "rows.csv", "text_field": "body", "encoding": "cp1252"}],
    "instructions": "Find the parties.",
    "options": {"schema": {"type": "object"}},
    "models": {"map": "embedded", "final": "anthropic:claude-haiku-4-5"},
    "model_options": {"anthropic:claude-haiku-4-5": {"limits": ["anthropic"]}},
    "limits": [{"name": "anthropic", "requests_per_minute": 50, "mode": "strict"}],
    "chunking": {"max_tokens": 500},
    "reduce": {"group_size": 5},
    "completion": {"tolerated_failure_percentage": 5, "deadline_s": 600},
    "timeouts": {"call_s": 30},
    "retry": {"attempts": 3},
    "budget": {"usd": 2},
    "output": {"dir": "out"},
}


def bad(**fields: Any) -> dict[str, Any]:
    return LEAST | fields


def test_the_shortest_job_names_a_kind_and_its_inputs() -> None:
    job = Job.parse(LEAST)
    assert job.inputs == (Input(path="docs/"),)
    assert job.models == ModelRoles()


def test_short_forms_mean_what_the_long_ones_say() -> None:
    short = Job.parse({"kind": "k", "inputs": ["a.md", "s3://b/c"], "models": "embedded", "reduce": False})
    long = Job.parse(
        {
            "kind": "k",
            "inputs": [{"path": "a.md"}, {"uri": "s3://b/c"}],
            "models": {"map": "embedded"},
            "reduce": {"enabled": False},
        }
    )
    assert short == long
    assert Job.parse({"kind": "k", "inputs": {"path": "a.md"}}) == Job.parse({"kind": "k", "inputs": "a.md"})


def test_a_job_reaches_its_workers_as_settings_that_travel() -> None:
    settings = Job.parse(FULL).settings("contracts-1", traceparent="00-1-2-01")
    assert settings.group_size == 5
    assert settings.call_timeout_s == 30
    assert settings.limits[0].mode == "strict"
    assert wire.decode(wire.encode(settings), JobSettings) == settings


def test_a_fingerprint_is_of_what_the_result_depends_on() -> None:
    job = Job.parse(FULL)
    same = Job.parse(FULL | {"output": {"dir": "elsewhere"}, "concurrency": 3, "id": "mine", "timeouts": {}})
    assert job.fingerprint("digest") == same.fingerprint("digest")
    assert job.fingerprint("digest") != job.fingerprint("other inputs")
    assert job.fingerprint("digest") != Job.parse(FULL | {"instructions": "Find dates."}).fingerprint("digest")


BAD: list[tuple[Any, str]] = [
    (None, "job: is not a mapping of fields (see `shared-agent run --help` for an example)"),
    ([], "job: is not a mapping of fields (see `shared-agent run --help` for an example)"),
    ({"inputs": "a"}, "kind: is missing (add it)"),
    ({}, "kind: is missing (add it; and 1 more error)"),
    ({"kind": "k", "input": "a"}, "input: is not a field (did you mean 'inputs'?)"),
    ({"kind": "k", "input": "a", "budgets": 1}, "input: is not a field (did you mean 'inputs'? and 1 more error)"),
    (bad(model="embedded"), "model: is not a field (did you mean 'models'?)"),
    (bad(output={"colour": 1}), "output.colour: is not a field (the fields here are dir)"),
    (bad(completion={"min_sucessful": 3}), "completion.min_sucessful: is not a field (did you mean 'min_successful'?)"),
    (
        bad(model_options={"openai:gpt": {"base_uri": "x"}}),
        "model_options.openai:gpt.base_uri: is not a field (did you mean 'base_url'?)",
    ),
    (bad(limits=[{"nmae": "a"}]), "limits.0.nmae: is not a field (did you mean 'name'?)"),
    (bad(inputs=[{"path": "a", "txt_field": "b"}]), "inputs.0.txt_field: is not a field (did you mean 'text_field'?)"),
    (
        bad(inputs=[{"path": "a", "format": "cvs"}]),
        "inputs.0.format: is 'cvs' (give 'text', 'markdown', 'html', 'pdf', 'docx', 'pptx', 'xlsx', 'jsonl' or 'csv')",
    ),
    (bad(limits=[{"name": "a", "mode": "x"}]), "limits.0.mode: is 'x' (give 'bucket', 'strict' or 'aimd')"),
    (bad(inputs=[]), "inputs: is empty (give at least 1)"),
    (bad(inputs=None), "inputs: is None (give a list)"),
    (bad(inputs=[{}]), "inputs.0: has no source (give exactly one of path, uri and text)"),
    (
        bad(inputs=["a", {"path": "a", "text": "b"}]),
        "inputs.1: has path and text (give exactly one of path, uri and text)",
    ),
    (bad(inputs=[""]), "inputs.0: has an empty path (name a file, a folder, a glob or an object)"),
    (
        bad(inputs=[{"path": "a", "encoding": "utf-99"}]),
        "inputs.0.encoding: is 'utf-99' (give a text encoding that Python knows, such as cp1252)",
    ),
    (
        bad(inputs=[{"path": "a", "encoding": "base64"}]),
        "inputs.0.encoding: is 'base64' (give a text encoding that Python knows, such as cp1252)",
    ),
    (bad(inputs=[3]), "inputs.0: is 3 (give a mapping of fields)"),
    (bad(inputs=[{"path": "a", "max_bytes": 0}]), "inputs.0.max_bytes: is 0 (give more than 0)"),
    (bad(kind=1), "kind: is 1 (give a string)"),
    (bad(options=[1]), "options: is [1] (give a mapping of fields)"),
    (bad(limits={"name": "a"}), "limits: is {'name': 'a'} (give a list)"),
    (bad(concurrency="many"), "concurrency: is 'many' (give a whole number)"),
    (bad(concurrency=0, max_output_tokens=0), "concurrency: is 0 (give at least 1; and 1 more error)"),
    (bad(concurrency=0, max_output_tokens=0, kind=1), "kind: is 1 (give a string; and 2 more errors)"),
    (bad(reduce={"group_size": 1}), "reduce.group_size: is 1 (give at least 2)"),
    (bad(reduce="no"), "reduce: is 'no' (give a mapping of fields)"),
    (bad(chunking={"max_tokens": 2.5}), "chunking.max_tokens: is 2.5 (give a whole number)"),
    (bad(chunking={"chars_per_token": nan}), "chunking.chars_per_token: is nan (give at most 100)"),
    (bad(id="My Job"), "id: is 'My Job' (give text that matches ^[a-z][a-z0-9-]{0,56}$)"),
    (
        bad(completion={"min_coverage": 3}),
        "completion.min_coverage: is not between 0 and 1 (0.5 means half of the tasks)",
    ),
    (
        bad(limits=[{"name": "a"}]),
        "limits.a: limits nothing (give at least one of requests_per_minute, input_tokens_per_minute,"
        " output_tokens_per_minute)",
    ),
    (bad(limits=[{"name": ""}]), "limits.name: is empty (name the account, model or tenant that it belongs to)"),
    (
        bad(limits=[{"name": "a", "input_tokens_per_minute": 0}]),
        "limits.a.input_tokens_per_minute: is 0.0 (give input tokens a minute above 0)",
    ),
    (
        bad(limits=[{"name": "a", "requests_per_minute": inf}]),
        "limits.a.requests_per_minute: is inf (give requests a minute above 0)",
    ),
    (
        bad(limits=[{"name": "a", "requests_per_minute": 1, "burst_seconds": 0}]),
        "limits.a.burst_seconds: is 0.0 (give seconds above 0)",
    ),
    (
        bad(limits=[{"name": "a", "requests_per_minute": 1}, {"name": "a", "requests_per_minute": 2}]),
        "limits: two are called 'a' (a limit has one definition)",
    ),
    (
        bad(model_options={"embedded": {"limits": ["b"]}}),
        "model_options.embedded.limits: names 'b', which limits does not define (defined: none)",
    ),
    (
        bad(model_options={"embedded": {"prices": {"input_per_mtok": -1}}}),
        "model_options.prices.input_per_mtok: is -1.0 (give at least 0)",
    ),
    (bad(retry={"attempts": 0}), "retry.attempts: is 0 (give at least 1)"),
    (bad(retry={"base_s": 0}), "retry.base_s: is 0.0 (give seconds above 0)"),
    (bad(retry={"cap_s": nan}), "retry.cap_s: is nan (give seconds above 0)"),
    (bad(budget={}), "budget: bounds nothing (give usd, tokens or both)"),
    (bad(budget={"usd": 0}), "budget.usd: is 0.0 (give USD above 0)"),
    (bad(budget={"tokens": -5}), "budget.tokens: is -5 (give tokens above 0)"),
    (bad(breaker={"failures": 0}), "breaker.failures: is 0 (give at least 1)"),
    (bad(timeouts={"lease_s": 0}), "timeouts.lease_s: is 0 (give at least 1)"),
    (LEAST | {1: 2}, "1: keys should be strings (correct it)"),
]


@pytest.mark.parametrize(("data", "line"), BAD, ids=[line[:60] for _, line in BAD])
def test_a_bad_job_is_refused_in_one_line_with_the_field_and_the_remedy(data: Any, line: str) -> None:
    with pytest.raises(InputError) as refused:
        Job.parse(data)
    assert str(refused.value) == line
    assert line.startswith(refused.value.field)


def test_settings_built_in_python_are_checked_alike() -> None:
    with pytest.raises(InputError, match=r"^budget: bounds nothing"):
        Budget()
    with pytest.raises(InputError, match=r"^retry.attempts: is 0"):
        RetryPolicy(attempts=0)


@pytest.mark.parametrize("data", [LEAST, FULL, bad(models="embedded", reduce=False), bad(inputs={"text": "x"})])
def test_the_json_schema_accepts_what_a_job_accepts(data: dict[str, Any]) -> None:
    Job.parse(data)
    jsonschema.validate(data, Job.json_schema(), cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("data", [{}, bad(inputs=3), bad(colour=1), bad(inputs=[{"pth": 1}]), bad(reduce="no")])
def test_the_json_schema_refuses_what_a_job_refuses(data: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, Job.json_schema(), cls=jsonschema.Draft202012Validator)
