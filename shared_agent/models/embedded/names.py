"""Names of persons and organisations, found by what announces them.

    Copyright (c) 2019-2024, Ada Example and contributors <ada@example.org>. All rights reserved.
    └─ cue ─┘ └── bridge ──┘ └──────────── name ────────┘ └ end

A cue is a word of the property (``author``), or one its description quotes. The bridge is signs, years and "by". A
name starts with a capital, a digit or the like, and ends with the line, a bracket, an address or a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from shared_agent.models.embedded.values import Found

_ROLES = {
    "holder": ("copyright",),
    "author": ("written by", "by"),
    "maintainer": ("maintained by",),
    "publisher": ("published by",),
    "signatory": ("signed by", "signed"),
    "owner": ("owned by",),
    "manager": ("managed by",),
    "director": ("directed by",),
}
_YEARS = r"(?:\d{4}(?:\s*(?:[-\u2013]|to)\s*(?:\d{2,4}|present|now))?)"
_BRIDGE = re.compile(
    rf"(?:\s|[:=,|*\u2013\u2014-]|\[(?=[A-Z])|\(\s*c\s*\)|\u00a9|&copy;|{_YEARS}|\bby\b|\bheld by\b|\bis\b|\bare\b"
    r"|\bwas\b|\bthe\s)*",
    re.IGNORECASE,
)
_SIGN = re.compile(r"\(\s*c\s*\)|\u00a9|&copy;|\d{4}|:|=|\bby\b|\bis\b|\bare\b|\bwas\b", re.IGNORECASE)
_END = re.compile(
    r"\n|[<({\[\]|;]|https?://|(?i:[.,]?\s*all rights reserved)|,?\s+(?:\d{4}\b)|\s+--?\s|\s+[\u2013\u2014]\s"
    r"|(?<!\b[A-Z])(?<!\bInc)(?<!\bLtd)(?<!\bCorp)(?<!\bCo)(?<!\bDr)(?<!\bJr)\.\s+(?=[A-Z\"(])"
    r"|,\s+(?!(?i:inc|llc|ltd|gmbh|corp|pbc)\b)(?=[a-z])"
    r"|\s+(?:is|are|was|were|has|have|will|shall|may|who|which|that|under|for|or)\s|\s*$",
    re.MULTILINE,
)
_DATED = re.compile(r"\(\s*c\s*\)|\u00a9|&copy;|\d{4}", re.IGNORECASE)
_CONTINUED = re.compile(r"^[^\n]*,[ \t]*\n[ \t#*;]*(?!\n)[^\n]*$")
_ABBREVIATED = re.compile(r"\b(?:Inc|Ltd|Corp|Co|Jr|al|S\.L|B\.V|S\.A)\.$")
_LONGEST = 90
_GROUP = re.compile(r"\b(?:contributors|authors|developers|team|project)\b")
_ADDRESS = re.compile(r"\S+@\S+")


def announced(text: str, cues: Iterable[str]) -> Iterator[Found]:
    """Names that follow one of the ``cues`` (words as written), in the order of the text."""
    words = sorted({cue.lower() for cue in cues}, key=lambda word: (-len(word), word))
    if not words:
        return
    anywhere = re.compile(r"(?<![\w-])(?:" + "|".join(map(re.escape, words)) + r")s?(?![\w-])", re.IGNORECASE)
    seen_until = 0
    for cue in anywhere.finditer(text):
        if cue.start() < seen_until:
            continue
        found = _after(text, cue)
        if found is not None:
            seen_until = found.end
            yield found


def cues_of(words: Iterable[str]) -> list[str]:
    """What announces a name, given the words of a property: the words and how such roles are usually written."""
    found: list[str] = []
    for word in words:
        found += [word, *_ROLES.get(word.removesuffix("s"), ())]
    return found


def _after(text: str, cue: re.Match[str]) -> Found | None:
    bridge = _BRIDGE.match(text, cue.end())
    start = bridge.end() if bridge else cue.end()
    if "\n" in text[cue.end() : start] and not _CONTINUED.search(text[cue.end() : start]):
        return None
    end = _END.search(text, start, start + _LONGEST + 40)
    name = text[start : end.start() if end else start + _LONGEST]
    name = _without_full_stop(_ADDRESS.sub("", name).strip(" \t,;:*_[]\"'`|-"))
    signed = _SIGN.search(text[cue.start() : start]) is not None
    dated = _DATED.search(text[cue.start() : start]) is not None
    if not _is_name(name, dated):
        return None
    opens_line = not text[text.rfind("\n", 0, cue.start()) + 1 : cue.start()].strip(" \t#*/;%-.\"'")
    capitals = sum(word[0].isupper() for word in name.split())
    shouted = cue[0].isupper() and name.isupper() and not signed
    several = capitals >= 2 or (opens_line and cue[0][0].isupper() and _GROUP.search(name) is not None)
    if shouted or not (signed or several):
        return None
    return Found(name, name, start, start + len(name))


def _is_name(text: str, dated: bool) -> bool:
    if not 2 <= len(text) <= _LONGEST or len(text.split()) > 12:
        return False
    starts_like_one = text[0].isdigit() or any(letter.isupper() for letter in text.split(maxsplit=1)[0])
    letters = sum(letter.isalpha() for letter in text)
    known_otherwise = _GROUP.search(text) is not None or (dated and len(text.split()) <= 3)
    return (starts_like_one or known_otherwise) and letters >= 0.6 * len(text)


def _without_full_stop(name: str) -> str:
    return name if _ABBREVIATED.search(name) else name.rstrip(" .")
