"""Where a limit's state lives: anything that applies a batch of operations to one limit in one atomic step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from shared_agent.errors import StoreError
from shared_agent.limits.codec import Op, Reply, Shape, State, decode_state, encode
from shared_agent.limits.machine import transact
from shared_agent.stores.state import UNKNOWN, StateStore

_KEPT_S = 7 * 86400.0


class Backend(Protocol):
    """Applies operations to limits. Raises StoreError when the store cannot be reached."""

    immediate: bool
    """True where ``apply`` answers without suspending, so that nothing is gained by combining calls."""

    async def apply(self, name: str, shape: Shape, ops: Sequence[Op]) -> Reply:
        """Apply ``ops`` in order to the limit ``name`` as one step on the store's clock: one round trip."""
        ...

    async def aclose(self) -> None:
        """Release what the backend opened."""
        ...


class StateBackend:
    """Limits in any :class:`~shared_agent.stores.state.StateStore`, through its atomic update.

    The value last written is the guess of the next update, so a store that compares and sets needs one round trip
    while no other process writes between, and one more for each that does. The state is kept for a week.
    """

    def __init__(self, store: StateStore, *, immediate: bool = False, owned: bool = False) -> None:
        self.immediate = immediate
        self._store = store
        self._owned = owned
        self._written: dict[str, bytes] = {}

    async def apply(self, name: str, shape: Shape, ops: Sequence[Op]) -> Reply:
        def transition(value: bytes | None, now: float) -> tuple[bytes, tuple[Reply, bytes]]:
            state = State() if value is None else _decode(name, value)
            reply = transact(shape, state, ops, now)
            written = encode(state)
            return written, (reply, written)

        key = state_key(name)
        guess = self._written.get(key, UNKNOWN)
        reply, self._written[key] = await self._store.update(key, transition, guess=guess, ttl_s=_KEPT_S)
        return reply

    async def aclose(self) -> None:
        if self._owned:
            await self._store.aclose()


def state_key(name: str) -> str:
    """The key of the limit ``name`` in a state store."""
    return f"limit:{name}"


def _decode(name: str, value: bytes) -> State:
    try:
        return decode_state(value)
    except msgspec.DecodeError as error:
        raise StoreError(
            f"the state of limit {name!r} cannot be read: {error}",
            remedy=f"delete the key {state_key(name)!r}; the limit then starts with a full bucket",
        ) from error
