"""The wire format: what is written is what is read, of this version and no other."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared_agent.errors import InputError
from shared_agent.spec import wire
from shared_agent.spec.outcome import Outcome
from shared_agent.spec.payload import Inline
from shared_agent.spec.settings import JobSettings
from shared_agent.spec.task import Task
from tests.unit.spec.envelopes import envelopes, json_values

KINDS: list[type[msgspec.Struct]] = [Task, Outcome, JobSettings]
any_envelope = st.one_of([envelopes(kind) for kind in KINDS])
thorough = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)


@thorough
@given(any_envelope)
def test_an_envelope_is_read_back_as_it_was_written(envelope: msgspec.Struct) -> None:
    assert wire.decode(wire.encode(envelope), type(envelope)) == envelope


@thorough
@given(any_envelope)
def test_an_envelope_survives_a_queue_that_carries_text(envelope: msgspec.Struct) -> None:
    rewritten = json.dumps(json.loads(wire.encode(envelope).decode()), indent=1)
    assert wire.decode(rewritten, type(envelope)) == envelope


@thorough
@given(any_envelope, st.integers().filter(lambda version: version != wire.VERSION and abs(version) < 2**62))
def test_another_version_is_refused_by_name(envelope: msgspec.Struct, version: int) -> None:
    data = json.loads(wire.encode(envelope)) | {"version": version}
    with pytest.raises(InputError, match=f"^version: this {type(envelope).__name__} was written in a wire format"):
        wire.decode(json.dumps(data), type(envelope))


@thorough
@given(any_envelope, st.dictionaries(st.text().map(lambda name: "x-" + name), json_values, max_size=3))
def test_fields_of_a_newer_writer_are_passed_over(envelope: msgspec.Struct, extra: dict[str, Any]) -> None:
    data = json.loads(wire.encode(envelope)) | extra
    assert wire.decode(json.dumps(data), type(envelope)) == envelope


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"{}", b'{"version": "one"}', b"\xff"])
def test_what_is_not_an_envelope_is_refused_by_the_name_of_its_kind(kind: type[msgspec.Struct], data: bytes) -> None:
    with pytest.raises(InputError, match=rf"^{kind.__name__}: is not a valid envelope"):
        wire.decode(data, kind)


def test_a_task_is_small_on_the_wire() -> None:
    task = Task(job_id="j", task_id="map-000000", key="j/map-000000/0", stage="map", inputs=(Inline("text"),))
    assert json.loads(wire.encode(task)) == {
        "job_id": "j",
        "task_id": "map-000000",
        "key": "j/map-000000/0",
        "stage": "map",
        "inputs": [{"type": "inline", "data": "text"}],
    }
