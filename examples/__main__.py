"""Runs every example as a user would, on the embedded model, and shows what came out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).parent
_OUT = Path("out/examples")
_NEEDS_COLLECTING = "licence_review"


def main() -> int:
    failed: list[str] = []
    for job in sorted(_HERE.glob("*/job.yaml")):
        name = job.parent.name
        if name == _NEEDS_COLLECTING:
            continue
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", "shared_agent", "run", str(job), "--out", str(_OUT / name)]
        if subprocess.run(command, check=False).returncode != 0:
            failed.append(name)
        print()
    print(f"{'failed: ' + ', '.join(failed) if failed else 'all examples ran'}; results in {_OUT}/")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
