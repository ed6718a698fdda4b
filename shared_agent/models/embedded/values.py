"""Finding values of a kind in a text, with the text that stands for them; none is ever made up.

A number may be written ``1,299.00`` and mean 1299.0: ``written`` is what occurs in the text, ``value`` what it means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_MONTH = rf"(?:{_MONTHS})[a-z]*\.?"
_CURRENCY = r"(?:US\$|USD|EUR|GBP|CHF|JPY|[$\u20ac\u00a3\u00a5])"
_NUMBER = r"\d{1,3}(?:[,\u202f']\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_SCALE = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "bn": 1e9, "billion": 1e9}
_PATTERNS = {
    "email": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "uri": re.compile(r"\bhttps?://[^\s<>\"'`|\\^{}\[\]]+"),
    "ipv4": re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])"),
    "uuid": re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"),
    "date": re.compile(
        rf"\b\d{{4}}-\d{{2}}-\d{{2}}\b|\b\d{{1,2}}(?:st|nd|rd|th)?\s+{_MONTH},?\s+\d{{4}}\b"
        rf"|\b{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}}\b|\b\d{{1,2}}[./]\d{{1,2}}[./]\d{{4}}\b",
        re.IGNORECASE,
    ),
    "datetime": re.compile(r"\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?"),
    "time": re.compile(
        r"\b(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?:\s?[ap]\.?m\b\.?)?|\b\d{1,2}\s?[ap]\.?m\b\.?", re.I
    ),
    "year": re.compile(r"(?<![\d.,/])(?:1[6-9]|20)\d{2}(?![\d/]|[.,]\d)"),
    "money": re.compile(
        rf"{_CURRENCY}\s?(?:{_NUMBER})(?:\s?(?:k|m|bn|thousand|million|billion)\b)?"
        rf"|(?:{_NUMBER})(?:\s?(?:k|m|bn|thousand|million|billion))?"
        r"\s?(?:USD|EUR|GBP|CHF|JPY|dollars?|euros?|pounds?|[$\u20ac\u00a3\u00a5])(?!\w)",
        re.IGNORECASE,
    ),
    "percent": re.compile(rf"[-\u2212]?(?:{_NUMBER})\s?(?:%|percent\b|per cent\b)"),
    "version": re.compile(r"(?<![\w.])v?\d+(?:\.\d+)+(?:[-.]?(?:a|b|rc|alpha|beta|dev|post)\.?\d*)?(?![\w])", re.I),
    "phone": re.compile(r"(?<![\w.])(?:\+\d{1,3}|\(?0\d{0,4}\)?)(?:[ ./-]?\(?\d{2,5}\)?){2,5}(?!\w)"),
    "number": re.compile(rf"(?<![\w.,])[-\u2212]?(?:{_NUMBER})(?:\s?(?:thousand|million|billion)\b)?(?![\w]|[.,]\d)"),
}
_PATTERNS["integer"] = re.compile(
    r"(?<![\w.,/-])[-\u2212]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\s?(?:thousand|million|billion)\b)?(?![\w%]|[.,/]\d)"
)
_DATE_FORMATS = (
    "%Y-%m-%d", "%d %B %Y", "%d %b %Y", "%B %d %Y", "%b %d %Y", "%d.%m.%Y", "%d/%m/%Y",
)  # fmt: skip
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b")


@dataclass(frozen=True, slots=True)
class Found:
    """A value at ``start`` … ``end`` of the text, ``written`` as it stands there."""

    written: str
    value: object
    start: int
    end: int


def find(kind: str, text: str, pattern: re.Pattern[str] | None = None) -> Iterator[Found]:
    """Every value of ``kind`` in ``text``, in order. ``pattern`` is used instead for the kind ``pattern``."""
    for match in (pattern or _PATTERNS[kind]).finditer(text):
        written = match[0].rstrip(".,;:)") if kind in {"uri", "email"} else match[0].strip()
        if written:
            value = _MEANING.get(kind, _as_written)(written)
            if value is not None:
                yield Found(written, value, match.start(), match.start() + len(written))


def knows(kind: str) -> bool:
    """Whether values of ``kind`` are recognised by their form."""
    return kind in _PATTERNS


def number(written: str) -> float | None:
    """What a written number means: ``$1.2 million`` is 1200000.0; None when there is no number in it."""
    digits = re.search(_NUMBER, written)
    if digits is None:
        return None
    value = float(re.sub(r"[,\u202f']", "", digits[0]))
    scale = re.match(r"\s?([a-z]+)", written[digits.end() :].lower())
    value *= _SCALE.get(scale[1], 1.0) if scale else 1.0
    negative = digits.start() > 0 and written[digits.start() - 1] in "-\u2212"
    return -value if negative else value


def date(written: str) -> str | None:
    """The date as ISO 8601 (``2024-03-01``); None for what is no date of the calendar. Day before month in ``1/3/2024``."""
    plain = _ORDINAL.sub("", written).replace(",", " ").replace(".", " ") if " " in written else written
    plain = " ".join(plain.split())
    for form in _DATE_FORMATS:
        try:
            return datetime.strptime(plain, form).date().isoformat()
        except ValueError:
            continue
    return None


def _as_written(written: str) -> str:
    return written


def _year(written: str) -> int:
    return int(written)


_MEANING: dict[str, Callable[[str], object]] = {
    "year": _year,
    "money": number,
    "percent": number,
    "number": number,
    "integer": number,
}
