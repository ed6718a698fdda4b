"""``python -m shared_agent`` is ``shared-agent``."""

from shared_agent.cli import main

main()
