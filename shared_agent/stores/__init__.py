"""Shared state and artifacts, picked by URL.

State: ``memory://``, ``sqlite:///PATH``, ``redis://HOST:6379/0`` (``rediss://``, ``valkey://``, ``valkeys://`` too) and
``valkey:///FOLDER``, the embedded server of a folder. Artifacts: see :mod:`shared_agent.stores.artifacts`.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from shared_agent.errors import InputError
from shared_agent.stores.artifacts import Artifacts, open_artifacts
from shared_agent.stores.state import KEEP, UNKNOWN, StateStore

__all__ = ["KEEP", "UNKNOWN", "Artifacts", "StateStore", "open_artifacts", "open_state"]

_SERVERS = {"redis": "redis", "rediss": "rediss", "valkey": "redis", "valkeys": "rediss"}


def open_state(url: str) -> StateStore:
    """Open shared state by URL; back ends are imported when their scheme is named.

    Raises InputError naming the field ``state`` for an unknown scheme or a missing extra, and StoreError when a local
    back end cannot be opened. A remote server is first reached by the first operation.
    """
    parts = urlsplit(url)
    if parts.scheme == "memory":
        from shared_agent.stores.memory import MemoryState

        return MemoryState()
    if parts.scheme == "sqlite":
        from shared_agent.stores.sqlite import SqliteState

        return SqliteState(_path(url))
    if parts.scheme in _SERVERS:
        try:
            from redis.asyncio import BlockingConnectionPool, Redis
        except ImportError as error:
            raise InputError(
                "state",
                f"{parts.scheme}:// needs the Valkey client",
                remedy="pip install 'shared-agent[valkey]'",
            ) from error
        if not parts.netloc:
            from shared_agent.stores.embedded_valkey import EmbeddedValkeyState

            return EmbeddedValkeyState(_path(url))
        from shared_agent.stores.redis import CONNECTIONS, RedisState

        server = _SERVERS[parts.scheme] + url[len(parts.scheme) :]
        pool = BlockingConnectionPool.from_url(server, max_connections=CONNECTIONS, timeout=None)
        return RedisState(Redis.from_pool(pool), url=url)
    raise InputError(
        "state",
        f"unknown scheme in {url!r}",
        remedy="use memory://, sqlite:///PATH, valkey:///FOLDER or redis://HOST:PORT/DB",
    )


def _path(url: str) -> Path:
    """``sqlite:///relative``, ``sqlite:////absolute`` and the same for ``valkey:``, as SQLAlchemy reads them."""
    path = urlsplit(url).path.removeprefix("/")
    if not path:
        raise InputError("state", f"{url!r} names no path", remedy="such as sqlite:///.shared-agent/state.db")
    return Path(path)
