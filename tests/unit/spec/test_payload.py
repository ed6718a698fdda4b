"""Previews: one line, never longer than asked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared_agent.spec.payload import preview


@given(st.text() | st.text(" \na", max_size=60), st.integers(1, 50))
def test_a_preview_is_one_line_within_its_limit(text: str, limit: int) -> None:
    line = preview(text, limit)
    assert len(line) <= limit
    assert line.splitlines() in ([], [line])


@given(st.text(), st.integers(1, 50))
def test_a_preview_shows_a_short_text_whole_and_marks_a_cut(text: str, limit: int) -> None:
    whole = " ".join(text.split())
    line = preview(text, limit)
    assert line == whole or line.endswith("…")
    if len(text) <= limit:
        assert line == whole


def test_a_very_long_text_costs_no_more_than_its_beginning() -> None:
    assert preview("word " * 10_000_000, 9) == "word wor…"
