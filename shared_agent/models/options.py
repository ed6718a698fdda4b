"""The options that ``open_model`` takes, checked by name and type before anything is opened."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import msgspec

from shared_agent.errors import InputError
from shared_agent.models import prices


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a provider's model is called, beyond its name.

    - ``prices``: the job's own rates, model name → :class:`~shared_agent.models.prices.Rates`.
    - ``context_window``: tokens the model takes, where the price table does not know.
    - ``temperature``, ``structured_output``: whether the model accepts them; None (the default) goes by what is known
      of the model's name and learns from the provider's refusal.
    - ``max_connections``: most connections to the provider at once; 0 leaves the bound to the caller's concurrency.
    - ``extra_body``: fields merged into every request as they are (``{"reasoning_effort": "low"}``).
    - ``region``, ``project``: AWS region; Google Cloud location and project.
    - ``resource``, ``api_version``: the Azure resource's name and the version of its API.
    - ``identity``: use the keyless identity of the machine (Azure; AWS and Google Cloud do so anyway without a key).
    """

    prices: Mapping[str, Any] = {}
    context_window: int | None = None
    temperature: bool | None = None
    structured_output: bool | None = None
    max_connections: int = 0
    extra_body: Mapping[str, Any] = {}
    region: str = ""
    project: str = ""
    resource: str = ""
    api_version: str = ""
    identity: bool = False

    def rates(self) -> prices.Overrides:
        """``prices``, checked. Raises InputError."""
        return prices.parse_overrides(self.prices)


def parse(raw: Mapping[str, Any] | None) -> Options:
    """``raw`` as :class:`Options`. Raises InputError naming the option that is unknown or of the wrong type."""
    given = dict(raw or {})
    for name in given:
        if name not in Options.__struct_fields__:
            close = difflib.get_close_matches(name, Options.__struct_fields__, n=1)
            known = ", ".join(Options.__struct_fields__)
            raise InputError(
                f"options.{name}",
                "no such option",
                remedy=f"did you mean {close[0]!r}?" if close else f"known are {known}",
            )
    try:
        return msgspec.convert(given, Options)
    except msgspec.ValidationError as error:
        raise InputError("options", str(error), remedy="see shared_agent.models.options.Options") from None
