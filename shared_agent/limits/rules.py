"""What one model call costs in each dimension of a limit, provider by provider.

    provider            input_tokens                       output_tokens           max_tokens reserved   settled to
    ------------------  ---------------------------------  ----------------------  --------------------  -----------------
    anthropic           fresh input and cache writes       generated               not by the provider   actual
    bedrock             fresh input, cache writes and      the same, not x5        for the call's time   actual
                        output x burndown (one TPM quota)
    openai, azure       input and max_tokens (one quota)   max_tokens              for good              input actual,
                                                                                                         output reserved
    google              input, cached or not               generated               no                    actual
    anything else       input, cached or not               generated               no                    actual

A provider with one quota for input and output together (TPM) has it under ``input_tokens_per_minute``, where its
headers report it too. Bedrock deducts max_tokens when the request arrives and the true count when it ends.

Sources: https://platform.claude.com/docs/en/api/rate-limits (cache reads do not count on most models, output counts as it
is generated), https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html (5 for Claude from 3.7 on,
1 otherwise), https://platform.openai.com/docs/guides/rate-limits and
https://learn.microsoft.com/azure/ai-foundry/openai/how-to/quota (prompt and max_tokens count when the request arrives),
https://ai.google.dev/gemini-api/docs/rate-limits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared_agent.limits.types import Cost
from shared_agent.spec.usage import Usage

_BURNDOWN_5 = re.compile(r"claude-(?:3-7|(?:opus|sonnet|haiku|fable|mythos)-(?:[4-9]|\d\d))")


@dataclass(frozen=True, slots=True)
class Rule:
    """How a provider counts.

    ``cached_input`` is the part of a cached input token that counts. ``output_in_input`` is how many input tokens one
    output token takes from a combined quota. ``output_at_request``: max_tokens is counted when the request arrives and is
    not given back, so the estimate of the output must neither be scaled down nor refunded.
    """

    cached_input: float = 1.0
    output_in_input: float = 0.0
    output_at_request: bool = False

    def reservation(self, estimate: Usage) -> Cost:
        """What to reserve for a call that may consume ``estimate`` at most (``Model.estimate``)."""
        return self._cost(estimate.input_tokens, estimate.output_tokens)

    def actual(self, usage: Usage, reserved: Cost) -> Cost:
        """What to settle to, given what the call used and :meth:`reservation` of the same call."""
        counted = usage.input_tokens - (1.0 - self.cached_input) * usage.cached_input_tokens
        output = max(reserved.output_tokens, usage.output_tokens) if self.output_at_request else usage.output_tokens
        return self._cost(counted, output)

    def _cost(self, input_tokens: float, output_tokens: float) -> Cost:
        return Cost(input_tokens=input_tokens + self.output_in_input * output_tokens, output_tokens=output_tokens)


_PLAIN = Rule()
_ANTHROPIC = Rule(cached_input=0.0)
_OPENAI = Rule(output_in_input=1.0, output_at_request=True)


def rule_for(model: str) -> Rule:
    """The rule of a model by its full name, such as ``anthropic:claude-haiku-4-5`` or ``bedrock:…``."""
    provider, _, name = model.partition(":")
    if "bedrock" in provider:
        return Rule(cached_input=0.0, output_in_input=5.0 if _BURNDOWN_5.search(name) else 1.0)
    if provider.startswith(("openai", "azure")):
        return _OPENAI
    if provider.startswith("anthropic"):
        return _ANTHROPIC
    return _PLAIN
