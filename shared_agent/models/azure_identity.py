"""Tokens of the machine's Azure identity (managed identity, workload identity, ``az login``), for keyless calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from shared_agent.models.opening import Opening, require_module

OPENAI_SCOPE = "https://cognitiveservices.azure.com/.default"
FOUNDRY_SCOPE = "https://ai.azure.com/.default"


def token_provider(opening: Opening, scope: str) -> tuple[Callable[[], Awaitable[str]], Callable[[], Awaitable[None]]]:
    """A function that gives a valid token, refreshed when it ages, and one that closes the credential."""
    identity = require_module(opening, "azure.identity.aio", "azure")
    credential = identity.DefaultAzureCredential()
    return identity.get_bearer_token_provider(credential, scope), credential.close
