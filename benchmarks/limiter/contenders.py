"""The limiters under test behind one pair of functions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

RATE = 6000.0
"""Units a second."""
CAPACITY = 6000.0
GIVE_UP_S = 60.0
POLL_S = 0.1

Through = tuple[bool, float | None]
"""Whether the caller came through, and the time of the grant where the limiter tells it."""


async def _no_settle(_actual: float) -> None:
    return


@dataclass
class Line:
    """One coroutine's access to a limiter."""

    acquire: Callable[[float], Awaitable[Through]]
    settle: Callable[[float], Awaitable[None]] = _no_settle


Opener = Callable[[int, float], Awaitable[Callable[[], Line]]]
"""``(port, rate factor) -> a function that gives each coroutine its line``."""


async def shared_agent(port: int, factor: float) -> Callable[[], Line]:
    from shared_agent.limits import Admission, Cost, open_limiter
    from shared_agent.spec.limit import LimitSpec

    spec = LimitSpec(name="b", input_tokens_per_minute=RATE * 60 * factor, burst_seconds=CAPACITY / RATE)
    limiter = open_limiter([spec], f"redis://127.0.0.1:{port}/0")

    def line() -> Line:
        held: list[Admission] = []

        async def acquire(amount: float) -> Through:
            admission = await limiter.acquire(["b"], Cost(input_tokens=amount))
            held.append(admission)
            return True, admission.tickets[0].grant_at

        async def settle(actual: float) -> None:
            await limiter.settle(held.pop(), Cost(input_tokens=actual))

        return Line(acquire, settle)

    return line


async def shared_agent_alone(port: int, factor: float) -> Callable[[], Line]:
    """The same without combining: each coroutine makes its own call, its last settlement riding along."""
    from shared_agent.limits.codec import Op, Reserve, Settle, Shape
    from shared_agent.limits.valkey import ValkeyBackend
    from shared_agent.stores import open_state

    backend = ValkeyBackend(open_state(f"redis://127.0.0.1:{port}/0"))
    shape = Shape((0.0, RATE * factor, 0.0), CAPACITY / RATE)

    def line() -> Line:
        settled: list[Op] = []
        last = (0.0, 0.0)

        async def acquire(amount: float) -> Through:
            nonlocal last
            reply = await backend.apply("b", shape, [*settled, Reserve((1.0, amount, 0.0))])
            settled.clear()
            last = (amount, reply.answers[-1])
            await asyncio.sleep(max(0.0, last[1] - reply.now))
            return True, last[1]

        async def settle(actual: float) -> None:
            settled.append(Settle((1.0, last[0], 0.0), (1.0, actual, 0.0), last[1]))

        return Line(acquire, settle)

    return line


_SEED_LUA = """
local key, capacity, rate, tokens, now =
  KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local bucket = redis.call('HMGET', key, 'tokens', 'last_refill')
local current = tonumber(bucket[1]) or capacity
local last_refill = tonumber(bucket[2]) or now
local elapsed = now - last_refill
local refilled = math.min(capacity, current + elapsed * rate)
if refilled >= tokens then
    redis.call('HMSET', key, 'tokens', refilled - tokens, 'last_refill', now)
    redis.call('EXPIRE', key, 3600)
    return 1
end
return 0
"""


async def seed(port: int, factor: float) -> Callable[[], Line]:
    """Seed §13 with its arguments made numbers; client clock and polling as they are."""
    from redis.asyncio import Redis

    script = Redis(port=port).register_script(_SEED_LUA)

    async def acquire(amount: float) -> Through:
        give_up_at = time.monotonic() + GIVE_UP_S
        while time.monotonic() < give_up_at:
            if await script(keys=["b"], args=[CAPACITY * factor, RATE * factor, amount, time.time()]):
                return True, None
            await asyncio.sleep(POLL_S)
        return False, None

    return lambda: Line(acquire)


async def limits(port: int, factor: float) -> Callable[[], Line]:
    from limits import RateLimitItemPerSecond
    from limits.aio.storage import RedisStorage
    from limits.aio.strategies import SlidingWindowCounterRateLimiter

    limiter = SlidingWindowCounterRateLimiter(RedisStorage(f"async+redis://127.0.0.1:{port}", implementation="redispy"))
    item = RateLimitItemPerSecond(int(RATE * factor))

    async def acquire(amount: float) -> Through:
        give_up_at = time.monotonic() + GIVE_UP_S
        while time.monotonic() < give_up_at:
            if await limiter.hit(item, "b", cost=int(amount)):
                return True, None
            await asyncio.sleep(POLL_S)
        return False, None

    return lambda: Line(acquire)


async def throttled(port: int, factor: float) -> Callable[[], Line]:
    from throttled.asyncio import Throttled, rate_limiter, store

    limiter = Throttled(
        key="b",
        using="gcra",
        quota=rate_limiter.per_sec(int(RATE * factor), burst=int(CAPACITY * factor)),
        store=store.RedisStore(server=f"redis://127.0.0.1:{port}/0"),
        timeout=GIVE_UP_S,
    )

    async def acquire(amount: float) -> Through:
        result = await limiter.limit("b", cost=int(amount), timeout=GIVE_UP_S)
        return not result.limited, None

    return lambda: Line(acquire)


async def pyrate(port: int, factor: float) -> Callable[[], Line]:
    from pyrate_limiter import Duration, Limiter, Rate, RedisBucket
    from redis.asyncio import Redis

    bucket = await RedisBucket.init([Rate(int(RATE * factor), Duration.SECOND)], Redis(port=port), "b")
    limiter = Limiter(bucket)

    async def acquire(amount: float) -> Through:
        return bool(await limiter.try_acquire_async("b", weight=int(amount), timeout=GIVE_UP_S)), None

    return lambda: Line(acquire)


CONTENDERS: dict[str, Opener] = {
    "shared-agent": shared_agent,
    "  uncombined": shared_agent_alone,
    "seed's Lua, mended": seed,
    "limits": limits,
    "throttled-py": throttled,
    "pyrate-limiter": pyrate,
}
