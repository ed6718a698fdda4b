"""Which optional parameters a model takes, learned from its refusals.

Providers refuse ``temperature`` on some models and structured output on others, and tell it only in a 400. What is
known of a model's name decides at first; when the provider refuses a parameter, it is left out from then on and the
refused call becomes Transient, so the caller's ordinary retry succeeds. Nothing is retried here, and a 400 is not
billed.
"""

from __future__ import annotations

import re

from shared_agent.errors import ModelError, Permanent, Transient
from shared_agent.models.options import Options

_WORDS = {
    "temperature": re.compile(r"temperature", re.IGNORECASE),
    "structured_output": re.compile(
        r"output_config|output_format|response_format|json_schema|response_?(?:json_?)?schema|structured output",
        re.IGNORECASE,
    ),
}


class Accepts:
    """What one open model takes. An option that the caller set is kept as it is."""

    def __init__(self, options: Options, *, temperature: bool, structured_output: bool) -> None:
        self.temperature = temperature if options.temperature is None else options.temperature
        self.structured_output = structured_output if options.structured_output is None else options.structured_output
        self._open = {name for name in _WORDS if getattr(options, name) is None}

    def learn(self, error: ModelError) -> ModelError:
        """``error``, or a Transient in its place if it refuses a parameter that can be left out."""
        if not isinstance(error, Permanent) or error.code == "refused":
            return error
        for name, words in _WORDS.items():
            if name in self._open and getattr(self, name) and words.search(error.message):
                setattr(self, name, False)
                return Transient(
                    f"{error.message}: {name} is left out from now on",
                    retry_after_s=0.0,
                    code="parameter_refused",
                    remedy=f"set options.{name} to false to spare this call",
                )
        return error
