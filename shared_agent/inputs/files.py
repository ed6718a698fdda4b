"""Local files: one by name, the files of a folder, or those that a glob matches, in sorted order."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePath
from re import Pattern
from typing import TYPE_CHECKING, BinaryIO

from shared_agent.errors import InputError
from shared_agent.inputs.formats import format_of, is_binary, is_binary_name
from shared_agent.inputs.found import Found, Place, Skipped
from shared_agent.inputs.patterns import Exclusion, compile_glob, is_glob, split_glob

if TYPE_CHECKING:
    from shared_agent.spec.job import Input

_HEAD = 8192


def find_files(given: Input, place: Place, base: Path) -> Iterator[Found | Skipped]:
    """The files that ``given.path`` names, relative to ``base``.

    Raises InputError when there is no such file or folder, when a folder cannot be read, or a file is too large.
    """
    path = given.path or "."
    whole = base / Path(path).expanduser()
    if whole.is_file():
        return iter([_file(given, place, whole, given.source or _shown(path), named=True)])
    if whole.is_dir():
        return _Folder(given, place, whole, path).files()
    if is_glob(path):
        folder, pattern = split_glob(path)
        return _Folder(given, place, base / Path(folder).expanduser(), folder, pattern).files()
    if whole.exists():
        raise InputError(place.field(), f"{path!r} is not a file or a folder", remedy="name a file, a folder or a glob")
    raise InputError(place.field(), f"there is no file or folder {path!r}", remedy=f"paths are relative to {base}")


class _Folder:
    """The files below one folder, all or those that ``pattern`` matches. Links that leave it are not followed."""

    def __init__(self, given: Input, place: Place, root: Path, shown: str, pattern: str | None = None) -> None:
        self._given = given
        self._place = place
        self._root = root
        self._real_root = os.path.realpath(root)
        self._prefix = given.source or _shown(shown)
        self._wanted: Pattern[str] | None = compile_glob(pattern) if pattern else None
        self._depth = None if pattern is None or "**" in pattern.split("/") else pattern.count("/") + 1
        self._dotted = pattern is not None and any(part.startswith(".") for part in pattern.split("/"))
        self._exclusion = Exclusion(given.exclude)

    def files(self, below: str = "") -> Iterator[Found | Skipped]:
        """Files and what is skipped, in the order of their paths' parts."""
        for entry in self._entries(below):
            path = f"{below}{entry.name}"
            if _holds(entry.is_dir):
                yield from self._folder(entry, path)
            elif self._wanted is None or self._wanted.fullmatch(path):
                yield self._candidate(entry, path)

    def _folder(self, entry: os.DirEntry[str], path: str) -> Iterator[Found | Skipped]:
        if self._depth is not None and path.count("/") + 1 >= self._depth:
            return
        reason = self._reason(entry, path) or ("link to a folder" if entry.is_symlink() else "")
        if not reason:
            yield from self.files(f"{path}/")
        elif self._wanted is None or reason != "hidden":
            yield Skipped(f"{self._name(path)}/", reason)

    def _candidate(self, entry: os.DirEntry[str], path: str) -> Found | Skipped:
        name = self._name(path)
        reason = self._reason(entry, path)
        if not reason and not _holds(entry.is_file):
            reason = "broken link" if entry.is_symlink() else "not a regular file"
        if not reason and self._binary(entry):
            reason = "binary"
        return Skipped(name, reason) if reason else _file(self._given, self._place, Path(entry.path), name, named=False)

    def _reason(self, entry: os.DirEntry[str], path: str) -> str:
        """Why an entry is not looked at, from its name and place alone."""
        if entry.name.startswith(".") and not self._dotted:
            return "hidden"
        if self._exclusion.covers(path):
            return "excluded"
        if entry.is_symlink() and not self._stays_inside(entry):
            return "link that leaves the folder"
        return ""

    def _stays_inside(self, entry: os.DirEntry[str]) -> bool:
        target = os.path.realpath(entry.path)
        return os.path.commonpath((target, self._real_root)) == self._real_root

    def _binary(self, entry: os.DirEntry[str]) -> bool:
        if format_of(self._given, entry.name) is not None:
            return False
        if is_binary_name(entry.name):
            return True
        with _open(self._place, Path(entry.path)) as file:
            return is_binary(file.read(_HEAD), self._given.encoding)

    def _entries(self, below: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self._root / below) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except FileNotFoundError:
            return []  # the folder that a glob starts from: the glob matches nothing
        except OSError as error:
            folder = self._name(below.rstrip("/"))
            raise InputError(
                self._place.field(),
                f"cannot list {folder!r}: {error.strerror}",
                remedy="make it readable or exclude it",
            ) from error

    def _name(self, path: str) -> str:
        joined = f"{self._prefix}/{path}" if self._prefix and path else self._prefix or path
        return _printable(joined.replace("//", "/"))


def _holds(question: Callable[[], bool]) -> bool:
    """The answer to ``is_file`` or ``is_dir``: no for links that run in a circle."""
    try:
        return question()
    except OSError:
        return False


def _file(given: Input, place: Place, path: Path, name: str, *, named: bool) -> Found:
    size = path.stat().st_size
    if size > given.max_bytes:
        raise InputError(
            place.field(),
            f"{name} has {size:,} bytes, above max_bytes ({given.max_bytes:,})",
            remedy="raise max_bytes" if named else "raise max_bytes or exclude it",
        )
    opened = partial(_open, place, path)
    return Found(_printable(name), size, opened, partial(_read, opened, size), named)


def _read(opened: Callable[[], BinaryIO], size: int) -> bytes:
    """The file as long as it was when it was found, so that one that grows cannot pass the limit."""
    with opened() as file:
        return file.read(size)


def _open(place: Place, path: Path) -> BinaryIO:
    try:
        # A pipe put in the file's place since it was listed must not make the job hang.
        file = os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb")
    except OSError as error:
        raise InputError(
            place.field(), f"cannot read {str(path)!r}: {error.strerror}", remedy="make it readable or exclude it"
        ) from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise InputError(place.field(), f"{str(path)!r} is not a regular file", remedy="exclude it")
    return file


def _shown(path: str) -> str:
    """A path as it begins the names of documents: ``./docs/`` is ``docs``, the folder itself is nothing."""
    shown = PurePath(path).as_posix()
    return "" if shown == "." else shown


def _printable(name: str) -> str:
    """File names are bytes; one that is not UTF-8 must still fit in a message."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
