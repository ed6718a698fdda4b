"""The command ``shared-agent``."""

from __future__ import annotations


def main() -> None:
    """Entry point: every error ends as one line and an exit code, never as a traceback."""
    from shared_agent.cli import interrupts

    # Set first: the imports that follow take long enough to be interrupted.
    interrupts.end_at_once_on_interrupt()
    from shared_agent.cli.app import run_app

    run_app()
