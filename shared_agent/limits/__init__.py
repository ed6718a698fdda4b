"""Admission: rate limits that many workers share, with reservations, tickets and settlements.

limiter = open_limiter([LimitSpec(name="anthropic", input_tokens_per_minute=100_000)], "valkey:///.shared-agent")
admission = await limiter.acquire(["anthropic"], Cost(input_tokens=1200))
...                                                     # the call
await limiter.settle(admission, Cost(input_tokens=1130))
"""

from __future__ import annotations

from collections.abc import Iterable

from shared_agent.errors import InputError
from shared_agent.limits.limiter import REDEEM_GRACE_S, StoreLimiter
from shared_agent.limits.types import Admission, Cost, Limiter, NotYet, Ticket
from shared_agent.spec.limit import LimitSpec
from shared_agent.stores.state import StateStore

__all__ = ["REDEEM_GRACE_S", "Admission", "Cost", "Limiter", "NotYet", "Ticket", "open_limiter"]


def open_limiter(
    specs: Iterable[LimitSpec], url_or_store: str | StateStore, *, settle_linger_s: float = 0.05
) -> Limiter:
    """The limits ``specs`` in the state store at a URL (see :mod:`shared_agent.stores`), or in one already open.

    A store opened here is closed with the limiter; one that was given stays open. Valkey and Redis are served by one Lua
    call a batch, every other store by its atomic update. ``settle_linger_s``: see :class:`StoreLimiter`.

    Raises InputError for two limits of one name, for aimd without a starting rate, and for an unknown URL.
    """
    from shared_agent.limits.backends import StateBackend
    from shared_agent.stores import open_state
    from shared_agent.stores.memory import MemoryState
    from shared_agent.stores.redis import RedisState

    by_name: dict[str, LimitSpec] = {}
    for spec in specs:
        if spec.name in by_name:
            raise InputError("limits", f"the name {spec.name!r} is given twice", remedy="name each limit once")
        by_name[spec.name] = spec
    owned = isinstance(url_or_store, str)
    store = open_state(url_or_store) if isinstance(url_or_store, str) else url_or_store
    if isinstance(store, RedisState):
        from shared_agent.limits.valkey import ValkeyBackend

        backend = ValkeyBackend(store, owned=owned)
    else:
        backend = StateBackend(store, immediate=isinstance(store, MemoryState), owned=owned)
    return StoreLimiter(by_name, backend, settle_linger_s=settle_linger_s)
