from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_agent.models import quotas
from shared_agent.models.types import Quota

NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z
DATE = "Thu, 01 Jan 2026 12:00:00 GMT"


def test_anthropics_headers_become_three_dimensions() -> None:
    headers = {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "49",
        "anthropic-ratelimit-requests-reset": "2026-01-01T12:00:02Z",
        "anthropic-ratelimit-input-tokens-limit": "40000",
        "anthropic-ratelimit-input-tokens-remaining": "39000",
        "anthropic-ratelimit-input-tokens-reset": "2026-01-01T12:00:01.5Z",
        "anthropic-ratelimit-output-tokens-limit": "8000",
        "anthropic-ratelimit-output-tokens-remaining": "0",
        "anthropic-ratelimit-output-tokens-reset": "2026-01-01T12:01:00+00:00",
        "anthropic-ratelimit-tokens-limit": "48000",
    }
    assert quotas.parse(headers, now=NOON) == (
        Quota("requests", 50, 49, 2.0),
        Quota("input_tokens", 40_000, 39_000, 1.5),
        Quota("output_tokens", 8000, 0, 60.0),
    )


def test_openais_headers_become_requests_and_tokens() -> None:
    headers = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-limit-tokens": "150000",
        "x-ratelimit-remaining-tokens": "149984",
        "x-ratelimit-reset-tokens": "6m0s",
    }
    assert quotas.parse(headers) == (Quota("requests", 60, 59, 1.0), Quota("input_tokens", 150_000, 149_984, 360.0))


def test_the_servers_clock_is_trusted_rather_than_ours() -> None:
    headers = {
        "date": DATE,
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-reset": "2026-01-01T12:00:05Z",
    }
    assert quotas.parse(headers, now=NOON + 9000)[0].reset_s == 5.0
    assert quotas.retry_after_s({"date": DATE, "retry-after": "Thu, 01 Jan 2026 12:00:30 GMT"}, now=0) == 30.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "99999999"}, quotas.MAX_RETRY_AFTER_S),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Thu, 01 Jan 2026 12:01:00 GMT"}, 60.0),
        ({"retry-after": "Thu, 01 Jan 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "60", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "60", "retry-after-ms": "x"}, 60.0),
    ],
)
def test_retry_after_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    assert quotas.retry_after_s(headers, now=NOON) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("20ms", 0.02),
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("1h2m3.5s", 3723.5),
        ("2d", 86_400.0),
        ("12", 12.0),
        ("", None),
        ("s", None),
        ("1 s", None),
        ("1s later", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert quotas.duration_s(text) == seconds


NAMES = [
    "retry-after",
    "retry-after-ms",
    "date",
    "x-ratelimit-limit-requests",
    "x-ratelimit-reset-requests",
    "x-ratelimit-remaining-tokens",
    "anthropic-ratelimit-requests-limit",
    "anthropic-ratelimit-requests-reset",
]


@given(st.dictionaries(st.sampled_from(NAMES), st.text(string.printable, max_size=40) | st.integers().map(str)))
def test_no_header_can_raise_or_leave_the_bounds(headers: dict[str, str]) -> None:
    wait = quotas.retry_after_s(headers)
    assert wait is None or 0 <= wait <= quotas.MAX_RETRY_AFTER_S
    for quota in quotas.parse(headers):
        assert quota.limit is None or 0 <= quota.limit <= quotas.MAX_UNITS
        assert quota.remaining is None or 0 <= quota.remaining <= quotas.MAX_UNITS
        assert quota.reset_s is None or 0 <= quota.reset_s <= quotas.MAX_RESET_S
