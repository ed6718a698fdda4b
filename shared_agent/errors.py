"""Every error that leaves this package, with what the reader can do about it.

    SharedAgentError
    ├── InputError            the caller's words are wrong: names the field and the remedy, nothing was started
    ├── ModelError            a model call ended badly; its class decides what a retry may do
    │   ├── Throttled         the provider asked to slow down (HTTP 429, 529): wait, then the same call is right
    │   ├── Transient         the network or the provider failed (5xx, timeout, broken stream): retry with back-off
    │   └── Permanent         the same call will fail again (bad key, bad request, refused): do not retry
    ├── AdmissionError        a request that no wait can admit (larger than the limit's capacity)
    ├── BudgetExceeded        the job's ceiling in USD or tokens is reached: no further call starts
    ├── BreakerOpen           calls to this target are failing: fail fast, with the time to wait
    ├── StoreError            shared state or an artifact could not be read or written
    │   └── StoreUnavailable  … because the store did not answer: the same operation is right later
    ├── Busy                  another worker holds the task's claim: come back later
    ├── Deferred              admission is far away: give the worker back and return with the ticket
    └── ClaimLost             the lease ran out and another worker took the task: this result is not stored

``Busy`` and ``Deferred`` are answers to the runtime rather than failures of the task: the task has no outcome yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared_agent.spec.task import Task
    from shared_agent.spec.usage import Usage


class SharedAgentError(Exception):
    """Base of all errors of this package. ``remedy`` says what the reader can do."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} ({self.remedy})" if self.remedy else self.message


class InputError(SharedAgentError):
    """A value the caller gave is wrong. ``field`` is its dotted path (``limits.0.burst``)."""

    def __init__(self, field: str, message: str, *, remedy: str = "") -> None:
        super().__init__(f"{field}: {message}" if field else message, remedy=remedy)
        self.field = field


class ModelError(SharedAgentError):
    """A model call failed. ``code`` is the provider's own word for it (``rate_limit_error``, ``http_500``).

    ``usage`` is set when the provider answered, and charged, but the answer could not be used.
    """

    def __init__(self, message: str, *, code: str = "", remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.code = code
        self.usage: Usage | None = None


class Throttled(ModelError):
    """The provider asked to slow down. ``retry_after_s`` is its own figure in seconds, where it gave one."""

    def __init__(self, message: str, *, retry_after_s: float | None = None, code: str = "", remedy: str = "") -> None:
        super().__init__(message, code=code, remedy=remedy)
        self.retry_after_s = retry_after_s


class Transient(ModelError):
    """The network or the provider failed in passing. ``retry_after_s`` as in :class:`Throttled`."""

    def __init__(self, message: str, *, retry_after_s: float | None = None, code: str = "", remedy: str = "") -> None:
        super().__init__(message, code=code, remedy=remedy)
        self.retry_after_s = retry_after_s


class Permanent(ModelError):
    """The same call will fail again: a bad key, a malformed request, an input over the context window."""


class AdmissionError(SharedAgentError):
    """One request is larger than the limit's capacity: no wait would ever admit it."""


class BudgetExceeded(SharedAgentError):
    """A hard ceiling in USD or tokens is reached. No call was made."""


class BreakerOpen(SharedAgentError):
    """The circuit breaker of ``target`` is open; ``retry_after_s`` seconds until it lets a probe through."""

    def __init__(self, target: str, retry_after_s: float) -> None:
        super().__init__(
            f"circuit breaker open for {target}",
            remedy=f"calls are failing; the next probe is let through in {retry_after_s:.1f} s",
        )
        self.target = target
        self.retry_after_s = retry_after_s


class StoreError(SharedAgentError):
    """Shared state or an artifact could not be read or written."""


class StoreUnavailable(StoreError):
    """A store did not answer. Nothing is known to be wrong with what was asked: do it again later."""


class Busy(SharedAgentError):
    """Another worker holds the claim of this task; ask again in ``retry_after_s`` seconds."""

    def __init__(self, key: str, retry_after_s: float) -> None:
        super().__init__(f"task {key} is claimed by another worker", remedy=f"retry in {retry_after_s:.1f} s")
        self.key = key
        self.retry_after_s = retry_after_s


class Deferred(SharedAgentError):
    """Admission is ``wait_s`` seconds away. ``task`` carries the ticket: run it again after the wait.

    A worker that is billed by the second raises this instead of sleeping; its runtime waits for free.
    """

    def __init__(self, task: Task, wait_s: float) -> None:
        super().__init__(f"task {task.task_id} is admitted in {wait_s:.1f} s", remedy="redeliver it then")
        self.task = task
        self.wait_s = wait_s


class ClaimLost(SharedAgentError):
    """The lease ran out before the task ended and another worker took it; nothing was stored here."""
