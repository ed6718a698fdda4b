"""Turns what a handler raised into the failure that its outcome carries."""

from __future__ import annotations

import traceback

from shared_agent.errors import (
    AdmissionError,
    BreakerOpen,
    InputError,
    ModelError,
    Permanent,
    SharedAgentError,
    StoreError,
    Throttled,
    Transient,
)
from shared_agent.spec.outcome import Failure, FailureClass
from shared_agent.spec.payload import preview

_KINDS: tuple[tuple[type[Exception], FailureClass, bool], ...] = (
    (Throttled, FailureClass.THROTTLED, True),
    (Transient, FailureClass.TRANSIENT, True),
    (BreakerOpen, FailureClass.BREAKER, True),
    (Permanent, FailureClass.PERMANENT, False),
    (AdmissionError, FailureClass.INPUT, False),
    (InputError, FailureClass.INPUT, False),
    (StoreError, FailureClass.TRANSIENT, True),
    (TimeoutError, FailureClass.TIMEOUT, True),
)


def describe(error: Exception) -> tuple[Failure, str]:
    """The failure with a bounded message, and the whole text for an artifact (``""`` when the message says it all)."""
    kind, retryable = FailureClass.HANDLER, False
    for error_type, its_kind, its_retryable in _KINDS:
        if isinstance(error, error_type):
            kind, retryable = its_kind, its_retryable
            break
    ours = isinstance(error, SharedAgentError)
    text = error.message if ours else f"{type(error).__name__}: {error}"
    whole = "".join(traceback.format_exception(error)) if kind is FailureClass.HANDLER else text
    failure = Failure(
        kind=kind,
        message=preview(text),
        code=error.code if isinstance(error, ModelError) else type(error).__name__,
        remedy=preview(error.remedy, 200) if ours else "",
        retryable=retryable,
    )
    return failure, whole if whole != failure.message else ""
