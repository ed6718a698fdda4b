"""Checks of the numbers that a user gives, each with the field and the remedy."""

from __future__ import annotations

from math import inf

from shared_agent.errors import InputError


def at_least(field: str, value: float | None, least: float) -> None:
    """Raise InputError unless ``value`` is None or at least ``least`` (NaN is not)."""
    if value is not None and not value >= least:
        raise InputError(field, f"is {value}", remedy=f"give at least {least}")


def above_zero(field: str, value: float | None, unit: str = "a number") -> None:
    """Raise InputError unless ``value`` is None or above zero and finite; ``unit`` says what it counts."""
    if value is not None and not 0 < value < inf:
        raise InputError(field, f"is {value}", remedy=f"give {unit} above 0")
