"""Which error a provider's failure is: one table for all providers, pure.

    HTTP status or the provider's own word          error      why
    ─────────────────────────────────────────────   ─────────  ────────────────────────────────────────────
    429, 529, overloaded, rate limit, throttling    Throttled  the same call is right, later
      … but: quota of money spent, request larger   Permanent  no wait makes it right
        than the whole limit
    408, 409, 425, 5xx, timeout, broken stream      Transient  the network or the provider failed in passing
    400, 413, 422 with a too long prompt            Permanent  code ``context_length_exceeded``
    every other 4xx                                 Permanent  the remedy says what to check

A stream that has begun answers 200 and tells its failure in an event: there the provider's word decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from shared_agent.errors import ModelError, Permanent, Throttled, Transient
from shared_agent.models import quotas

CONTEXT_LENGTH = "context_length_exceeded"
"""``code`` of the Permanent error for an input over the model's context window, whatever the provider calls it."""

_MAX_MESSAGE_CHARS = 500

_TOO_LONG = re.compile(
    r"prompt is too long|context[ _]length|context window|maximum context|exceeds? the maximum (?:number of )?tokens"
    r"|input (?:token count|is too long)|string too long|request_too_large|request exceeds the maximum size",
    re.IGNORECASE,
)
_NEVER_FITS = re.compile(r"request too large|insufficient_quota", re.IGNORECASE)

_STATUS_OF_WORD = {
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "throttlingexception": 429,
    "overloaded_error": 529,
    "api_error": 500,
    "server_error": 500,
    "internalserverexception": 500,
    "modelstreamerrorexception": 500,
    "serviceunavailableexception": 503,
    "modeltimeoutexception": 504,
    "timeout_error": 504,
    "invalid_request_error": 400,
    "validationexception": 400,
    "billing_error": 402,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "insufficient_quota": 402,
}

_REMEDY = {
    401: "check the API key",
    402: "check the account's credit and billing",
    403: "check that the key or identity may use this model",
    404: "check the model's name, its region or deployment, and base_url",
}


def from_response(
    status: int,
    message: str,
    *,
    word: str = "",
    headers: Mapping[str, str] | None = None,
    retry_after_s: float | None = None,
) -> ModelError:
    """The error for a response of ``status`` in which the provider said ``message``.

    ``word``: the provider's error code or type. ``headers``: lower-case names. ``retry_after_s``: the wait in seconds
    where the provider states it in the body rather than in a header.
    """
    if status < 400:
        status = _STATUS_OF_WORD.get(word.lower(), 500)
    text = f"{_preview(message)} [HTTP {status}]" if message else f"HTTP {status}"
    code = word or f"http_{status}"
    wait = quotas.retry_after_s(headers or {})
    wait = retry_after_s if wait is None else wait
    if status in (429, 529):
        if _NEVER_FITS.search(f"{word} {message}"):
            return Permanent(text, code=code, remedy="no wait helps: check the account's quota and the request's size")
        return Throttled(text, retry_after_s=wait, code=code)
    if status in (408, 409, 425) or status >= 500:
        return Transient(text, retry_after_s=wait, code=code)
    if status in (400, 413, 422) and _TOO_LONG.search(f"{word} {message}"):
        return Permanent(
            text, code=CONTEXT_LENGTH, remedy="send smaller chunks or choose a model with a larger context window"
        )
    return Permanent(text, code=code, remedy=_REMEDY.get(status, "the request itself is at fault; see the message"))


def timed_out(seconds: float) -> Transient:
    """The error for a call that was given up after ``seconds``; its connection is closed."""
    return Transient(f"no answer within {seconds:g} s", code="timeout", remedy="raise timeout_s if this is usual")


def disconnected(cause: BaseException) -> Transient:
    """The error for a connection that could not be made or broke before the answer was whole."""
    return Transient(f"connection failed: {_preview(str(cause)) or type(cause).__name__}", code="connection")


def unreadable(what: str) -> Transient:
    """The error for an answer of status 200 that is not what the provider's own format says."""
    return Transient(f"the provider's response is malformed: {_preview(what)}", code="invalid_response")


def truncated_stream() -> Transient:
    """The error for a stream that ended without its last event."""
    return Transient("the stream ended before its last event", code="stream_truncated")


def refused(reason: str) -> Permanent:
    """The error for an answer withheld by the model or by the provider's filter."""
    return Permanent(
        f"the model refused to answer: {_preview(reason)}",
        code="refused",
        remedy="change the input or the instructions",
    )


def _preview(message: str) -> str:
    return message if len(message) <= _MAX_MESSAGE_CHARS else message[:_MAX_MESSAGE_CHARS] + "…"
