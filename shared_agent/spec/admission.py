"""What a call takes from a rate limit, and the ticket that keeps its place in the queue; both travel in messages."""

from __future__ import annotations

import msgspec


class Cost(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one call takes from a limit, dimension by dimension (units, not units a minute)."""

    requests: float = 1.0
    input_tokens: float = 0.0
    output_tokens: float = 0.0

    @property
    def vector(self) -> tuple[float, float, float]:
        """The cost in the order of ``limit.DIMENSIONS``."""
        return (self.requests, self.input_tokens, self.output_tokens)


class Ticket(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A place in one limit's queue: ``cost`` is reserved from ``grant_at`` on (seconds since the epoch, store time).

    A ticket can travel: a worker that does not want to wait hands it back to its runtime and returns with it.
    """

    limit: str
    ticket_id: str
    cost: Cost
    grant_at: float
