"""What travels to the place where a limit's state lives, and the state itself: arrays in MessagePack.

The same bytes are read by :mod:`shared_agent.limits.machine` in Python and by ``valkey.lua`` inside a Valkey server, so
one state can be served by either. Every vector lists its numbers in the order of ``spec.limit.DIMENSIONS``; times are
seconds of the store's clock, rates are units a second.
"""

from __future__ import annotations

import msgspec

from shared_agent.errors import InputError
from shared_agent.spec.limit import LimitSpec

Vector = tuple[float, float, float]

UNUSED: Vector = (0.0, 0.0, 0.0)
"""What a cancelled or forfeited ticket used."""


class Shape(msgspec.Struct, frozen=True, array_like=True):
    """A limit as its owner stated it. A rate of 0 means that the dimension is not limited."""

    rates: Vector
    burst_s: float
    strict: bool = False
    aimd: bool = False

    @staticmethod
    def of(spec: LimitSpec) -> Shape:
        """The shape of ``spec``. Raises InputError when aimd mode has no rate to start from."""
        if spec.mode == "aimd" and spec.requests_per_minute is None:
            raise InputError(
                f"limits.{spec.name}.requests_per_minute",
                "mode aimd needs a rate to start from",
                remedy="such as 60",
            )
        requests, inputs, outputs = (0.0 if quota is None else quota / 60 for quota in spec.quotas)
        return Shape((requests, inputs, outputs), spec.burst_seconds, spec.mode == "strict", spec.mode == "aimd")


class State(msgspec.Struct, array_like=True):
    """What is remembered of one limit. Decoded for one transition, changed by it, encoded again."""

    last: float = 0.0
    """The latest grant; no later ticket is granted before it."""
    hold: float = 0.0
    """Nothing new is granted before this time (a provider's Retry-After)."""
    rates: list[float] = msgspec.field(default_factory=lambda: [0.0, 0.0, 0.0])
    """Rates learned from the provider or adapted in aimd mode; 0 = as configured."""
    stairs: list[list[list[float]]] = msgspec.field(default_factory=lambda: [[], [], []])
    """Per dimension the stairs of :mod:`shared_agent.limits.bucket`: pairs of (grant time, horizon)."""
    window: list[list[float]] = msgspec.field(default_factory=list[list[float]])
    """The last minute's grants of :mod:`shared_agent.limits.strict`: (latest grant, amount in each dimension)."""
    raised_at: float = 0.0
    halved_at: float = 0.0


class Reserve(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """Take ``cost`` at the earliest fair time. Answer: that time, or ``-(dimension + 1)`` when it can never fit."""

    cost: Vector


class Redeem(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """Come back with a ticket. Answer as for Reserve: its own ``grant_at`` where it still stands.

    It is given back and reserved anew after ``valid_until``, or when a hold covers its time.
    """

    cost: Vector
    grant_at: float
    valid_until: float


class Settle(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """Replace what was reserved at ``grant_at`` by what was used; a cancelled ticket used nothing. Answer: 0."""

    reserved: Vector
    actual: Vector
    grant_at: float


class Throttle(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """The provider said 429: hold for ``retry_after_s``, and halve in aimd mode. Answer: 0."""

    retry_after_s: float


class Observe(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """A provider's headers: ``rates`` in units a second and ``remaining`` units, -1 where unsaid. Answer: 0."""

    rates: Vector
    remaining: Vector


Op = Reserve | Redeem | Settle | Throttle | Observe


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """What a batch of operations came to, at the store's time ``now``."""

    now: float
    hold: float
    answers: list[float]
    rates: Vector
    capacities: Vector


encode = msgspec.msgpack.Encoder().encode
decode_state = msgspec.msgpack.Decoder(State).decode
decode_reply = msgspec.msgpack.Decoder(Reply).decode
