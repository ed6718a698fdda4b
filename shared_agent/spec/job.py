"""What a user submits: a ``Job``, from a YAML or JSON file or built in Python, checked before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from shared_agent.errors import InputError
from shared_agent.spec import ids
from shared_agent.spec.completion import CompletionPolicy
from shared_agent.spec.explain import explain
from shared_agent.spec.limit import LimitSpec
from shared_agent.spec.settings import Budget, JobSettings, ModelOptions, ModelRoles, RetryPolicy

Format = Literal["text", "markdown", "html", "pdf", "docx", "pptx", "xlsx", "jsonl", "csv"]


_DECISIVE = (
    "kind", "instructions", "options", "models", "model_options", "chunking", "reduce", "max_output_tokens",
)  # fmt: skip


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Input(_Part):
    """One source of documents.

    ``path``: a file, a folder (read recursively) or a glob (``docs/**/*.md``), relative to the job file. ``uri``: an
    object or prefix on ``s3://``, ``gs://`` or ``az://``. ``text``: the document itself. ``source`` is the name it goes
    by, in place of the path, the URI or (for a text) its number.

    For JSONL and CSV files each row is a document whose text is ``text_field`` and whose name is ``id_field`` (or the
    number of the line or row). ``format`` is taken from the file's ending unless it is given; ``encoding`` is that of
    the files that are not UTF-8 (a CSV or JSONL file is wholly in it). ``exclude`` holds globs of what to leave out,
    within the folder or prefix; one without a slash is a file or folder name anywhere in it. ``max_bytes`` bounds one
    file: a larger one is refused by name.
    """

    path: str | None = None
    uri: str | None = None
    text: str | None = None
    source: str | None = None
    format: Format | None = None
    text_field: str = "text"
    id_field: str | None = None
    encoding: str | None = None
    exclude: tuple[str, ...] = ()
    max_bytes: int = Field(default=50_000_000, gt=0)

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        try:
            "a".encode(value or "utf-8")  # refuses codecs that are not of text, which a look-up does not
        except LookupError:
            raise ValueError(f"is {value!r}; give a text encoding that Python knows, such as cp1252") from None
        return value

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in ("path", "uri", "text") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"has {' and '.join(given) or 'no source'}; give exactly one of path, uri and text")
        if "" in (self.path, self.uri):
            raise ValueError(f"has an empty {given[0]}; name a file, a folder, a glob or an object")
        return self


class Chunking(_Part):
    """How documents are cut: pieces of at most ``max_tokens``, at paragraph or sentence ends.

    ``chars_per_token`` turns the token budget into characters; 4.5 holds for English prose, and scripts that
    are written without spaces need about 1.
    """

    max_tokens: int = Field(default=2000, ge=16, le=10_000_000)
    chars_per_token: float = Field(default=4.5, ge=0.1, le=100)


class Reduce(_Part):
    """How results are combined: groups of ``group_size`` in input order; ``reduce: false`` for none."""

    enabled: bool = True
    group_size: int = Field(default=10, ge=2)


class Timeouts(_Part):
    """``call_s`` bounds one model call in seconds; ``lease_s`` is how long a dead worker blocks its task."""

    call_s: float = Field(default=120.0, gt=0)
    lease_s: float = Field(default=60.0, ge=1)


class Breaker(_Part):
    """Calls to a model or tool stop after ``failures`` failures in a row, for ``cooldown_s`` seconds."""

    failures: int = Field(default=5, ge=1)
    cooldown_s: float = Field(default=30.0, gt=0)


class Output(_Part):
    """Where the result, the outcomes and the report are written; ``out/<job id>`` unless given."""

    dir: str | None = None


class Job(_Part):
    """One piece of work: what to run (``kind``), on which ``inputs``, under which limits.

    ``kind`` is a built-in task kind (summarise, extract, classify, answer, judge), a registered one, or
    ``path/to/agent.py:name``. ``options`` are the kind's own (labels, schema, question …). ``id`` names the job; without
    it the id is derived from the settings and the content of the inputs, so that the same job is never run twice.
    """

    kind: str
    inputs: tuple[Input, ...] = Field(min_length=1)
    name: str = "job"
    id: str | None = Field(default=None, pattern="^[a-z][a-z0-9-]{0,56}$")
    instructions: str = ""
    options: Mapping[str, Any] = Field(default_factory=dict)
    models: ModelRoles = ModelRoles()
    model_options: Mapping[str, ModelOptions] = Field(default_factory=dict)
    limits: tuple[LimitSpec, ...] = ()
    chunking: Chunking = Chunking()
    reduce: Reduce = Reduce()
    concurrency: int = Field(default=16, ge=1, le=100_000)
    completion: CompletionPolicy = CompletionPolicy()
    timeouts: Timeouts = Timeouts()
    retry: RetryPolicy = RetryPolicy()
    breaker: Breaker = Breaker()
    budget: Budget | None = None
    max_output_tokens: int = Field(default=1024, ge=1)
    output: Output = Output()

    @field_validator("inputs", mode="before")
    @classmethod
    def _inputs_from_words(cls, value: Any) -> Any:
        """``inputs: docs/`` and ``inputs: [a.md, b.md]`` mean paths."""
        if value is None:
            return value
        items: list[Any] = list(value) if isinstance(value, list | tuple) else [value]
        return [_input_from_word(item) if isinstance(item, str) else item for item in items]

    @field_validator("models", mode="before")
    @classmethod
    def _one_model_for_all(cls, value: Any) -> Any:
        """``models: embedded`` means that model in every role."""
        return {"map": value} if isinstance(value, str) else value

    @field_validator("reduce", mode="before")
    @classmethod
    def _reduce_switch(cls, value: Any) -> Any:
        """``reduce: false`` means no reduction."""
        return {"enabled": value} if isinstance(value, bool) else value

    @model_validator(mode="after")
    def _limits_exist(self) -> Self:
        names = [limit.name for limit in self.limits]
        for name in names:
            if names.count(name) > 1:
                raise InputError("limits", f"two are called {name!r}", remedy="a limit has one definition")
        for model, options in self.model_options.items():
            for name in options.limits:
                if name not in names:
                    known = ", ".join(names) or "none"
                    raise InputError(
                        f"model_options.{model}.limits",
                        f"names {name!r}, which limits does not define",
                        remedy=f"defined: {known}",
                    )
        return self

    @classmethod
    def parse(cls, data: Any) -> Job:
        """A job from plain data. Raises InputError naming the first wrong field and what would be right."""
        if not isinstance(data, dict):
            raise InputError("job", "is not a mapping of fields", remedy="see `shared-agent run --help` for an example")
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise explain(error, cls) from error

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """JSON Schema (draft 2020-12) of a job file, short forms included."""
        schema = cls.model_json_schema()
        properties = schema["properties"]
        for field, short_forms in _SHORT_FORMS.items():
            properties[field] = {"anyOf": [*short_forms, properties[field]]}
        item = properties["inputs"]["anyOf"][-1]
        item["items"] = {"anyOf": [{"type": "string"}, item["items"]]}
        return schema

    def fingerprint(self, inputs_digest: str, agent_digest: str = "") -> str:
        """What the outcomes of the job's tasks depend on; the job's id is made of it.

        Budget, limits, retries, timeouts, completion and concurrency are not part of it: a job that was stopped by its
        budget goes on under a larger one without paying again. ``agent_digest`` stands for the user's own code.
        """
        decisive = self.model_dump(mode="json", include=set(_DECISIVE))
        return ids.digest(decisive, inputs_digest, agent_digest)

    def rules(self) -> str:
        """A digest of everything that decides how the job runs and ends, but not where it writes."""
        return ids.digest(self.model_dump(mode="json", exclude={"inputs", "output"}))

    def settings(self, job_id: str, *, traceparent: str = "") -> JobSettings:
        """The job as its workers see it."""
        return JobSettings(
            job_id=job_id,
            kind=self.kind,
            name=self.name,
            instructions=self.instructions,
            options=self.options,
            models=self.models,
            model_options=self.model_options,
            limits=self.limits,
            budget=self.budget,
            retry=self.retry,
            completion=self.completion,
            reduce=self.reduce.enabled,
            group_size=self.reduce.group_size,
            concurrency=self.concurrency,
            call_timeout_s=self.timeouts.call_s,
            lease_s=self.timeouts.lease_s,
            max_output_tokens=self.max_output_tokens,
            breaker_failures=self.breaker.failures,
            breaker_cooldown_s=self.breaker.cooldown_s,
            traceparent=traceparent,
        )


def _input_from_word(word: str) -> dict[str, str]:
    return {"uri": word} if "://" in word else {"path": word}


_SHORT_FORMS: dict[str, list[dict[str, Any]]] = {
    "inputs": [{"type": "string"}, {"$ref": "#/$defs/Input"}],
    "models": [{"type": "string"}],
    "reduce": [{"type": "boolean"}],
}
