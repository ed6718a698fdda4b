"""What a provider's HTTP headers say about its rate limits, as plain numbers.

Pure functions over a header mapping with lower-case names. Header names and formats, per provider:

- Anthropic: ``anthropic-ratelimit-{requests,input-tokens,output-tokens}-{limit,remaining,reset}``; ``reset`` is an
  RFC 3339 instant. (https://platform.claude.com/docs/en/api/rate-limits#response-headers)
- OpenAI and Azure OpenAI: ``x-ratelimit-{limit,remaining,reset}-{requests,tokens}``; ``reset`` is a duration such as
  ``1h2m3.5s`` or ``20ms``. Their one token figure counts input and output together; it is reported as
  ``input_tokens``, the larger part of it. (https://platform.openai.com/docs/guides/rate-limits)
- Everyone: ``retry-after`` in seconds or as an HTTP date, ``retry-after-ms`` (which wins, being exact).

A date is compared with the response's own ``date`` header where there is one, so a skewed client clock does no harm.
Whatever is malformed, negative or absurd is ignored or bounded: a header is a hint and never an order.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from shared_agent.models.types import Quota

MAX_RETRY_AFTER_S = 3600.0
"""A longer ``retry-after`` is cut to this: an hour later the provider can be asked again."""

MAX_RESET_S = 86_400.0
MAX_UNITS = 10**12

_ANTHROPIC = (("requests", "requests"), ("input_tokens", "input-tokens"), ("output_tokens", "output-tokens"))
_OPENAI = (("requests", "requests"), ("input_tokens", "tokens"))
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def parse(headers: Mapping[str, str], *, now: float | None = None) -> tuple[Quota, ...]:
    """The quotas that the headers of one response state; empty where they state none.

    ``now``: seconds since the epoch against which instants are read, where the response carries no ``date``.
    """
    clock = _server_time(headers, now)
    anthropic = (
        _quota(
            dimension,
            headers.get(f"anthropic-ratelimit-{word}-limit"),
            headers.get(f"anthropic-ratelimit-{word}-remaining"),
            _until(headers.get(f"anthropic-ratelimit-{word}-reset"), clock),
        )
        for dimension, word in _ANTHROPIC
    )
    openai = (
        _quota(
            dimension,
            headers.get(f"x-ratelimit-limit-{word}"),
            headers.get(f"x-ratelimit-remaining-{word}"),
            duration_s(headers.get(f"x-ratelimit-reset-{word}")),
        )
        for dimension, word in _OPENAI
    )
    return tuple(quota for quota in (*anthropic, *openai) if quota is not None)


def retry_after_s(headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """How long the provider asks to wait, in seconds from 0 to ``MAX_RETRY_AFTER_S``; None where it does not say."""
    exact = _number(headers.get("retry-after-ms"))
    if exact is not None:
        return bounded_wait(exact / 1000.0)
    stated = headers.get("retry-after")
    if stated is None:
        return None
    seconds = _number(stated)
    if seconds is not None:
        return bounded_wait(seconds)
    try:
        instant = parsedate_to_datetime(stated)
    except ValueError:
        return None
    return bounded_wait(_timestamp(instant) - _server_time(headers, now))


def bounded_wait(seconds: float) -> float:
    """``seconds`` as a wait that makes sense: not negative, at most ``MAX_RETRY_AFTER_S``."""
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)


def duration_s(text: str | None) -> float | None:
    """Seconds in a duration such as ``6m0s``, ``20ms``, ``37s`` or ``12``; None if it is not one."""
    if not text:
        return None
    plain = _number(text)
    if plain is not None:
        return min(max(plain, 0.0), MAX_RESET_S)
    parts = _DURATION_PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text.strip():
        return None
    return min(sum(float(number) * _SECONDS[unit] for number, unit in parts), MAX_RESET_S)


def _quota(dimension: str, limit: str | None, remaining: str | None, reset_s: float | None) -> Quota | None:
    limit_units, remaining_units = _units(limit), _units(remaining)
    if limit_units is None and remaining_units is None:
        return None
    return Quota(dimension=dimension, limit=limit_units, remaining=remaining_units, reset_s=reset_s)


def _units(text: str | None) -> int | None:
    value = _number(text)
    if value is None or value > MAX_UNITS:
        return None
    return max(int(value), 0)


def _number(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _until(instant: str | None, clock: float) -> float | None:
    if not instant:
        return None
    try:
        moment = datetime.fromisoformat(instant)
    except ValueError:
        return None
    return min(max(_timestamp(moment) - clock, 0.0), MAX_RESET_S)


def _timestamp(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _server_time(headers: Mapping[str, str], now: float | None) -> float:
    try:
        return _timestamp(parsedate_to_datetime(headers["date"]))
    except (KeyError, ValueError):
        return time.time() if now is None else now
