"""How many tokens a text will be, before anyone has counted them, and how many a model can take.

    tokens ≈ factor(model) · ( ascii/4.5 + two_byte/2.0 + three_byte/1.2 + four_byte·1.5 )

where ``two_byte`` … count the characters by the length of their UTF-8 form: accented Latin, Greek, Cyrillic, Hebrew and
Arabic take two bytes, CJK, Thai and the Indic scripts three, emoji four. English prose has 4.5 characters a token with
today's vocabularies; scripts that the vocabularies know less well have fewer. The factor starts at 1 and follows what
the provider returns (exponentially weighted mean of actual over estimated), so a model whose vocabulary or language
differs is right after a few calls. No vocabulary file is needed, hence no network.
"""

from __future__ import annotations

import math

from shared_agent.models import prices

CHARS_PER_TOKEN = 4.5
"""Characters a token in English prose; what chunking uses to turn a token budget into characters."""

DEFAULT_CONTEXT_WINDOW = 32_000
"""Tokens assumed for a model whose window nobody states: small enough for every model in use."""

_TOKENS_PER_CHAR = (1 / CHARS_PER_TOKEN, 1 / 2.0, 1 / 1.2, 1.5)
_CONTINUATION = bytes(range(0x80, 0xC0))
_ASCII = bytes(range(0x80))
_LEAD_2 = bytes(range(0xC0, 0xE0))
_LEAD_3 = bytes(range(0xE0, 0xF0))


def base_tokens(text: str) -> float:
    """Tokens in ``text`` by the formula above with a factor of 1. About 1 ns a character."""
    if text.isascii():
        return len(text) * _TOKENS_PER_CHAR[0]
    encoded = text.encode("utf-8", "surrogatepass")
    leads = encoded.translate(None, _CONTINUATION)
    wide = leads.translate(None, _ASCII)
    wider = wide.translate(None, _LEAD_2)
    widest = wider.translate(None, _LEAD_3)
    counts = (len(leads) - len(wide), len(wide) - len(wider), len(wider) - len(widest), len(widest))
    return sum(count * weight for count, weight in zip(counts, _TOKENS_PER_CHAR, strict=True))


class TokenEstimator:
    """Estimates for one model, corrected by what the provider returns. Not shared between processes.

    ``weight``: how much one call moves the factor. Calls of fewer than ``MIN_TOKENS`` teach nothing, for their count is
    mostly the provider's own framing; the factor stays within a quarter and four times.
    """

    MIN_TOKENS = 50
    FACTOR_BOUNDS = (0.25, 4.0)

    def __init__(self, weight: float = 0.2) -> None:
        self._weight = weight
        self.factor = 1.0

    def tokens(self, base: float) -> int:
        """The estimate for a text of ``base`` tokens by :func:`base_tokens`."""
        return math.ceil(base * self.factor)

    def learn(self, base: float, actual_tokens: int) -> None:
        """A text of ``base`` tokens was counted as ``actual_tokens`` by the provider."""
        if base < self.MIN_TOKENS or actual_tokens <= 0:
            return
        low, high = self.FACTOR_BOUNDS
        ratio = min(max(actual_tokens / base, low), high)
        self.factor += self._weight * (ratio - self.factor)


def context_window(model: str, stated: int | None = None) -> int:
    """Tokens that ``model`` (a full name) takes as input: ``stated``, else the table's figure, else the default."""
    if stated is not None:
        return stated
    found = prices.find(model)
    window = found[1].context_window if found is not None else None
    return window or DEFAULT_CONTEXT_WINDOW
