from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from shared_agent.errors import InputError
from shared_agent.models import prices
from shared_agent.models.estimate import DEFAULT_CONTEXT_WINDOW, context_window
from shared_agent.models.prices import Rates, price
from shared_agent.spec.usage import Usage

MILLION = Usage(input_tokens=1_000_000, output_tokens=1_000_000)


@pytest.mark.parametrize(
    "model",
    [
        "anthropic:claude-haiku-4-5",
        "anthropic-vertex:claude-haiku-4-5",
        "anthropic-foundry:claude-haiku-4-5",
    ],
)
def test_haiku_costs_one_dollar_in_and_five_out(model: str) -> None:
    assert price(model, MILLION) == pytest.approx(6.0)


def test_a_regional_bedrock_profile_costs_a_tenth_more() -> None:
    assert price("anthropic-bedrock:us.anthropic.claude-haiku-4-5-20251001-v1:0", MILLION) == pytest.approx(6.6)


def test_cached_input_is_cheaper_and_writing_the_cache_dearer() -> None:
    model = "anthropic:claude-haiku-4-5"
    fresh = price(model, Usage(input_tokens=1_000_000))
    cached = price(model, Usage(input_tokens=1_000_000, cached_input_tokens=1_000_000))
    written = price(model, Usage(input_tokens=1_000_000), cache_write_tokens=1_000_000)
    assert (cached, fresh, written) == (pytest.approx(0.1), pytest.approx(1.0), pytest.approx(1.25))


def test_a_tier_above_a_size_is_honoured() -> None:
    model = "google:gemini-2.5-pro"
    below = price(model, Usage(input_tokens=100_000))
    above = price(model, Usage(input_tokens=300_000))
    assert below is not None
    assert above is not None
    assert above / 300_000 == pytest.approx(2 * below / 100_000)


@pytest.mark.parametrize("model", ["anthropic:claude-haiku-4-5", "openai:gpt-4.1-mini", "google:gemini-2.5-flash"])
def test_the_flat_rates_kept_for_speed_agree_with_the_library(model: str) -> None:
    from genai_prices import Usage as TableUsage
    from genai_prices import calc_price

    usage = Usage(input_tokens=12_345, output_tokens=678, cached_input_tokens=2_000)
    table = TableUsage(input_tokens=12_345, output_tokens=678, cache_read_tokens=2_000)
    provider, _, ref = model.partition(":")
    assert price(model, usage) == pytest.approx(float(calc_price(table, ref, provider_id=provider).total_price))


@pytest.mark.parametrize("model", ["openai:gpt-imaginary", "nobody:x", "openai:", "mine"])
def test_an_unknown_price_is_none_and_never_zero(model: str) -> None:
    assert price(model, MILLION) is None
    with pytest.raises(InputError, match="no price is known") as caught:
        prices.require_price(model)
    assert caught.value.field == "model"


def test_a_jobs_own_rates_replace_the_table() -> None:
    own = {"openai:gpt-5-mini": Rates(input_per_mtok=2.0, output_per_mtok=10.0)}
    usage = Usage(input_tokens=1_000_000, output_tokens=100_000, cached_input_tokens=500_000)
    assert price("openai:gpt-5-mini", usage, overrides=own) == pytest.approx(3.0)
    cheaper = {"openai:gpt-5-mini": Rates(input_per_mtok=2.0, output_per_mtok=10.0, cached_input_per_mtok=0.2)}
    assert price("openai:gpt-5-mini", usage, overrides=cheaper) == pytest.approx(2.1)


def test_a_free_model_is_free_because_the_user_said_so() -> None:
    own = prices.parse_overrides({"openai:my-llama": {"input_per_mtok": 0}})
    assert price("openai:my-llama", MILLION, overrides=own) == 0.0


def test_the_table_says_where_it_is_from_and_how_old_it_is() -> None:
    table = prices.price_table()
    assert table.source.startswith("genai-prices 0.")
    assert date(2026, 1, 1) < table.date <= datetime.now(tz=UTC).date()


def test_the_context_window_is_the_tables_or_stated_or_small() -> None:
    assert context_window("anthropic:claude-haiku-4-5") == 200_000
    assert context_window("openai:my-llama") == DEFAULT_CONTEXT_WINDOW
    assert context_window("openai:my-llama", 8192) == 8192
