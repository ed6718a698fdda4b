"""Reserve what calls turn out to take, rather than the most they might take.

A reservation of max_tokens for an answer of a tenth of it keeps nine tenths of the quota idle until the call ends. Per
(limit, label) this keeps an average of actual / estimated, by which the next estimates are scaled:

    ratio  ←  ratio + weight * (actual / estimate - ratio)        weight 1/2 to rise, 1/20 to fall

Fast to rise and slow to fall: too low an estimate overshoots the provider's quota, too high a one only waits. The ratio
stays within [0.05, 1]: never above the estimate, which is the most the call may take. What a scaled estimate got wrong
of one call is settled as refund or debt.

Not for providers that count max_tokens when the request arrives (``Rule.output_at_request``): reserve it whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from shared_agent.limits.types import Cost

RISE_WEIGHT = 0.5
FALL_WEIGHT = 0.05
LOWEST = 0.05
HIGHEST = 1.0


class Ratio(msgspec.Struct, frozen=True):
    """The calibration of one (limit, label): actual / estimated, for input and for output tokens."""

    input_tokens: float = HIGHEST
    output_tokens: float = HIGHEST

    def scaled(self, estimate: Cost) -> Cost:
        """What to reserve for ``estimate``. Requests are counted, not estimated."""
        return Cost(
            requests=estimate.requests,
            input_tokens=estimate.input_tokens * self.input_tokens,
            output_tokens=estimate.output_tokens * self.output_tokens,
        )

    def learned(self, estimate: Cost, actual: Cost) -> Ratio:
        """The calibration after a call that was estimated (before scaling) at ``estimate`` took ``actual``."""
        return Ratio(
            input_tokens=_moved(self.input_tokens, estimate.input_tokens, actual.input_tokens),
            output_tokens=_moved(self.output_tokens, estimate.output_tokens, actual.output_tokens),
        )


class Calibrator:
    """The ratios of this process, by limit and by a label for calls that are alike (a role, a task kind)."""

    def __init__(self, ratios: Mapping[tuple[str, str], Ratio] | None = None) -> None:
        self.ratios = dict(ratios or {})

    def scale(self, limits: Iterable[str], label: str, estimate: Cost) -> Cost:
        """What to reserve under ``limits``: the most cautious of their ratios."""
        known = [self.ratios.get((limit, label), Ratio()) for limit in limits]
        if not known:
            return estimate
        cautious = Ratio(max(r.input_tokens for r in known), max(r.output_tokens for r in known))
        return cautious.scaled(estimate)

    def learn(self, limits: Iterable[str], label: str, estimate: Cost, actual: Cost) -> None:
        """Take note of a finished call. ``estimate`` is the one before scaling."""
        for limit in limits:
            key = (limit, label)
            self.ratios[key] = self.ratios.get(key, Ratio()).learned(estimate, actual)


def _moved(ratio: float, estimate: float, actual: float) -> float:
    if estimate <= 0:
        return ratio
    seen = actual / estimate
    weight = RISE_WEIGHT if seen > ratio else FALL_WEIGHT
    return min(HIGHEST, max(LOWEST, ratio + weight * (seen - ratio)))
