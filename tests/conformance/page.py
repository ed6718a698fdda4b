"""``python -m tests.conformance.page`` writes ``docs/conformance.md`` from the requirement files."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from tests.conformance.requirement import TOPICS, Requirement, load_all

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"

_HEAD = """\
# Conformance

What a job means is the same on every runtime. The {count} requirements below say it in values that can be checked; each is
one file of `tests/conformance/requirements/`, and every runtime must meet the same files through its own adapter.

    make conformance RUNTIME=local                       the table, requirement by requirement
    python -m tests.conformance --runtime local ID …     some of them
    pytest tests/conformance --runtime local             as tests

A requirement states what is submitted (`given`), how the model provider behaves (`given.provider`), what happens (`steps`:
submit, kill, resume, cancel, redeliver …) and what must be seen afterwards (`expect`). The provider is a real HTTP server
that counts the calls of all workers, wherever they run. A field that the suite does not know fails the run.

Some things are asserted of every requirement without being written down: the coverage adds up, nothing partial is called
complete or goes unlabelled, no answered call is made again, every call carries a `traceparent` of its run and the
idempotency key of its task, every stored outcome fits the smallest queue message, and the jobs' accounts equal what the
provider charged.

A new runtime adds an adapter (the protocol is in `tests/conformance/adapters/base.py`) and starts by failing them.
This page is generated: `python -m tests.conformance.page`.
"""


def render(requirements: Sequence[Requirement]) -> str:
    """The page as Markdown."""
    parts = [_HEAD.format(count=len(requirements))]
    for topic, group in groupby(requirements, key=lambda requirement: requirement.topic):
        parts.append(f"## {TOPICS[topic]}\n")
        parts += [_entry(requirement) for requirement in group]
    return "\n".join(parts)


def _entry(requirement: Requirement) -> str:
    where = ""
    if requirement.runtimes:
        where = f" Only for {', '.join(requirement.runtimes)}: {requirement.runtimes_reason}"
    return f"**{requirement.title}** (`{requirement.id}`). {' '.join(requirement.description.split())}{where}\n"


if __name__ == "__main__":
    PAGE.write_text(render(load_all()), encoding="utf-8")
    print(f"wrote {PAGE}")
