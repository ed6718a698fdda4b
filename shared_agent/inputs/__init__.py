"""Reading what a job names: files, folders, globs, objects in a cloud store, rows, and texts given in place.

    Input ──find──► Found ──read──► Document            everything in its sorted order, a file at a time
              └─────────┴──► Skipped                    with the reason: nothing disappears silently

``shared_agent.inputs.jobfile`` reads the job file itself.
"""

from __future__ import annotations

from shared_agent.inputs.found import Skipped
from shared_agent.inputs.reading import read_documents

__all__ = ["Skipped", "read_documents"]
