"""Chunks: nothing is lost, nothing is over budget, and a sentence is cut only when it alone is too long."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nupunkt import sent_spans

from shared_agent.spec.chunking import chunk
from shared_agent.spec.document import Chunk, Document

WORDS = ["the", "worker", "Mr.", "U.S.", "e.g.", "limit", "3.14", "Dr.", "waits", "naïve", "a", "reservation"]
ENDS = [". ", "! ", "? ", ".\n", "; ", ' said "Stop." ']
GAPS = ["\n\n", "\n \n\n", "\r\n\r\n", "\n\n    ", " ", ""]

sentence = st.builds(
    lambda words, end: " ".join(words).capitalize() + end,
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=14),
    st.sampled_from(ENDS),
)
prose = st.lists(
    st.builds(lambda sentences, gap: "".join(sentences) + gap, st.lists(sentence, max_size=8), st.sampled_from(GAPS)),
    max_size=8,
).map("".join)
anything = st.text(max_size=400) | prose | st.text(alphabet="ab .\n\r\t\u3002\u4eca", max_size=300)


def cut(text: str, characters: int) -> list[Chunk]:
    return list(chunk(Document(source="a.md", text=text, meta={"k": 1}), characters, 1.0))


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Sentences without the white space around them; a blank line always ends one."""
    spans: list[tuple[int, int]] = []
    start = 0
    for end in [*(found.start() for found in re.finditer(r"\n\s*\n", text)), len(text)]:
        for first, last in sent_spans(text[start:end]):
            piece = text[start + first : start + last]
            inner = piece.strip()
            if inner:
                left = start + first + piece.index(inner)
                spans.append((left, left + len(inner)))
        start = end
    return spans


@given(anything, st.integers(1, 120))
@example("\n\n \n", 1)
@example("x" + "\n" * 50 + "y" * 30, 4)
def test_chunks_put_together_are_the_document(text: str, characters: int) -> None:
    chunks = cut(text, characters)
    assert "".join(piece.text for piece in chunks) == (text if text.strip() else "")
    assert [(piece.start, piece.end) for piece in chunks] == list(
        zip([0, *(piece.end for piece in chunks)], (piece.end for piece in chunks), strict=False)
    )
    assert all(text[piece.start : piece.end] == piece.text for piece in chunks)


@given(anything, st.integers(1, 120))
def test_no_chunk_is_over_budget_or_blank(text: str, characters: int) -> None:
    for piece in cut(text, characters):
        assert 0 < len(piece.text.strip()) <= characters


@given(prose, st.integers(5, 200))
def test_a_sentence_is_cut_only_when_it_alone_is_over_budget(text: str, characters: int) -> None:
    spans = sentence_spans(text)
    for piece in cut(text, characters)[:-1]:
        end = piece.start + len(piece.text.rstrip())
        assert all(last - first > characters for first, last in spans if first < end < last)


@given(prose, st.integers(20, 200))
def test_a_sentence_that_is_too_long_is_cut_at_word_ends(text: str, characters: int) -> None:
    for piece in cut(text, characters)[:-1]:
        before, after = text[piece.end - 1], text[piece.end]
        assert not (before.isalpha() and after.isalpha())


@given(anything, st.integers(1, 120))
def test_the_same_document_is_always_cut_the_same_way(text: str, characters: int) -> None:
    assert cut(text, characters) == cut(text, characters)


@given(anything, st.integers(1, 120))
def test_parts_are_numbered_and_carry_the_source_and_its_meta(text: str, characters: int) -> None:
    chunks = cut(text, characters)
    assert [(piece.part, piece.parts) for piece in chunks] == [(n, len(chunks)) for n in range(len(chunks))]
    assert all(piece.source == "a.md" and piece.meta == {"k": 1} for piece in chunks)


@pytest.mark.parametrize("text", ["", " ", "\n\n\t \r\n", "\u3000\u2028"])
def test_a_document_without_text_has_no_chunks(text: str) -> None:
    assert cut(text, 100) == []


def test_a_short_document_is_one_chunk_just_as_it_is() -> None:
    assert [piece.text for piece in cut("\n  One.\n\nTwo. \n", 100)] == ["\n  One.\n\nTwo. \n"]


def test_abbreviations_do_not_end_a_sentence() -> None:
    text = "Dr. Smith went to Washington. He met Mr. Jones at 5 p.m. on Monday. They spoke of U.S. policy."
    assert [piece.text for piece in cut(text, 60)] == [
        "Dr. Smith went to Washington. ",
        "He met Mr. Jones at 5 p.m. on Monday. ",
        "They spoke of U.S. policy.",
    ]


def test_a_paragraph_end_in_the_second_half_comes_before_a_later_sentence_end() -> None:
    text = "One is here and long enough. Two is.\n\nThree. Four follows on and on and on."
    assert [piece.text for piece in cut(text, 50)] == [
        "One is here and long enough. Two is.\n\n",
        "Three. Four follows on and on and on.",
    ]


def test_a_paragraph_end_in_the_first_half_does_not_waste_the_rest_of_the_budget() -> None:
    text = "A heading\n\n" + "A sentence of words. " * 10
    assert [len(piece.text.strip()) for piece in cut(text, 100)] == [94, 83, 41]


def test_white_space_stays_with_the_piece_before_but_for_the_indent_of_a_line() -> None:
    assert [piece.text for piece in cut("First one.\n\n    indented code", 16)] == [
        "First one.\n\n",
        "    indented code",
    ]


def test_a_table_without_sentences_is_cut_at_its_lines() -> None:
    rows = [f"| name {n} | value {n} |\n" for n in range(20)]
    chunks = cut("".join(rows), 100)
    assert all(piece.text.endswith("|\n") for piece in chunks)
    assert [row for piece in chunks for row in piece.text.splitlines(keepends=True)] == rows


def test_a_script_without_spaces_is_cut_at_its_own_full_stops() -> None:
    assert [piece.text for piece in cut("今天天气很好。我们去公园吧。", 8)] == ["今天天气很好。", "我们去公园吧。"]


def test_a_word_longer_than_the_budget_is_cut_between_characters() -> None:
    assert [piece.text for piece in cut("abcdefgh", 3)] == ["abc", "def", "gh"]


def test_the_budget_is_tokens_times_characters_a_token() -> None:
    document = Document(source="a", text="word " * 100)
    assert max(len(piece.text.strip()) for piece in chunk(document, 20, 4.5)) == 89


@pytest.mark.parametrize(
    "text", [" " * 500_000 + "x", "x" + "\n" * 500_000 + "y" * 200, "x\n" + " " * 500_000 + "y" * 200]
)
def test_a_long_run_of_white_space_costs_no_chunk_of_its_own(text: str) -> None:
    assert [len(piece.text.strip()) for piece in cut(text, 150)] in ([1], [1, 150, 50])
