"""What model calls consumed: calls, tokens and USD."""

from __future__ import annotations

import msgspec


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Consumption of one call, one task or a whole job; add two with ``+``.

    ``input_tokens`` includes the cached ones; ``cached_input_tokens`` says how many of them were read from the
    provider's cache. ``usd`` is what the provider charges at the prices in force (0.0 for the embedded model).
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    usd: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_input_tokens=self.cached_input_tokens + other.cached_input_tokens,
            usd=self.usd + other.usd,
        )

    @property
    def tokens(self) -> int:
        """Input and output tokens together."""
        return self.input_tokens + self.output_tokens
