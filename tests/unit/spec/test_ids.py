"""Ids: valid on every runtime, the same for the same work, different for different work."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared_agent.spec import ids
from tests.unit.spec.envelopes import json_values

DATAFLOW = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
STEP_FUNCTIONS = re.compile(r"[A-Za-z0-9_-]{1,80}")
DURABLE_FORBIDDEN = set("/\\#?")

fingerprints = st.text("0123456789abcdef", min_size=64, max_size=64)


@given(st.text(), fingerprints)
def test_a_job_id_is_a_name_on_every_runtime(name: str, fingerprint: str) -> None:
    made = ids.job_id(name, fingerprint)
    assert DATAFLOW.fullmatch(made)
    assert STEP_FUNCTIONS.fullmatch(made)
    assert not DURABLE_FORBIDDEN & set(made)
    assert len(made) <= 57


@given(st.text(), fingerprints)
def test_a_job_id_is_one_that_a_user_may_give(name: str, fingerprint: str) -> None:
    assert re.fullmatch("^[a-z][a-z0-9-]{0,56}$", ids.job_id(name, fingerprint))


def test_a_job_id_can_be_recognised() -> None:
    fingerprint = "0123456789abcdef" * 4
    assert ids.job_id("Review of Licences", fingerprint) == "review-of-licences-0123456789ab"
    assert ids.job_id("2024 report", fingerprint) == "job-2024-report-0123456789ab"
    assert ids.job_id("日本語", fingerprint) == "job-0123456789ab"
    assert ids.job_id("", fingerprint) == "job-0123456789ab"


@given(st.lists(json_values, max_size=4), st.lists(json_values, max_size=4))
def test_digests_differ_exactly_when_what_they_stand_for_does(one: list[Any], other: list[Any]) -> None:
    same = ids._encode(one) == ids._encode(other)
    assert (ids.digest(*one) == ids.digest(*other)) is same


@given(st.dictionaries(st.text(), json_values, max_size=6))
def test_the_order_of_a_mapping_does_not_matter(value: dict[str, Any]) -> None:
    assert ids.digest(value) == ids.digest(dict(reversed(value.items())))


def test_a_digest_is_the_same_in_every_process_and_release() -> None:
    assert ids.digest("a", {"b": [1, 2.5, None, "é"]}, b"bytes") == (
        "70148ba6d7a6f5e2935459daf991d015aceb44d950f7493c819dfba7e5385f1c"
    )


def test_where_one_part_ends_and_the_next_begins_counts() -> None:
    assert ids.digest("ab", "c") != ids.digest("a", "bc") != ids.digest("abc")
    assert ids.digest() != ids.digest("")


@given(st.text(), st.text(), json_values, json_values)
def test_the_same_task_on_the_same_input_has_the_same_key(job: str, task: str, value: Any, other: Any) -> None:
    assert ids.idempotency_key(job, task, value) == ids.idempotency_key(job, task, value)
    if ids._encode(value) != ids._encode(other):
        assert ids.idempotency_key(job, task, value) != ids.idempotency_key(job, task, other)
    assert ids.idempotency_key(job, task, value) != ids.idempotency_key(job, task + "x", value)
