"""Globs over relative paths with forward slashes: ``*`` and ``?`` stay within a name, ``**`` spans folders.

A wildcard does not match a name's leading dot, as in a shell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_MAGIC = re.compile(r"[*?\[]")
_NOT_HIDDEN = r"(?!\.)"


def is_glob(path: str) -> bool:
    """Whether ``path`` has a wildcard."""
    return _MAGIC.search(path) is not None


def split_glob(pattern: str) -> tuple[str, str]:
    """The folder that a glob starts from and the rest: ``docs/a/**/*.md`` gives ``docs/a`` and ``**/*.md``."""
    parts = pattern.split("/")
    first = next(index for index, part in enumerate(parts) if is_glob(part))
    folder = "/".join(parts[:first])
    return folder or ("/" if pattern.startswith("/") else "."), "/".join(parts[first:])


def compile_glob(pattern: str) -> re.Pattern[str]:
    """A regular expression for ``fullmatch`` over a relative path."""
    *folders, last = pattern.split("/")
    expression = "".join(rf"(?:{_NOT_HIDDEN}[^/]+/)*" if part == "**" else _name(part) + "/" for part in folders)
    tail = rf"(?:{_NOT_HIDDEN}[^/]+/)*{_NOT_HIDDEN}[^/]+" if last == "**" else _name(last)
    return re.compile(expression + tail, re.DOTALL)


class Exclusion:
    """What an input's ``exclude`` leaves out: a pattern with a slash is a path, one without is a name anywhere."""

    def __init__(self, patterns: Sequence[str]) -> None:
        stripped = [pattern.rstrip("/") for pattern in patterns]
        self._paths = [compile_glob(pattern.removeprefix("./")) for pattern in stripped if "/" in pattern]
        self._names = [compile_glob(pattern) for pattern in stripped if "/" not in pattern]

    def covers(self, path: str) -> bool:
        """Whether the file or folder at the relative ``path`` is left out (what is below a folder is not asked here)."""
        name = path.rpartition("/")[2]
        return any(found.fullmatch(path) for found in self._paths) or any(
            found.fullmatch(name) for found in self._names
        )

    def covers_below(self, path: str) -> bool:
        """Whether ``path`` or any folder above it is left out."""
        parts = path.split("/")
        return any(self.covers("/".join(parts[:count])) for count in range(1, len(parts) + 1))


def _name(pattern: str) -> str:
    """One part of a path as a regular expression."""
    expression = _NOT_HIDDEN if pattern[:1] in ("*", "?", "[") else ""
    position = 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        closing = pattern.find("]", position + 1) if character == "[" else -1
        if character == "*":
            expression += "[^/]*"
        elif character == "?":
            expression += "[^/]"
        elif closing > 0:
            members = pattern[position:closing]
            negated = members[0] in "!^"
            escaped = re.sub(r"([\\\[\]^&|~])", r"\\\1", members[negated:])
            expression += f"(?!/)[{'^' if negated else ''}{escaped}]"
            position = closing + 1
        else:
            expression += re.escape(character)
    return expression
