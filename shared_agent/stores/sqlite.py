"""Shared state of one machine in one SQLite file: survives SIGKILL, shared by every local process that opens it.

Write-ahead logging with ``synchronous=NORMAL``: a committed write survives the death of any process; a power cut may
lose the last commits but never corrupts the file (https://sqlite.org/wal.html). A transition runs inside one immediate
transaction, so it is atomic across processes. A busy file is waited for with ``asyncio.sleep``, never with SQLite's own
blocking handler, so that one process's transaction cannot stall another's event loop.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from shared_agent.errors import StoreError, StoreUnavailable
from shared_agent.stores.state import KEEP, UNKNOWN, Guess, T, Transition

_BUSY_LIMIT_S = 30.0
_SCAN_PAGE = 500

_SCHEMA = """
CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value BLOB NOT NULL, expires_at REAL NOT NULL) WITHOUT ROWID;
"""
_READ = "SELECT value FROM state WHERE key = ? AND expires_at > ?"
_WRITE = "INSERT OR REPLACE INTO state (key, value, expires_at) VALUES (?, ?, ?)"
_DELETE = "DELETE FROM state WHERE key = ?"
_PURGE = "DELETE FROM state WHERE expires_at <= ?"
_PAGE = "SELECT key, value FROM state WHERE key >= ? AND key < ? AND key > ? AND expires_at > ? ORDER BY key LIMIT ?"
_NEVER = 1e18


class SqliteState:
    """A ``StateStore`` in the SQLite file at ``path``; the folder is created."""

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite:///{path}"
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
            self._db.execute(_PURGE, (time.time(),))
            self._db.execute("PRAGMA busy_timeout=0")
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"cannot open the state file {path}: {error}",
                remedy="choose a writable folder with --state sqlite:///PATH",
            ) from error

    async def get(self, key: str) -> bytes | None:
        rows = self._rows(_READ, key, time.time())
        return rows[0][0] if rows else None

    async def update(
        self,
        key: str,
        transition: Transition[T],
        *,
        guess: Guess = UNKNOWN,
        ttl_s: float | None = None,
    ) -> T:
        await self._begin()
        try:
            now = time.time()
            row = self._db.execute(_READ, (key, now)).fetchone()
            written, result = transition(row[0] if row else None, now)
            if written is None:
                self._db.execute(_DELETE, (key,))
            elif written is not KEEP:
                self._db.execute(_WRITE, (key, written, _NEVER if ttl_s is None else now + ttl_s))
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._rollback()
            raise StoreUnavailable(f"cannot write {key} to {self.path}: {error}") from error
        except BaseException:
            self._rollback()
            raise
        return result

    async def scan(self, prefix: str) -> AsyncIterator[tuple[str, bytes]]:
        end = prefix + "\U0010ffff"
        after = ""
        while True:
            rows = self._rows(_PAGE, prefix, end, after, time.time(), _SCAN_PAGE)
            for key, value in rows:
                yield key, value
            if len(rows) < _SCAN_PAGE:
                return
            after = rows[-1][0]

    async def aclose(self) -> None:
        self._db.close()

    def _rows(self, query: str, *values: str | float) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"cannot read {self.path}: {error}") from error

    async def _begin(self) -> None:
        give_up_at = time.monotonic() + _BUSY_LIMIT_S
        wait_s = 0.001
        while True:
            try:
                self._db.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > give_up_at:
                    raise StoreUnavailable(f"cannot lock {self.path}: {error}") from error
            else:
                return
            await asyncio.sleep(random.uniform(0, wait_s))
            wait_s = min(wait_s * 2, 0.05)

    def _rollback(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
