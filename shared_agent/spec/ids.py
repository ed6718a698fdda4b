"""Deterministic names: the same work always gets the same id, on every runtime."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec

_encode = msgspec.json.Encoder(order="deterministic").encode
_NAME_LIMIT = 40


def digest(*parts: Any) -> str:
    """SHA-256 in hex over the canonical JSON of ``parts``."""
    sha = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else _encode(part)
        sha.update(len(data).to_bytes(8, "big"))
        sha.update(data)
    return sha.hexdigest()


def job_id(name: str, fingerprint: str) -> str:
    """A job's id from its name and the fingerprint of its settings and inputs.

    At most 57 characters of ``[a-z0-9-]``: valid as a Step Functions execution name, a Durable Functions instance id
    and a Dataflow job name.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_NAME_LIMIT].strip("-")
    return f"{slug if slug[:1].isalpha() else f'job-{slug}'.strip('-')}-{fingerprint[:12]}"


def idempotency_key(job: str, task: str, inputs: Any) -> str:
    """The key under which a task is claimed: the same task on the same input is the same work."""
    return f"{job}/{task}/{digest(inputs)[:16]}"
