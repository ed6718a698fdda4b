"""Keeps the leases of one worker's running tasks alive, on one background task.

    lease  |────────────────────────|
    renew          ▲ at a third     ▲ would be too late

A task whose lease cannot be renewed, because another worker has it, is cancelled: its result would be refused anyway.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from shared_agent.errors import ClaimLost, StoreError
from shared_agent.worker.claims import Claims, Held


@dataclass(slots=True, eq=False)
class Lease:
    """A held claim while its task runs. ``held`` is replaced by each renewal; ``lost`` once another worker has it."""

    held: Held
    lease_s: float
    renew_at: float
    runner: asyncio.Task[object] | None
    lost: bool = False


class Leases:
    """The leases of one worker."""

    def __init__(self, claims: Claims) -> None:
        self._claims = claims
        self._running: set[Lease] = set()
        self._keeper: asyncio.Task[None] | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._wake = asyncio.Event()

    def add(self, held: Held, lease_s: float) -> Lease:
        """Keep ``held`` alive for the current task until :meth:`remove`."""
        loop = asyncio.get_running_loop()
        lease = Lease(held, lease_s, loop.time() + lease_s / 3, asyncio.current_task())
        self._running.add(lease)
        if self._keeper is None or self._keeper.done():
            self._keeper = loop.create_task(self._keep(), name="shared-agent-leases")
        elif self._pause is not None and self._pause.when() > lease.renew_at:
            self._wake.set()
        return lease

    def remove(self, lease: Lease) -> Held:
        """Stop renewing; the claim as it was last written."""
        self._running.discard(lease)
        lease.runner = None
        return lease.held

    async def aclose(self) -> None:
        """Stop the background task; the leases then run out by themselves."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        while self._running:
            pause_s = min(lease.lease_s for lease in self._running) / 6
            self._wake.clear()
            self._pause = loop.call_later(pause_s, self._wake.set)
            try:
                await self._wake.wait()
            finally:
                self._pause.cancel()
            now = loop.time()
            due = [lease for lease in self._running if lease.renew_at <= now]
            # Together: one slow answer of the store must not cost the others their leases.
            await asyncio.gather(*map(self._renew, due))

    async def _renew(self, lease: Lease) -> None:
        try:
            renewed = await self._claims.renew(lease.held, lease.lease_s)
        except ClaimLost:
            if lease in self._running and lease.runner is not None:
                lease.lost = True
                lease.runner.cancel()
        except StoreError:
            return  # the lease has two more thirds to run: the next round tries again
        else:
            if lease in self._running:
                lease.held = renewed
            lease.renew_at = asyncio.get_running_loop().time() + lease.lease_s / 3
