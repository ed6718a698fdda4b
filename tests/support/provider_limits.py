"""What the fake provider server allows and how long it takes: quotas as token buckets, log-normal latency."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support import provider_wire as wire


@dataclass(frozen=True)
class Quota:
    """What the server allows, in units a minute, as token buckets that hold ``burst_s`` seconds' worth.

    A request takes 1 request and its estimated input tokens when it arrives, and its answer's tokens when it is written.
    """

    requests: float | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None
    burst_s: float = 60.0


@dataclass(frozen=True)
class Latency:
    """Log-normal time to answer: ``mean_s`` seconds with shape ``sigma``; the same ``seed`` gives the same series."""

    mean_s: float
    sigma: float = 0.5
    seed: int = 0

    def series(self) -> Iterator[float]:
        """The times, one after another, without end."""
        generator = random.Random(self.seed)
        mu = math.log(self.mean_s) - self.sigma**2 / 2
        while True:
            yield generator.lognormvariate(mu, self.sigma)


class Buckets:
    """The quota's token buckets; output tokens may run into debt, as the length of an answer is not known before."""

    def __init__(self, quota: Quota) -> None:
        self._rate = {
            name: value / 60
            for name in ("requests", "input_tokens", "output_tokens")
            if (value := getattr(quota, name)) is not None
        }
        self._size = {name: rate * quota.burst_s for name, rate in self._rate.items()}
        self._level = dict(self._size)
        self._at = time.monotonic()

    def take(self, ask: wire.Ask) -> float:
        """0 if the request is let in, else the seconds until it would be."""
        self._refill()
        need = {"requests": 1.0, "input_tokens": float(ask.input_tokens), "output_tokens": 1.0}
        wait = max(((need[name] - level) / self._rate[name] for name, level in self._level.items()), default=0.0)
        if wait > 0:
            return wait
        for name in self._level:
            if name != "output_tokens":
                self._level[name] -= need[name]
        return 0.0

    def spend_output(self, tokens: int) -> None:
        if "output_tokens" in self._level:
            self._level["output_tokens"] -= tokens

    def headers(self, dialect: wire.Dialect) -> dict[str, str]:
        openai = isinstance(dialect, wire.OpenAIDialect)
        out: dict[str, str] = {}
        for name, word in dialect.quota_words:
            if name not in self._rate:
                continue
            reset = (self._size[name] - self._level[name]) / self._rate[name]
            figures = {
                "limit": str(round(self._rate[name] * 60)),
                "remaining": str(max(0, int(self._level[name]))),
                "reset": f"{reset:.3f}s" if openai else _instant(reset),
            }
            for figure, value in figures.items():
                out[f"x-ratelimit-{figure}-{word}" if openai else f"anthropic-ratelimit-{word}-{figure}"] = value
        return out

    def _refill(self) -> None:
        now = time.monotonic()
        for name, rate in self._rate.items():
            self._level[name] = min(self._size[name], self._level[name] + rate * (now - self._at))
        self._at = now


def _instant(seconds_from_now: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds_from_now))
