"""What a call costs in USD, from the offline table of the ``genai-prices`` library (https://github.com/pydantic/genai-prices).

    usd = Σ over kinds of token:  count(kind) · rate(kind) / 1 000 000
          kinds: fresh input (input - cached - written), cached input, written to cache, output

Tiers (a higher rate above some input size), cache rates, regional endpoints and prices that change on a date are the
library's business; this module only spares its 0.2 ms a call: where a model's rates are flat they are read once a
minute.

A price that is not known is ``None``, never 0.0: ``open_model`` refuses such a model unless the job states its rates,
so that no budget is ever compared with a cost that silently counts nothing. A model that truly costs nothing (a
server of one's own) is opened with rates of 0.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from shared_agent.errors import InputError
from shared_agent.spec.usage import Usage

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider

_MILLION = 1_000_000

_TABLE_PROVIDER = {
    "anthropic": "anthropic",
    "anthropic-bedrock": "aws",
    "anthropic-vertex": "google",
    "anthropic-foundry": "azure",
    "openai": "openai",
    "azure-openai": "azure",
    "google": "google",
    "google-vertex": "google",
}


class Rates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A job's own prices for one model, in USD a million tokens. Cached input costs as other input unless stated."""

    input_per_mtok: float
    output_per_mtok: float = 0.0
    cached_input_per_mtok: float | None = None


Overrides = Mapping[str, Rates]
"""Full model name (``openai:gpt-5-mini``) → the rates that replace the table's."""


class PriceTable(msgspec.Struct, frozen=True):
    """Where prices come from. ``date``: the newest day the table speaks of, so it is at least as fresh as that."""

    source: str
    date: date


class _FlatRates(msgspec.Struct, frozen=True):
    fresh: float
    cached: float
    written: float
    output: float


def price(model: str, usage: Usage, *, overrides: Overrides | None = None, cache_write_tokens: int = 0) -> float | None:
    """USD for ``usage`` of ``model``, at the rates of this minute; None if no price is known.

    ``cache_write_tokens``: how many of the input tokens the provider charged as written to its cache.
    """
    if overrides and model in overrides:
        return _own(overrides[model], usage)
    flat = _flat_rates(model, int(time.time() // 60))
    if flat is not None:
        fresh = usage.input_tokens - usage.cached_input_tokens - cache_write_tokens
        return (
            fresh * flat.fresh
            + usage.cached_input_tokens * flat.cached
            + cache_write_tokens * flat.written
            + usage.output_tokens * flat.output
        ) / _MILLION
    found = find(model)
    return None if found is None else _from_table(found, usage, cache_write_tokens)


def require_price(model: str, *, overrides: Overrides | None = None) -> None:
    """Raise InputError naming ``model`` unless its price is known; called before anything is started."""
    if price(model, Usage(input_tokens=1), overrides=overrides) is None:
        raise InputError(
            "model",
            f"no price is known for {model!r} in {price_table().source}",
            remedy=f"state it: prices: {{{model!r}: {{input_per_mtok: …, output_per_mtok: …}}}} "
            "(USD a million tokens; 0 for a server of your own)",
        )


def parse_overrides(raw: Mapping[str, object] | None) -> dict[str, Rates]:
    """A job's ``prices`` mapping, checked. Raises InputError naming the model whose entry is wrong."""
    rates: dict[str, Rates] = {}
    for model, entry in (raw or {}).items():
        try:
            rates[model] = msgspec.convert(entry, Rates)
        except msgspec.ValidationError as error:
            raise InputError(
                f"prices.{model}",
                str(error),
                remedy="give input_per_mtok, output_per_mtok and, if it differs, cached_input_per_mtok in USD",
            ) from None
    return rates


@lru_cache(maxsize=1)
def price_table() -> PriceTable:
    """The table in use, for showing beside every price: its source with version, and its date."""
    from importlib.metadata import version

    return PriceTable(source=f"genai-prices {version('genai-prices')}", date=_newest_date())


def find(model: str) -> tuple[Provider, ModelInfo] | None:
    """The table's entry for a full model name such as ``anthropic:claude-haiku-4-5``, or None."""
    from genai_prices.data_snapshot import get_snapshot

    provider, _, ref = model.partition(":")
    table_provider = _TABLE_PROVIDER.get(provider)
    if table_provider is None or not ref:
        return None
    try:
        return get_snapshot().find_provider_model(ref, None, table_provider, None)
    except LookupError:
        return None


def _own(rates: Rates, usage: Usage) -> float:
    cached = rates.input_per_mtok if rates.cached_input_per_mtok is None else rates.cached_input_per_mtok
    fresh = usage.input_tokens - usage.cached_input_tokens
    return (
        fresh * rates.input_per_mtok + usage.cached_input_tokens * cached + usage.output_tokens * rates.output_per_mtok
    ) / _MILLION


@lru_cache(maxsize=256)
def _flat_rates(model: str, minute: int) -> _FlatRates | None:
    """The rates of ``model`` in ``minute`` (of the epoch), or None if it is unknown or its rates depend on size."""
    del minute
    found = find(model)
    if found is None or _has_tiers(found[1].get_prices(datetime.now(tz=UTC))):
        return None

    def rate(usage: Usage, written: int = 0) -> float:
        return _from_table(found, usage, written)

    return _FlatRates(
        fresh=rate(Usage(input_tokens=_MILLION)),
        cached=rate(Usage(input_tokens=_MILLION, cached_input_tokens=_MILLION)),
        written=rate(Usage(input_tokens=_MILLION), _MILLION),
        output=rate(Usage(output_tokens=_MILLION)),
    )


def _has_tiers(model_price: ModelPrice) -> bool:
    from genai_prices.types import TieredPrices

    return any(isinstance(value, TieredPrices) for value in vars(model_price).values())


def _from_table(found: tuple[Provider, ModelInfo], usage: Usage, cache_write_tokens: int) -> float:
    from genai_prices import Usage as TableUsage

    provider, info = found
    counts = TableUsage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_input_tokens,
        cache_write_tokens=cache_write_tokens,
    )
    return float(info.calc_price(counts, provider).total_price)


_ISO_DATE = re.compile(r"\b20\d\d-\d\d-\d\d\b")


def _newest_date() -> date:
    """The library ships no date of its own: take the newest one among its price starts and notes, up to today."""
    from genai_prices.data_snapshot import get_snapshot
    from genai_prices.types import ConditionalPrice, StartDateConstraint

    today = datetime.now(tz=UTC).date()
    dates: set[date] = set()
    for provider in get_snapshot().providers:
        notes = [provider.price_comments or ""]
        for model in provider.models:
            notes.append(model.price_comments or "")
            conditional = model.prices if isinstance(model.prices, list) else list[ConditionalPrice]()
            for entry in conditional:
                if isinstance(entry.constraint, StartDateConstraint):
                    dates.add(entry.constraint.start_date)
        dates.update(_dates_in(" ".join(notes)))
    return max((day for day in dates if day <= today), default=date(2026, 1, 1))


def _dates_in(text: str) -> list[date]:
    found: list[date] = []
    for iso in _ISO_DATE.findall(text):
        try:
            found.append(date.fromisoformat(iso))
        except ValueError:
            continue
    return found
