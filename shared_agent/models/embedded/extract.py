"""Filling a JSON Schema from a text by rules: every string and number it returns stands in the text.

For each property, the first rule that yields something valid:

    1. a line "name: value"
    2. values of the property's kind (email, date, amount, name …) near its cues
    3. for lists and longer strings, the sentences that fit the description

What no rule finds stays absent, ``required`` or not: a gap is honest, a guess is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, cast

from shared_agent.models.embedded import names, notices, values
from shared_agent.models.embedded.encoder import Embed
from shared_agent.models.embedded.fields import Field, Schema, field_of, fields_of, resolve
from shared_agent.models.embedded.nearness import nearness
from shared_agent.models.embedded.picks import best_sentences
from shared_agent.models.embedded.sentences import Sentence, sentences
from shared_agent.models.embedded.validity import fitting

_MOST_ITEMS = 10
_SENTENCE_SCORE = 0.33
_ONE_SENTENCE_SCORE = 0.3
_YES_SCORE = 0.45
_MOST_CUES = 0.4
_YES = re.compile(r"^(?:yes|true|y|on|enabled|required|1)\b", re.IGNORECASE)
_NO = re.compile(r"^(?:no|false|n|off|disabled|none|not|0)\b", re.IGNORECASE)
_NEGATED = re.compile(r"\b(?:not|no|never|neither|without|cannot)\b|n't\b", re.IGNORECASE)
_FORMED = frozenset({"email", "uri", "ipv4", "uuid", "phone", "pattern", "datetime", "enum"})
"""Kinds whose form alone says what they are; a number or a date needs a cue beside it."""

_SPACE = re.compile(r"\s+")


def extract(text: str, schema: Schema, embed: Embed) -> dict[str, Any]:
    """The object that ``schema`` describes, as far as ``text`` states it."""
    return _Reader(notices.strip(text).body, schema, embed).object(schema)


class _Reader:
    def __init__(self, text: str, root: Schema, embed: Embed) -> None:
        self._text = text
        self._root = root
        self._embed = embed
        self._split: list[Sentence] | None = None

    def object(self, schema: Schema) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for field in fields_of(resolve(schema, self._root), self._root):
            value = self._value(field)
            if value is not None:
                found[field.name] = value
        return found

    def _value(self, field: Field) -> Any:
        if field.type == "object":
            return self.object(field.schema) or None
        if field.type == "array":
            return self._array(field)
        stated = self._stated(field)
        if stated is not None:
            return stated
        if field.type == "boolean":
            return self._boolean(field)
        chosen = [value for found in self._found(field) if (value := fitting(field, found)) is not None]
        if chosen:
            return _picked(field, chosen)
        if field.kind == "sentence":
            return next(iter(self._sentences(field, most=1, at_least=_ONE_SENTENCE_SCORE)), None)
        return None

    def _array(self, field: Field) -> list[Any] | None:
        items = resolve(cast("Schema", field.schema.get("items") or {}), self._root)
        most = min(_MOST_ITEMS, int(field.schema.get("maxItems", _MOST_ITEMS)))
        if "properties" in items:
            return self._records(items, most) or None
        item = field_of(field.name, items, field.description)
        each = sorted(self._found(item), key=lambda found: found.start)
        found = [value for one in each if (value := fitting(item, one)) is not None]
        distinct = list(dict.fromkeys(found))[: int(field.schema.get("maxItems", 1000))]
        if not distinct and item.type == "string" and item.kind in {"sentence", "words"}:
            distinct = self._sentences(item, most=most, at_least=_SENTENCE_SCORE)
        return distinct or None

    def _records(self, items: Schema, most: int) -> list[dict[str, Any]]:
        """One object a paragraph or line, where at least two properties (or the only one) are stated."""
        enough = min(2, len(items.get("properties") or {}))
        for parts in (re.split(r"\n\s*\n", self._text), self._text.split("\n")):
            read = [_Reader(part, self._root, self._embed).object(items) for part in parts if part.strip()]
            records = [record for record in read if len(record) >= enough]
            if len(records) > 1 or (records and len(parts) == 1):
                return records[:most]
        return records[:most]

    def _stated(self, field: Field) -> Any:
        """The value of a line such as ``Name: value`` or ``name = value``."""
        spoken = re.escape(field.spoken).replace(r"\ ", r"[\s_-]*")
        line = re.compile(
            rf"^[ \t>*+|-]*[\"'*_`]*{spoken}[\"'*_`]*[ \t]*[:=|][ \t]*(.+)$", re.IGNORECASE | re.MULTILINE
        )
        for match in line.finditer(self._text):
            value = match[1].strip().rstrip("|").strip().strip("*_`\"'").rstrip(",;").strip()
            if field.type == "boolean":
                if _YES.match(value) or _NO.match(value):
                    return _YES.match(value) is not None
                continue
            if field.kind == "name":
                value = re.split(r"\s*[<(]", value)[0]
            inside = _of_kind(field, value) if field.kind not in {"name", "words", "title", "sentence"} else ()
            for found in (*inside, *(() if inside else (_whole(value),))):
                fit = fitting(field, found)
                if fit is not None:
                    return fit
        return None

    def _found(self, field: Field) -> list[values.Found]:
        """Values of the field's kind that stand near its cues: nearest first, or in order where that is asked."""
        if field.kind == "name":
            spoken = re.findall(r"[^\W\d_]{2,}", f"{field.spoken}")
            cues = field.quoted or names.cues_of(spoken)
            return list(names.announced(self._text, cues))
        if field.kind == "title":
            return [_whole(line) for line in self._lines()[:1]]
        candidates = list(_of_kind(field, self._text))
        if field.type == "string" and field.kind in {"words", "sentence"}:
            return list(self._named(field))
        near = [(nearness(self._text, found.start, found.end, field.cues), found) for found in candidates]
        # The only amount of money in a text is the amount that is asked for, whatever stands beside it.
        only_amount = field.kind == "money" and len({found.value for found in candidates}) == 1
        if field.cues and field.kind not in _FORMED and not only_amount:
            near = [(score, found) for score, found in near if self._is_meant(field, found, score)]
        best = max((score for score, _ in near), default=0.0)
        close = [pair for pair in near if pair[0] >= 0.5 * best]
        if not field.pick:
            close.sort(key=lambda pair: -pair[0])
        return [found for _, found in close]

    def _is_meant(self, field: Field, found: values.Found, score: float) -> bool:
        """A word of the property's name stands near, or most of what its description says."""
        own = field.own_cues and nearness(self._text, found.start, found.end, field.own_cues) > 0
        return bool(own) or score > (_MOST_CUES if field.own_cues else 0)

    def _named(self, field: Field) -> Iterable[values.Found]:
        """``the city is Graz``, ``city of Graz``: a capitalised name straight after the property's own word."""
        if field.kind == "words":
            after = re.compile(
                rf"(?i:\b{re.escape(field.spoken)}(?:\s+(?:is|was|of|named|called))?[:\s]+)"
                r"((?:[A-Z][\w'\u2019-]+)(?:\s+[A-Z][\w'\u2019-]+){0,4})"
            )
            for match in after.finditer(self._text):
                yield values.Found(match[1], match[1], match.start(1), match.end(1))

    def _boolean(self, field: Field) -> bool | None:
        wanted = field.description or field.spoken
        best = best_sentences(self._sentence_list(), wanted, self._embed, most=1, at_least=_YES_SCORE)
        return None if not best else _NEGATED.search(best[0].sentence.text) is None

    def _sentences(self, field: Field, *, most: int, at_least: float) -> list[str]:
        wanted = f"{field.spoken}: {field.description}" if field.description else field.spoken
        picks = best_sentences(self._sentence_list(), wanted, self._embed, most=most, at_least=at_least)
        found = [(pick.sentence.order, fitting(field, _whole(pick.sentence.text))) for pick in picks]
        return [value for _, value in sorted(found, key=lambda pair: pair[0]) if value is not None]

    def _sentence_list(self) -> list[Sentence]:
        if self._split is None:
            self._split = sentences([self._text], inline=False)
        return self._split

    def _lines(self) -> list[str]:
        stripped = (line.strip().strip("#=-*_ \t") for line in self._text.split("\n"))
        return [line for line in stripped if sum(letter.isalpha() for letter in line) >= 3]


