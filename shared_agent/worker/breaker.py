"""A circuit breaker for each model and tool, shared by every worker (seed §18, cascading failures).

              failures in a row                    cooldown over
    closed ────────────────────► open ────────────────────────► half-open: one worker's probe
      ▲                            ▲                                │
      │                            └──────── the probe fails ───────┤
      └───────────────────────────────────── the probe succeeds ────┘

A closed breaker costs nothing: workers keep the last state they saw and read it again at most every ``REFRESH_S``. Only a
failure, a probe and a recovery write. Throttling is not a failure: it says that the target works and how fast.
"""

from __future__ import annotations

import msgspec

from shared_agent.errors import BreakerOpen
from shared_agent.stores.state import KEEP, StateStore, Written

REFRESH_S = 2.0
_IDLE_S = 3600.0


class Breaker(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The state of one breaker; times in store seconds. Pure: every method returns the next state."""

    failures: int = 0
    opened_at: float | None = None
    probe_until: float = 0.0

    def wait_s(self, now: float, cooldown_s: float) -> float:
        """Seconds until a call may be tried; 0.0 means now (as the probe, when the breaker is not closed)."""
        if self.opened_at is None:
            return 0.0
        return max(0.0, self.opened_at + cooldown_s - now, self.probe_until - now)

    def probing(self, now: float, cooldown_s: float) -> Breaker:
        """One worker tries; the others wait another cooldown for its answer."""
        return msgspec.structs.replace(self, probe_until=now + cooldown_s)

    def failed(self, now: float, threshold: int) -> Breaker:
        """A call failed: count it, and open at the threshold or when it was the probe."""
        failures = self.failures + 1
        opens = failures >= threshold or self.opened_at is not None
        return Breaker(failures=failures, opened_at=now if opens else None)


_CLOSED = Breaker()
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Breaker)


class Breakers:
    """Breakers by target name, in one state store."""

    def __init__(self, store: StateStore, *, failures: int, cooldown_s: float) -> None:
        self._store = store
        self._failures = failures
        self._cooldown_s = cooldown_s
        self._seen: dict[str, tuple[Breaker, float]] = {}

    async def before(self, target: str, clock_s: float) -> None:
        """Ask whether a call to ``target`` may start at monotonic ``clock_s``. Raises BreakerOpen with the time to wait."""
        seen, read_at = self._seen.get(target, (_CLOSED, 0.0))
        if seen.opened_at is None and clock_s - read_at < REFRESH_S:
            return
        state, wait_s = await self._store.update(_key(target), self._admit, ttl_s=_IDLE_S)
        self._seen[target] = (state, clock_s)
        if wait_s > 0:
            raise BreakerOpen(target, wait_s)

    async def succeeded(self, target: str) -> None:
        """A call ended well: close the breaker if it was not, and forget earlier failures."""
        seen, read_at = self._seen.get(target, (_CLOSED, 0.0))
        if seen == _CLOSED:
            return

        def forget(current: bytes | None, now: float) -> tuple[Written, None]:
            return None, None

        await self._store.update(_key(target), forget)
        self._seen[target] = (_CLOSED, read_at)

    async def failed(self, target: str) -> None:
        """A call failed in a way that says the target is ill."""

        def count(current: bytes | None, now: float) -> tuple[Written, Breaker]:
            state = _read(current).failed(now, self._failures)
            return _encoder.encode(state), state

        state = await self._store.update(_key(target), count, ttl_s=_IDLE_S)
        _, read_at = self._seen.get(target, (_CLOSED, 0.0))
        self._seen[target] = (state, read_at)

    def _admit(self, current: bytes | None, now: float) -> tuple[Written, tuple[Breaker, float]]:
        state = _read(current)
        wait_s = state.wait_s(now, self._cooldown_s)
        if state.opened_at is None or wait_s > 0:
            return KEEP, (state, wait_s)
        probing = state.probing(now, self._cooldown_s)
        return _encoder.encode(probing), (probing, 0.0)


def _read(current: bytes | None) -> Breaker:
    return _decoder.decode(current) if current is not None else _CLOSED


def _key(target: str) -> str:
    return f"breaker/{target}"
