"""What was expected against what was seen, and what must hold of every job on every runtime whatever it is about."""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from shared_agent.runtimes.result import JobResult
from shared_agent.spec import trace, wire
from shared_agent.spec.outcome import Outcome
from shared_agent.spec.usage import Usage
from tests.conformance.requirement import Bounds, Expect, ExpectedOutcome, Rate, Requirement
from tests.conformance.runner import Observation

_MESSAGE_LIMIT = 48 * 1024
"""Bytes of an outcome that fit the tightest queue (Azure Storage: 64 KiB in base64)."""


def failures(requirement: Requirement, seen: Observation) -> list[str]:
    """Everything that does not hold, in words; empty when the requirement is met."""
    expect = requirement.expect
    if expect.refused is not None:
        found = [*_refused(expect, seen), *_provider(expect, seen)]
    elif seen.refusals:
        found = [f"the job was refused: {refusal}" for refusal in seen.refusals]
    elif not seen.results:
        found = ["no run ended with a result"]
    else:
        found = [*_result(expect, seen), *_outcomes(expect, seen), *_provider(expect, seen)]
    return [*found, *_always(requirement, seen)]


def _refused(expect: Expect, seen: Observation) -> Iterator[str]:
    assert expect.refused is not None
    if not seen.refusals:
        yield f"the job should have been refused, naming {expect.refused.field}"
        return
    error = seen.refusals[-1]
    if error.field != expect.refused.field:
        yield f"the refusal names the field {error.field!r}, not {expect.refused.field!r}: {error}"
    if expect.refused.contains not in str(error):
        yield f"the refusal does not say {expect.refused.contains!r}: {error}"
    if not error.remedy:
        yield f"the refusal names no remedy: {error}"


def _result(expect: Expect, seen: Observation) -> Iterator[str]:
    result = seen.results[-1]
    if expect.status is not None and result.status != expect.status:
        yield f"status is {result.status}, not {expect.status} ({result.reason}; {result.missing}; {result.refused})"
    statuses = tuple(result.status for result in seen.results)
    if expect.statuses and statuses != expect.statuses:
        yield f"the runs ended as {', '.join(statuses)}, not {', '.join(expect.statuses)}"
    if expect.reason is not None and result.reason != expect.reason:
        yield f"reason is {result.reason}, not {expect.reason}"
    for name, bounds in expect.coverage.items():
        yield from _within(f"coverage.{name}", getattr(result.coverage, name), bounds)
    yield from _contains("missing", result.missing, expect.missing_contains)
    yield from _contains("refused", result.refused, (expect.refusal_contains,))
    yield from _value(expect, seen)
    if expect.job_ids and _letters(seen.job_ids) != expect.job_ids:
        yield f"the ids of the runs are {seen.job_ids}, not alike as in {expect.job_ids!r}"
    yield from _within("reduce tasks", result.reduce_tasks, expect.reduce_tasks)
    yield from _within("replayed", result.replayed, expect.replayed)
    usage = seen.results[-1].usage
    for name in ("calls", "input_tokens", "output_tokens", "usd"):
        yield from _within(f"usage.{name}", getattr(usage, name), getattr(expect.usage, name))
    if expect.label_contains:
        texts = [text for name, text in seen.outputs.items() if name.rpartition("/")[2].startswith("result.")]
        yield from _contains("the written result", "\n".join(texts), expect.label_contains)


def _value(expect: Expect, seen: Observation) -> Iterator[str]:
    value = seen.results[-1].value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if "value" in expect.model_fields_set and value != expect.value:
        yield f"value is {_short(value)}, not {_short(expect.value)}"
    yield from _contains("value", text, expect.value_contains)
    yield from (f"value contains {part!r}: {_short(text)}" for part in expect.value_excludes if part in text)
    yield from _within("length of the value", len(text), expect.value_length)
    if expect.same_value and any(result.value != value for result in seen.results):
        yield f"the runs gave different values: {', '.join(_short(result.value) for result in seen.results)}"


def _outcomes(expect: Expect, seen: Observation) -> Iterator[str]:
    by_source = {outcome.source: outcome for outcome in seen.outcomes}
    for expected in expect.outcomes:
        outcome = by_source.get(expected.source)
        if outcome is None:
            yield f"there is no outcome of {expected.source}; there are {', '.join(by_source) or 'none'}"
        else:
            yield from _outcome(expected, outcome, seen)
    kinds = Counter(outcome.failure.kind for outcome in seen.outcomes if outcome.failure is not None)
    for kind, bounds in expect.failures.items():
        yield from _within(f"failures of class {kind}", kinds[kind], bounds)
    ids = tuple(outcome.task_id for outcome in seen.outcomes)
    if expect.task_ids and ids != expect.task_ids:
        yield f"the tasks are {', '.join(ids)}, not {', '.join(expect.task_ids)}"
    if expect.redelivered == "replayed":
        first = {outcome.task_id: outcome for outcome in seen.outcomes}
        for again in seen.redelivered:
            if not again.replayed or again.value != first[again.task_id].value:
                yield f"the redelivered {again.task_id} did not give the stored outcome back"


