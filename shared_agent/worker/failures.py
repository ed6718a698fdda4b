"""Turns what a handler raised into the failure that its outcome carries."""

from __future__ import annotations

import traceback

from shared_agent.errors import (
    AdmissionError,
    BreakerOpen,
    BudgetExceeded,
    Deferred,
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
    (StoreError, FailureClass.PERMANENT, False),
    (TimeoutError, FailureClass.TIMEOUT, True),
)


def principal(error: Exception) -> Exception:
    """The error that decides what becomes of the task: of a group (a handler's ``TaskGroup``) Deferred, else
    BudgetExceeded, else the first.
    """
    if not isinstance(error, ExceptionGroup):
        return error
    members = [principal(member) for member in error.exceptions]
    return min(members, key=lambda member: (not isinstance(member, Deferred), not isinstance(member, BudgetExceeded)))


def describe(error: Exception) -> tuple[Failure, str]:
    """The failure with a bounded message, and the whole text for an artifact (``""`` when the message says it all)."""
    kind, retryable = FailureClass.HANDLER, False
    for error_type, its_kind, its_retryable in _KINDS:
        if isinstance(error, error_type):
            kind, retryable = its_kind, its_retryable
            break
    ours = isinstance(error, SharedAgentError)
    text = _encodable(error.message) if ours else f"{type(error).__name__}: {_words(error)}"
    whole = _encodable("".join(traceback.format_exception(error))) if kind is FailureClass.HANDLER else text
    failure = Failure(
        kind=kind,
        message=preview(text),
        code=preview(_encodable(error.code), 100) if isinstance(error, ModelError) else type(error).__name__,
        remedy=preview(_encodable(error.remedy), 200) if ours else "",
        retryable=retryable,
    )
    return failure, whole if whole != failure.message else ""


def _words(error: Exception) -> str:
    try:
        return _encodable(str(error))
    except Exception:  # an exception whose own __str__ raises must still end as a failure
        return "(its text cannot be had)"


def _encodable(text: str) -> str:
    """``text`` with lone surrogates (names of files that are not UTF-8) spelt out, since JSON cannot carry them."""
    return text.encode("utf-8", "backslashreplace").decode()
