"""The shape of a requirement file: what must hold, in plain words and values. An unknown or misspelt field is an error.

    given.inputs, given.job   what is submitted                    expect.*   what must be seen afterwards
    given.provider            how the model provider behaves
    steps                     what happens, in order; by default: submit, wait

Files name no runtime: each runtime's adapter carries out the steps, and the same provider counts the calls of all.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from shared_agent.runtimes.result import Status
from shared_agent.spec.completion import EndReason
from shared_agent.spec.outcome import FailureClass

FOLDER = Path(__file__).parent / "requirements"

TOPICS = {
    "fan-out": "Fan-out and order",
    "inputs": "Inputs",
    "completion": "How a fan-out ends",
    "failures": "Failures and retries",
    "reduction": "Reduction and coverage",
    "once": "Nothing twice, nothing lost",
    "limits": "Limits, budget and usage",
    "safety": "Tracing and safety",
}


class RequirementError(Exception):
    """A requirement file is not what the model below says."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Bounds(_Part):
    """A number between bounds; a plain number in the file means exactly that one."""

    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _exactly(cls, value: Any) -> Any:
        return {"at_least": value, "at_most": value} if isinstance(value, int | float) else value

    @model_validator(mode="after")
    def _bounds_something(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give a number, at_least or at_most")
        return self

    def hold(self, number: float) -> bool:
        slack = 1e-9
        above = self.at_least is None or number >= self.at_least - slack
        return above and (self.at_most is None or number <= self.at_most + slack)

    def __str__(self) -> str:
        if self.at_least == self.at_most:
            return f"exactly {self.at_least:g}"
        words = [("at least", self.at_least), ("at most", self.at_most)]
        return " and ".join(f"{word} {number:g}" for word, number in words if number is not None)


class Text(_Part):
    """One input: ``text``, in which ``{i}`` is its number where it is repeated, written ``times`` times over."""

    text: str
    source: str | None = None
    repeat: int | None = Field(default=None, ge=1)
    start: int = 0
    times: int = Field(default=1, ge=1)

    def expand(self) -> list[dict[str, str]]:
        """The inputs as a job names them."""
        if self.repeat is None:
            return [{"text": self.text * self.times} | ({"source": self.source} if self.source else {})]
        source = self.source or "doc-{i:03}"
        numbers = range(self.start, self.start + self.repeat)
        return [{"text": self.text.format(i=i) * self.times, "source": source.format(i=i)} for i in numbers]


class Span(_Part):
    """Which calls a rule speaks of, counted from 1: the ``first`` so many, or all ``after`` so many."""

    first: int | None = Field(default=None, ge=1)
    after: int | None = Field(default=None, ge=0)

    def hold(self, number: int) -> bool:
        return (self.first is None or number <= self.first) and (self.after is None or number > self.after)


class Answer(_Part):
    """What the provider does with a call. ``status`` 200 is an answer, anything else a refusal.

    ``hold`` keeps the call waiting until the step ``release``. ``broken``: the connection ``drop``\\s within the answer, or
    the answer is ``garbage`` that is not the API's JSON. ``text`` replaces what the provider would have made of the prompt.
    """

    status: int = 200
    latency_s: float = Field(default=0.0, ge=0)
    retry_after_s: float | None = Field(default=None, gt=0)
    hold: bool = False
    broken: Literal["drop", "garbage"] | None = None
    text: str | None = None
    times: int = Field(default=1, ge=1)
    message: str = "as the requirement says"
    input_tokens: int | None = None
    output_tokens: int | None = None


class Rule(_Part):
    """The answer to calls whose prompt contains a text. ``on_try`` counts calls of one prompt, ``on_call`` all calls."""

    contains: str = ""
    on_try: Span = Span()
    on_call: Span = Span()
    then: Answer


class ProviderBehaviour(_Part):
    """The first rule that fits decides; ``otherwise`` answers the rest."""

    rules: tuple[Rule, ...] = ()
    otherwise: Answer = Answer()


class Given(_Part):
    """What is submitted, and to what kind of provider it talks. ``job`` is laid over the suite's defaults."""

    inputs: tuple[Text, ...] = Field(min_length=1)
    job: Mapping[str, Any]
    provider: ProviderBehaviour = ProviderBehaviour()


class Submit(_Part):
    """Submit the job, or a variation of it: ``job`` is laid over the given one, ``inputs`` replace the given ones."""

    job: Mapping[str, Any] = {}
    inputs: tuple[Text, ...] = ()


class Until(_Part):
    """Let the job run until the provider has seen so many calls, answered so many, or holds so many."""

    calls: int | None = None
    answered: int | None = None
    held: int | None = None


class Redeliver(_Part):
    """Deliver a task's message again, ``copies`` times at once."""

    task: str
    copies: int = Field(default=1, ge=1)


class Step(_Part):
    """One thing that happens. ``wait`` waits for every job under way; ``kill`` ends all workers without a warning.

    ``pause`` lets seconds pass in which something must *not* happen, such as a second call.
    """

    submit: Submit | None = None
    wait: Literal[True] | None = None
    until: Until | None = None
    pause: float | None = Field(default=None, gt=0, le=5)
    release: Literal[True] | None = None
    kill: Literal[True] | None = None
    cancel: Literal[True] | None = None
    resume: Literal[True] | None = None
    redeliver: Redeliver | None = None

    @model_validator(mode="before")
    @classmethod
    def _word(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {value: {} if value == "submit" else True}
        return value

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("a step is exactly one thing")
        return self

    @property
    def name(self) -> str:
        return next(iter(self.model_fields_set))


class ExpectedOutcome(_Part):
    """What must be stored of one map task, found by its source."""

    source: str
    status: Literal["succeeded", "failed", "skipped"] = "succeeded"
    failure: FailureClass | None = None
    message_contains: str = ""
    message_length: Bounds | None = None
    detail_length: Bounds | None = None
    value_contains: tuple[str, ...] = ()
    retries: Bounds | None = None
    throttled: Bounds | None = None


class Prompts(_Part):
    """How many calls had a prompt that contains all of the texts and ``lacks`` this one."""

    contains: tuple[str, ...]
    lacks: str = ""
    count: Bounds


class Gap(_Part):
    """Two calls of the same prompt that contains a text lie at least so far apart."""

    contains: str
    at_least_s: float


class Rate(_Part):
    """In any interval of T seconds at most ``burst + per_second * (T + slack_s)`` calls; slack for delays on the way."""

    per_second: float
    burst: float
    slack_s: float = 0.5


class ExpectedUsage(_Part):
    """The job's own account."""

    calls: Bounds | None = None
    input_tokens: Bounds | None = None
    output_tokens: Bounds | None = None
    usd: Bounds | None = None


class Refusal(_Part):
    """The job is refused before anything starts, with an error that names the field."""

    field: str
    contains: str = ""


class Expect(_Part):
    """What must be seen. Of several runs the last counts; ``statuses`` names them all.

    ``calls``: requests that the provider received. ``repeats``: calls of a prompt that it had already answered.
    ``same_value``: all runs ended with the same value. ``job_ids``: one letter a run, the same letter for the same id.
    ``usage_exact``: whether the accounts of the jobs must add up to what the provider charged; a killed or cancelled call
    may have been billed and not recorded.
    """

    refused: Refusal | None = None
    status: Status | None = None
    statuses: tuple[Status, ...] = ()
    reason: EndReason | None = None
    coverage: Mapping[Literal["submitted", "succeeded", "failed", "skipped", "unstarted", "in_flight"], Bounds] = {}
    missing_contains: tuple[str, ...] = ()
    refusal_contains: str = ""
    value: Any = None
    value_contains: tuple[str, ...] = ()
    value_excludes: tuple[str, ...] = ()
    value_length: Bounds | None = None
    same_value: bool = False
    job_ids: str = ""
    outcomes: tuple[ExpectedOutcome, ...] = ()
    failures: Mapping[FailureClass, Bounds] = {}
    task_ids: tuple[str, ...] = ()
    reduce_tasks: Bounds | None = None
    replayed: Bounds | None = None
    redelivered: Literal["replayed"] | None = None
    calls: Bounds | None = None
    concurrent: Bounds | None = None
    closed_by_client: Bounds | None = None
    repeats: Bounds = Bounds(at_least=0, at_most=0)
    prompts: tuple[Prompts, ...] = ()
    gaps: tuple[Gap, ...] = ()
    rate: Rate | None = None
    effects: Bounds | None = None
    usage: ExpectedUsage = ExpectedUsage()
    usage_exact: bool = True
    label_contains: tuple[str, ...] = ()


class Requirement(_Part):
    """One file of the suite. ``runtimes`` restricts it, with the reason."""

    id: str = Field(pattern="^[a-z][a-z0-9-]+$")
    title: str
    topic: str
    description: str
    given: Given
    steps: tuple[Step, ...] = (Step(submit=Submit()), Step(wait=True))
    expect: Expect
    runtimes: tuple[str, ...] = ()
    runtimes_reason: str = ""

    @field_validator("topic")
    @classmethod
    def _known_topic(cls, value: str) -> str:
        if value not in TOPICS:
            raise ValueError(f"give one of {', '.join(TOPICS)}")
        return value

    @model_validator(mode="after")
    def _restriction_has_a_reason(self) -> Self:
        if bool(self.runtimes) != bool(self.runtimes_reason):
            raise ValueError("runtimes and runtimes_reason go together")
        return self

    @property
    def kills(self) -> bool:
        """Whether workers are killed, so that they must run in processes of their own."""
        return any(step.kill for step in self.steps)

    def holds_on(self, runtime: str) -> bool:
        return not self.runtimes or runtime in self.runtimes


def load(path: Path) -> Requirement:
    """Read one file. Raises RequirementError naming the file and the field."""
    try:
        requirement = Requirement.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (ValidationError, yaml.YAMLError) as error:
        raise RequirementError(f"{path.name}: {error}") from error
    if requirement.id != path.stem:
        raise RequirementError(f"{path.name}: id is {requirement.id!r}; name the file after it")
    return requirement


def load_all(folder: Path = FOLDER) -> list[Requirement]:
    """Every requirement, by topic in the order of ``TOPICS``, then by id."""
    order = list(TOPICS)
    found = [load(path) for path in sorted(folder.glob("*.yaml"))]
    return sorted(found, key=lambda requirement: (order.index(requirement.topic), requirement.id))
