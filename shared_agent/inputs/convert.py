"""HTML, PDF and Office files to Markdown, through markitdown (extra ``documents``).

Its converters are called one by one: none of those that fetch, and no plug-in, is ever asked. Importing it takes seconds,
so it happens at the first such file.
"""

from __future__ import annotations

import warnings
import zipfile
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING, Any

from shared_agent.errors import InputError
from shared_agent.inputs.found import Place
from shared_agent.spec.payload import preview

if TYPE_CHECKING:
    from shared_agent.spec.job import Format

_CONVERTERS = {
    "html": "HtmlConverter",
    "pdf": "PdfConverter",
    "docx": "DocxConverter",
    "pptx": "PptxConverter",
    "xlsx": "XlsxConverter",
}
_ZIPPED = ("docx", "pptx", "xlsx")
_UNPACKED_LIMIT = 10
"""An Office file is a ZIP; one that unpacks to more than this many times ``max_bytes`` is refused."""

INSTALL = "pip install 'shared-agent[documents]'"


class ConversionError(Exception):
    """The file is damaged, locked, or not what its name says."""


def check_installed(kind: Format, place: Place) -> None:
    """Raise InputError when the library that reads ``kind`` is not installed. Imports nothing."""
    if find_spec("markitdown") is None:
        raise InputError(place.field(), f"{kind} files need markitdown, which is not installed", remedy=INSTALL)


def convert(data: bytes, kind: Format, place: Place, max_bytes: int, encoding: str | None) -> str:
    """The file's text as Markdown. Raises ConversionError, or InputError when the library is not installed."""
    check_installed(kind, place)
    from markitdown import MissingDependencyException, StreamInfo

    if kind in _ZIPPED:
        _refuse_bomb(data, _UNPACKED_LIMIT * max_bytes)
    info = StreamInfo(extension=f".{kind}", charset=encoding)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return str(_converter(kind).convert(BytesIO(data), info).markdown)
    except MissingDependencyException as error:
        raise InputError(place.field(), f"{kind} files need a library that is not installed", remedy=INSTALL) from error
    except Exception as error:  # each converter raises its own library's
        reason = preview(f"cannot be read as {kind}: {type(error).__name__}: {error}", 200)
        raise ConversionError(reason) from error


@cache
def _converter(kind: Format) -> Any:
    from markitdown import converters

    return getattr(converters, _CONVERTERS[kind])()


def _refuse_bomb(data: bytes, limit: int) -> None:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            unpacked = sum(item.file_size for item in archive.infolist())
    except zipfile.BadZipFile as error:
        raise ConversionError(f"is not an Office file: {error}") from error
    if unpacked > limit:
        raise ConversionError(f"unpacks to {unpacked:,} bytes, more than {limit:,}")
