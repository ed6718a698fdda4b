"""Settings for all tests."""

from __future__ import annotations

import os

from hypothesis import settings

# A shared machine stalls now and then: how long one example takes says nothing about the code. Continuous integration
# tries the same examples every time, so that a change is judged by what it changed; everyone else tries new ones.
settings.register_profile("shared-agent", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("shared-agent")
