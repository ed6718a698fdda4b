"""``python -m tests.conformance --runtime local``: a table of the requirements and whether the runtime meets them.

Exit status: 0 all met, 1 some not met, 2 a requirement file is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

from tests.conformance.adapters.base import RUNTIMES
from tests.conformance.checks import failures
from tests.conformance.requirement import TOPICS, Requirement, RequirementError, load_all
from tests.conformance.runner import observe


async def verdict(requirement: Requirement, runtime: str) -> list[str]:
    """What is not met; whatever else goes wrong counts as that."""
    try:
        return failures(requirement, await observe(requirement, runtime))
    except Exception as error:
        return [f"{type(error).__name__}: {error}"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description="Does a runtime conform?")
    parser.add_argument("--runtime", default="local", choices=sorted(RUNTIMES))
    parser.add_argument("only", nargs="*", metavar="ID", help="ids of requirements; all unless given")
    arguments = parser.parse_args()
    try:
        requirements = load_all()
    except RequirementError as error:
        print(error, file=sys.stderr)
        return 2
    chosen = [each for each in requirements if not arguments.only or each.id in arguments.only]
    apart = [each for each in chosen if not each.holds_on(arguments.runtime)]
    width = max((len(each.id) for each in chosen), default=0)
    topic = ""
    failed = 0
    held = [each for each in chosen if each not in apart]
    for requirement in held:
        if requirement.topic != topic:
            topic = requirement.topic
            print(f"\n{TOPICS[topic]}")
        started = time.monotonic()
        found = asyncio.run(verdict(requirement, arguments.runtime))
        failed += bool(found)
        word = "FAILED" if found else "passed"
        print(
            f"  {requirement.id:<{width}}  {word}  {time.monotonic() - started:5.1f} s  {requirement.title}", flush=True
        )
        for line in found:
            print(f"  {'':<{width}}  - {line}")
    for requirement in apart:
        print(f"  {requirement.id:<{width}}  not for {arguments.runtime}: {requirement.runtimes_reason}")
    print(f"\nconformance {arguments.runtime}: {len(held) - failed} passed, {failed} failed")
    return 1 if failed or not held else 0


if __name__ == "__main__":
    sys.exit(main())
