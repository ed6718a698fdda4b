"""One model of each provider, and how to point it at the fake server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.support.provider_server import ProviderServer


@dataclass(frozen=True)
class Entry:
    name: str
    base_url: Callable[[ProviderServer], str]
    key: str | None = "test-key"
    options: Mapping[str, object] = field(default_factory=dict)
    quotas: int = 3
    """How many dimensions its rate-limit headers speak of."""


_ALL = (
    Entry("anthropic:claude-haiku-4-5", lambda s: s.url),
    # No key: requests are signed with the AWS credentials of the environment.
    Entry(
        "anthropic-bedrock:us.anthropic.claude-haiku-4-5-20251001-v1:0",
        lambda s: s.url,
        key=None,
        options={"region": "us-east-1"},
        quotas=0,
    ),
    Entry("anthropic-vertex:claude-haiku-4-5", lambda s: s.url + "/v1", options={"region": "us-east5", "project": "p"}),
    Entry("anthropic-foundry:claude-haiku-4-5", lambda s: s.url + "/anthropic"),
    Entry("openai:gpt-4.1-mini", lambda s: s.openai_url, quotas=2),
    Entry("azure-openai:gpt-4.1-mini", lambda s: s.url, quotas=2),
    Entry("google:gemini-2.5-flash", lambda s: s.url, quotas=0),
    Entry("google-vertex:gemini-2.5-flash", lambda s: s.url, quotas=0),
)
ENTRIES = {entry.name.partition(":")[0]: entry for entry in _ALL}
NAMES = [entry.name for entry in _ALL]
FAMILIES = ["anthropic:claude-haiku-4-5", "openai:gpt-4.1-mini", "google:gemini-2.5-flash"]
"""One model an SDK."""
WIRES = [*FAMILIES, "anthropic-bedrock:us.anthropic.claude-haiku-4-5-20251001-v1:0"]
"""One model a wire format, counting Bedrock's binary streams; failures are read from these alike."""
