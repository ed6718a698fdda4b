from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_agent.errors import ModelError, Permanent, Throttled, Transient
from shared_agent.models import failures


@pytest.mark.parametrize(
    ("status", "word", "message", "error"),
    [
        (429, "rate_limit_error", "slow down", Throttled),
        (529, "overloaded_error", "Overloaded", Throttled),
        (429, "rate_limit_exceeded", "Request too large for gpt-4o: Limit 30000, Requested 90000", Permanent),
        (429, "insufficient_quota", "You exceeded your current quota", Permanent),
        # Google says this of the minute's quota too.
        (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan", Throttled),
        (503, "UNAVAILABLE", "The model is overloaded.", Transient),
        (409, "", "conflict", Transient),
        (402, "billing_error", "add credits", Permanent),
        (413, "request_too_large", "Request exceeds the maximum size", Permanent),
        # Inside a stream that began with 200 the provider's word decides.
        (200, "overloaded_error", "Overloaded", Throttled),
        (200, "throttlingException", "Too many tokens, please wait", Throttled),
        (200, "internalServerException", "oops", Transient),
        (200, "validationException", "bad", Permanent),
        (200, "never heard of", "what", Transient),
    ],
)
def test_statuses_and_words(status: int, word: str, message: str, error: type[ModelError]) -> None:
    assert type(failures.from_response(status, message, word=word)) is error


@pytest.mark.parametrize(
    "message",
    [
        "prompt is too long: 208310 tokens > 200000 maximum",
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 150000 tokens.",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        "Input is too long for requested model.",
        "Your input exceeds the context window of this model.",
    ],
)
def test_every_providers_words_for_a_prompt_that_is_too_long(message: str) -> None:
    error = failures.from_response(400, message)
    assert isinstance(error, Permanent)
    assert error.code == failures.CONTEXT_LENGTH
    assert "smaller chunks" in str(error)


def test_the_header_outranks_the_body_for_the_wait() -> None:
    error = failures.from_response(429, "", headers={"retry-after": "3"}, retry_after_s=9.0)
    assert isinstance(error, Throttled)
    assert error.retry_after_s == 3.0


@given(st.integers(100, 599), st.text(max_size=2000), st.text(max_size=40))
def test_whatever_comes_one_of_three_errors_with_a_bounded_message(status: int, message: str, word: str) -> None:
    error = failures.from_response(status, message, word=word)
    assert type(error) in (Throttled, Transient, Permanent)
    assert error.code
    assert len(error.message) < 600
