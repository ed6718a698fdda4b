"""Claims: a worker's lease on a task, with fencing, and the place where its outcome is kept.

    acquire          token 1 ────── renew ────── renew ──── complete ─► done(outcome)      returned to every later comer
    acquire (other)     Busy          Busy         Busy
                        ┆ worker dies                       ┆ lease over
    acquire (other)     ┆                                   token 2 ─── complete ─► done
    the dead one wakes  ┆                                      complete with token 1 ─► ClaimLost, nothing is written

The record holds the lease and, in the same write that ends it, the outcome: there is no moment at which a task is released
and its result is not stored. Every acquisition raises the token; a write with an older token is refused.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Literal, TypeVar

import msgspec

from shared_agent.errors import Busy, ClaimLost
from shared_agent.spec.outcome import Outcome
from shared_agent.stores.state import KEEP, StateStore, Written

RETENTION_S = 30 * 86_400.0
"""How long a finished task's outcome is kept, in seconds."""


class ClaimRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the store holds under a task's key."""

    state: Literal["held", "free", "done"]
    token: int
    owner: str = ""
    expires_at: float = 0.0
    outcome: Outcome | None = None


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A claim that this worker holds: ``record`` as it was last written."""

    key: str
    token: int
    record: bytes


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(ClaimRecord)

T = TypeVar("T")

IsDead = Callable[[str], bool]


def nobody_is_known_dead(owner: str) -> bool:
    """The default: a worker that is silent is waited for until its lease ends."""
    return False


class Claims:
    """Leases on tasks in one state store, for the worker called ``owner``.

    ``is_dead`` may say of another owner that it is certainly gone, so that its lease need not be waited out.
    """

    def __init__(self, store: StateStore, owner: str, *, is_dead: IsDead = nobody_is_known_dead) -> None:
        self._store = store
        self._owner = owner
        self._is_dead = is_dead

    async def acquire(self, key: str, lease_s: float, *, retry_failed: bool = False) -> Held | Outcome:
        """Claim ``key`` for ``lease_s`` seconds, or return the outcome that is already stored.

        ``retry_failed`` claims a task that ended in a failure once more. Raises Busy with the seconds until the present
        lease ends.
        """

        def decide(current: bytes | None, now: float) -> tuple[Written, Held | Outcome | Busy]:
            record = _decoder.decode(current) if current is not None else None
            if record is not None and record.state == "done" and record.outcome is not None:
                if not (retry_failed and record.outcome.status == "failed"):
                    return KEEP, record.outcome
            elif record is not None and record.state == "held":
                lease_runs = record.expires_at > now
                if lease_runs and not self._is_dead(record.owner):
                    return KEEP, Busy(key, record.expires_at - now)
            token = record.token + 1 if record is not None else 1
            written = self._held(token, now + lease_s)
            return written, Held(key=key, token=token, record=written)

        answer = await self._store.update(_state_key(key), decide, guess=None, ttl_s=RETENTION_S)
        if isinstance(answer, Busy):
            raise answer
        return answer

    async def renew(self, held: Held, lease_s: float) -> Held:
        """Extend the lease to ``lease_s`` seconds from now. Raises ClaimLost when another worker has the task."""

        def decide(current: bytes | None, now: float) -> tuple[Written, Held | None]:
            if not _still_held(current, held.token):
                return KEEP, None
            written = self._held(held.token, now + lease_s)
            return written, Held(key=held.key, token=held.token, record=written)

        return await self._fenced(held, decide)

    async def complete(self, held: Held, outcome: Outcome) -> None:
        """Store the outcome and end the lease, in one write. Raises ClaimLost when another worker has the task."""
        written = _encoder.encode(ClaimRecord(state="done", token=held.token, owner=self._owner, outcome=outcome))

        def decide(current: bytes | None, now: float) -> tuple[Written, bool | None]:
            return (written, True) if _still_held(current, held.token) else (KEEP, None)

        await self._fenced(held, decide)

    async def release(self, held: Held) -> None:
        """Give the task back without an outcome. Does nothing when another worker has it."""
        written = _encoder.encode(ClaimRecord(state="free", token=held.token))

        def decide(current: bytes | None, now: float) -> tuple[Written, None]:
            return (written if _still_held(current, held.token) else KEEP), None

        await self._store.update(_state_key(held.key), decide, guess=held.record, ttl_s=RETENTION_S)

    async def _fenced(self, held: Held, decide: Callable[[bytes | None, float], tuple[Written, T | None]]) -> T:
        answer = await self._store.update(_state_key(held.key), decide, guess=held.record, ttl_s=RETENTION_S)
        if answer is None:
            raise ClaimLost(f"the claim on {held.key} ran out and another worker took it")
        return answer

    def _held(self, token: int, expires_at: float) -> bytes:
        return _encoder.encode(ClaimRecord(state="held", token=token, owner=self._owner, expires_at=expires_at))


async def read(store: StateStore, key: str) -> ClaimRecord | None:
    """The claim record of one task, for whoever only looks."""
    data = await store.get(_state_key(key))
    return _decoder.decode(data) if data is not None else None


async def outcomes(store: StateStore, prefix: str) -> AsyncIterator[tuple[str, Outcome]]:
    """The stored outcomes of the tasks whose keys start with ``prefix``, in key order."""
    async for key, data in store.scan(_state_key(prefix)):
        record = _decoder.decode(data)
        if record.outcome is not None:
            yield key, record.outcome


def _still_held(current: bytes | None, token: int) -> bool:
    if current is None:
        return False
    record = _decoder.decode(current)
    return record.state == "held" and record.token == token


def _state_key(key: str) -> str:
    return f"task/{key}"
