"""Real-world text to blocks of prose: README Markdown and reStructuredText, licence texts, plain paragraphs.

A block is one paragraph or one list item, its wrapped lines joined. Code, tables, badges, directives and rules are
left out; a heading is not prose but is remembered by the blocks under it. A block keeps its inline markup when asked,
for what must occur in the text as it stands.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG = re.compile(
    r"</?(?:a|abbr|b|blockquote|br|center|code|dd|details|div|dl|dt|em|font|h[1-6]|hr|i|img|kbd|li|ol|p|picture|pre"
    r"|small|source|span|strong|sub|summary|sup|table|tbody|td|th|thead|tr|u|ul|video)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_IMAGE = re.compile(r"!\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])")
_EMPTY_LINK = re.compile(r"\[\s*\](?:\([^)]*\)|\[[^\]]*\])")
_INLINE = (
    (re.compile(r"\[([^\]]+)\](?:\([^)]*\)|\[[^\]]*\])"), r"\1"),
    (re.compile(r"`([^`<]+?)\s*<[^>`]+>`__?"), r"\1"),
    (re.compile(r":[a-z][\w:+-]*:`~?([^`]+)`"), r"\1"),
    (re.compile(r"``([^`]+)``"), r"\1"),
    (re.compile(r"`([^`]+)`_?_?"), r"\1"),
    (re.compile(r"\*\*([^*]+)\*\*"), r"\1"),
    (re.compile(r"(?<![\w*])\*([^*\s][^*]*)\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<!\w)__([^_\s][^_]*)__(?!\w)"), r"\1"),
    (re.compile(r"\|[\w .-]+\|_?_?"), ""),
)
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(.*?)\s*#*\s*$")
_RULE = re.compile(r"^\s*([=\-~^*#\"'+_.])\1{2,}\s*$")
_TABLE = re.compile(r"^\s*(?:\|.*\||\+[-=+]{3,}\+|=+(?:\s+=+)+|[:\-| ]*-{3,}[:\-| ]*\|[:\-| ]*)\s*$")
_ITEM = re.compile(r"^\s*(?:[-*+•·]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,5})[.)]|\d+(?:\.\d+)+\.?)\s+(?=\S)")
_DIRECTIVE = re.compile(r"^(\s*)\.\.(?:\s+(?:\|[^|]+\|\s+)?([\w:-]+)::|\s+_|\s+\[|\s*$|\s+\w)")
_PROSE_DIRECTIVES = frozenset({"note", "warning", "tip", "important", "caution", "attention", "hint", "danger"})
_PROMPT = re.compile(r"^\s*(?:>>>|\.\.\.(?=\s\s)|\$|%|In \[\d+\]:)\s")
_DEFINITION = re.compile(r"^\s*\[[^\]]+\]:\s+\S+")
_FIELD = re.compile(r"^\s+:[\w-]+:(?:\s|$)")
_CODE = re.compile(r"^(?:import|from|def|class|return|pip3?|npm|async|await|git|sudo|curl|docker|uv)\s+[\w./@<-]+")
_SYMBOLS = frozenset("{}[]=;<>_\\$|&*#~^@`")
_BOXED = re.compile(r"^\s*\*\s+(\S.*?)\s+\*\s*$")
_PAIR = re.compile(r"^\s*[A-Z][\w/&-]*(?: [\w/&-]+){0,3}:\s+\S")
_WRAPPED = 60
"""A shorter line that reads ``Name: value`` is complete; a longer one may go on in the next."""

_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph or list item on one line, under ``heading``."""

    text: str
    heading: str = ""
    item: bool = False


def blocks(text: str, *, inline: bool = True) -> list[Block]:
    """Split ``text`` into blocks of prose. ``inline`` takes links, emphasis and tags off as well."""
    text = _COMMENT.sub("", text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4))
    reader = _Reader(inline)
    for line in text.split("\n"):
        reader.read(line)
    reader.flush()
    return reader.blocks


class _Reader:
    """Line by line: what is open (paragraph, fence, directive body) decides what the next line is."""

    def __init__(self, inline: bool) -> None:
        self.blocks: list[Block] = []
        self._inline = inline
        self._lines: list[str] = []
        self._item = False
        self._heading = ""
        self._fence = ""
        self._skip_deeper_than = -1

    def read(self, line: str) -> None:
        line = _BOXED.sub(r"\1", line)
        if self._in_fence(line) or self._in_skipped_body(line):
            return
        if not line.strip():
            self._end_paragraph()
        elif directive := _DIRECTIVE.match(line):
            self.flush()
            if directive[2] not in _PROSE_DIRECTIVES:
                self._skip_deeper_than = len(directive[1])
        elif heading := _HEADING.match(line):
            self.flush()
            self._heading = _plain(heading[1])
        elif _RULE.match(line):
            self._underline()
        elif _TABLE.match(line) or _PROMPT.match(line) or _DEFINITION.match(line) or _FIELD.match(line):
            self.flush()
        else:
            self._prose(line)

    def flush(self) -> None:
        lines, item = self._lines, self._item
        self._lines, self._item = [], False
        joined = _SPACE.sub(" ", " ".join(lines)).strip()
        plain = _plain(joined)
        if plain and not _is_code(plain):
            self.blocks.append(Block(plain if self._inline else joined, self._heading, item))

    def _in_fence(self, line: str) -> bool:
        fence = _FENCE.match(line)
        if self._fence:
            if fence and fence[1].startswith(self._fence):
                self._fence = ""
            return True
        if fence:
            self.flush()
            self._fence = fence[1]
            return True
        return False

    def _in_skipped_body(self, line: str) -> bool:
        if self._skip_deeper_than < 0 or not line.strip():
            return False
        if len(line) - len(line.lstrip()) > self._skip_deeper_than:
            return True
        self._skip_deeper_than = -1
        return False

    def _end_paragraph(self) -> None:
        if self._lines and self._lines[-1].rstrip().endswith("::"):
            # reStructuredText: what follows, indented deeper than this paragraph, is literal.
            self._skip_deeper_than = len(self._lines[-1]) - len(self._lines[-1].lstrip())
            self._lines[-1] = self._lines[-1].rstrip()[:-1]
        self.flush()

    def _underline(self) -> None:
        if len(self._lines) == 1 and not self._item:
            self._heading, self._lines = _plain(self._lines[0].strip()), []
        self.flush()

    def _prose(self, line: str) -> None:
        item = _ITEM.match(line)
        if item:
            self.flush()
            self._item = True
            line = " " * item.end() + line[item.end() :]
        pair = _PAIR.match(line)
        if pair and not self._item:
            self.flush()
        self._lines.append(line)
        if pair and len(line) < _WRAPPED:
            self.flush()


def _plain(text: str) -> str:
    text = _TAG.sub(" ", text)
    text = _EMPTY_LINK.sub("", _IMAGE.sub("", text))
    for pattern, replacement in _INLINE:
        text = pattern.sub(replacement, text)
    return _SPACE.sub(" ", html.unescape(text)).strip()


def _is_code(text: str) -> bool:
    symbols = sum(character in _SYMBOLS for character in text)
    letters = sum(character.isalpha() for character in text)
    starts_like_code = _CODE.match(text) is not None and not text.endswith((".", ":"))
    return starts_like_code or symbols > 0.12 * len(text) or letters < 0.45 * len(text)