def _of_kind(field: Field, text: str) -> tuple[values.Found, ...]:
    if field.kind == "enum":
        return tuple(_enumerated(field.schema, text))
    if field.kind == "pattern":
        pattern = str(field.schema["pattern"])
        loose = pattern.removeprefix("^").removesuffix("$")
        return tuple(values.find("pattern", text, re.compile(loose, re.MULTILINE)))
    return tuple(values.find(field.kind, text)) if values.knows(field.kind) else ()


def _enumerated(schema: Schema, text: str) -> Iterable[values.Found]:
    choices = cast("list[Any]", schema.get("enum") or [schema.get("const")])
    hits: list[values.Found] = []
    for choice in choices:
        if isinstance(choice, str | int | float) and not isinstance(choice, bool):
            spoken = re.escape(str(choice)).replace("_", r"[\s_-]").replace(r"\-", r"[\s_-]")
            matches = re.finditer(rf"(?<!\w){spoken}(?!\w)", text, re.IGNORECASE)
            hits += [values.Found(match[0], choice, match.start(), match.end()) for match in matches]
    return sorted(hits, key=lambda found: found.start)


def _whole(text: str) -> values.Found:
    return values.Found(text, text, 0, len(text))


def _picked(field: Field, chosen: list[Any]) -> Any:
    if field.pick == "last":
        return chosen[-1]
    if field.pick in {"least", "most"} and all(isinstance(value, int | float) for value in chosen):
        return min(chosen) if field.pick == "least" else max(chosen)
    return chosen[0]