def _outcome(expected: ExpectedOutcome, outcome: Outcome, seen: Observation) -> Iterator[str]:
    name = expected.source
    failure = outcome.failure
    if outcome.status != expected.status:
        yield f"{name} {outcome.status}, not {expected.status} ({failure.message if failure else 'no failure'})"
    kind = failure.kind if failure is not None else None
    if kind != expected.failure:
        yield f"{name} has the failure {kind}, not {expected.failure}"
    message = failure.message if failure is not None else ""
    yield from _contains(f"the message of {name}", message, (expected.message_contains,))
    yield from _within(f"length of the message of {name}", len(message), expected.message_length)
    yield from _within(f"length of the detail of {name}", len(seen.details.get(name, "")), expected.detail_length)
    text = json.dumps(seen.values.get(name), ensure_ascii=False)
    yield from _contains(f"the value of {name}", text, expected.value_contains)
    yield from _within(f"retries of {name}", outcome.retries, expected.retries)
    yield from _within(f"throttled calls of {name}", outcome.throttled, expected.throttled)


def _provider(expect: Expect, seen: Observation) -> Iterator[str]:
    log = seen.log
    yield from _within("calls", len(log.calls), expect.calls)
    yield from _within("calls at once", log.max_in_flight, expect.concurrent)
    closed = sum(call.closed_by_client for call in log.calls)
    yield from _within("calls closed by the client", closed, expect.closed_by_client)
    yield from _within("calls of what was answered before", log.repeats, expect.repeats)
    yield from _within("effects on the outside world", len(log.effects), expect.effects)
    for prompts in expect.prompts:
        count = sum(
            all(part in call.prompt for part in prompts.contains)
            and not (prompts.lacks and prompts.lacks in call.prompt)
            for call in log.calls
        )
        lacking = f" and not {prompts.lacks!r}" if prompts.lacks else ""
        yield from _within(f"calls whose prompt says {prompts.contains}{lacking}", count, prompts.count)
    for gap in expect.gaps:
        times = [call.arrived_s for call in log.calls if gap.contains in call.prompt]
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        if not gaps or min(gaps) < gap.at_least_s:
            yield f"calls that say {gap.contains!r} lie {gaps} s apart, not at least {gap.at_least_s:g} s"
    if expect.rate is not None:
        yield from _rate(expect.rate, [call.arrived_s for call in log.calls])


def _rate(rate: Rate, times: list[float]) -> Iterator[str]:
    for first, start in enumerate(times):
        for last in range(first, len(times)):
            span_s = times[last] - start
            allowed = rate.burst + rate.per_second * (span_s + rate.slack_s)
            if last - first + 1 > allowed:
                yield f"{last - first + 1} calls within {span_s:.2f} s, where {allowed:.1f} are allowed"
                return


def _always(requirement: Requirement, seen: Observation) -> Iterator[str]:
    """What every requirement asserts without saying so."""
    for result in seen.results:
        yield from _honest(result)
    for outcome in seen.outcomes:
        size = len(wire.encode(outcome))
        if size > _MESSAGE_LIMIT:
            yield f"the outcome of {outcome.source} takes {size} bytes, more than a queue carries"
    yield from _traced(seen)
    keys = tuple(f"{job_id}/" for job_id in seen.job_ids)
    strangers = [call.key for call in seen.log.calls if not call.key.startswith(keys)]
    if strangers:
        yield f"{len(strangers)} calls carry no idempotency key of their job, such as {strangers[0]!r}"
    if requirement.expect.usage_exact and seen.results:
        yield from _accounts(seen)


def _honest(result: JobResult) -> Iterator[str]:
    """A result accounts for every task, and is never called complete when something is missing."""
    if not result.coverage.balanced:
        yield f"the coverage does not add up: {result.coverage}"
    if (result.status == "complete") and not result.coverage.complete:
        yield f"a partial result is called complete: {result.coverage}"
    if not result.coverage.complete and not result.missing:
        yield "a partial result does not say what is missing"
    if result.refused and result.value is not None:
        yield "there is a value although the synthesis was refused"


def _traced(seen: Observation) -> Iterator[str]:
    """Calls and outcomes belong to the trace of a run, and no two outcomes share a span."""
    traces = {trace.trace_id(call.traceparent) for call in seen.log.calls}
    if "" in traces:
        yield "a call carries no traceparent"
    if len(traces) > max(seen.started, 1):
        yield f"{len(traces)} traces for {seen.started} runs"
    spans: dict[str, set[str]] = defaultdict(set)
    for outcome in seen.outcomes:
        spans[outcome.traceparent].add(outcome.key)
    if any(len(keys) > 1 for keys in spans.values()):
        yield "two tasks share a span"


def _accounts(seen: Observation) -> Iterator[str]:
    """The jobs' own accounts add up to what the provider charged, token by token."""
    by_job = {result.job_id: result.usage for result in seen.results}
    booked = sum(by_job.values(), Usage())
    charged = seen.log.answered
    for name, ours, theirs in (
        ("calls", booked.calls, len(charged)),
        ("input tokens", booked.input_tokens, sum(call.input_tokens for call in charged)),
        ("output tokens", booked.output_tokens, sum(call.output_tokens for call in charged)),
    ):
        if ours != theirs:
            yield f"the jobs account for {ours} {name}, the provider charged {theirs}"


def _within(what: str, number: float, bounds: Bounds | None) -> Iterator[str]:
    if bounds is not None and not bounds.hold(number):
        yield f"{what}: {number:g}, expected {bounds}"


def _contains(what: str, text: str, parts: tuple[str, ...]) -> Iterator[str]:
    yield from (f"{what} does not say {part!r}: {_short(text)}" for part in parts if part not in text)


def _letters(ids: list[str]) -> str:
    distinct = list(dict.fromkeys(ids))
    return "".join(chr(ord("a") + distinct.index(job_id)) for job_id in ids)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else f"{text[:300]}… ({len(text)} characters)"
