from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared_agent.models.embedded import notices
from shared_agent.models.embedded.markup import blocks
from shared_agent.models.types import Free, Passage, Summarise


def body(text: str) -> str:
    return notices.strip(text).body


async def test_a_summary_is_made_of_sentences_of_the_input_and_says_so(ask, texts) -> None:
    reply = await ask(Summarise((Passage(texts.readme, "kettle"),), max_words=60))
    assert reply.extractive
    assert reply.text.endswith(notices.MARKER)
    assert "Kettle is a small library that retries failing network calls" in reply.text
    flat = " ".join(texts.readme.replace("`", "").split())
    sentences = [part for part in body(reply.text).replace(". ", ".\n").split("\n") if part]
    assert len(sentences) >= 2
    assert all(sentence in flat for sentence in sentences)


async def test_a_summary_holds_no_badge_code_or_table(ask, texts) -> None:
    text = (await ask(Summarise((Passage(texts.readme),), max_words=500))).text
    assert not [word for word in ("badge", "import kettle", "| option", "<img", "```") if word in text]


async def test_a_summary_is_much_shorter_than_its_input_and_within_the_words_asked_for(ask, texts) -> None:
    assert len(body((await ask(Summarise((Passage(texts.readme),), max_words=25))).text).split()) <= 25
    whole = await ask(Summarise((Passage(texts.readme),), max_words=10_000))
    assert len(body(whole.text).split()) < 0.6 * len(texts.readme.split())


async def test_instructions_draw_the_choice_to_their_subject(ask, texts) -> None:
    plain = await ask(Summarise((Passage(texts.readme),), max_words=30))
    asked = await ask(
        Summarise((Passage(texts.readme),), max_words=30, instructions="The weather station in the Alps in 2019")
    )
    assert "weather station" not in plain.text
    assert "weather station" in asked.text


async def test_through_a_tree_of_reductions_the_marker_stays_one_and_last(ask, texts) -> None:
    parts = [await ask(Summarise((Passage(text),))) for text in (texts.readme, texts.licence, texts.invoice)]
    pairs = [
        await ask(Summarise(tuple(Passage(part.text) for part in pair), combine=True))
        for pair in (parts[:2], parts[2:])
    ]
    final = await ask(Summarise(tuple(Passage(part.text) for part in pairs), combine=True, max_words=150))
    assert final.text.count("[extractive") == 1
    assert final.text.endswith(notices.MARKER)
    assert "Kettle" in final.text


async def test_what_is_not_covered_is_said_and_carried_up_once(ask, texts) -> None:
    part = await ask(Summarise((Passage(texts.readme),), missing="chapter 2"))
    final = await ask(
        Summarise((Passage(part.text), Passage(texts.licence)), combine=True, missing="chapter 2 and chapter 5")
    )
    again = await ask(Summarise((Passage(final.text), Passage(part.text)), combine=True))
    assert again.text.count("Not covered: chapter 2\n") == 1
    assert again.text.count("Not covered: chapter 2 and chapter 5") == 1


async def test_repeated_sentences_appear_once(ask) -> None:
    sentence = "The bridge over the river was closed for repairs in May."
    other = "Trams take the northern route until the work is finished."
    reply = await ask(Summarise(tuple(Passage(f"{sentence} {other}") for _ in range(5)), combine=True))
    assert reply.text.count("bridge") == 1


async def test_an_empty_input_gives_a_text_that_says_there_was_nothing(ask) -> None:
    reply = await ask(Summarise((Passage("   \n\n"),)))
    assert reply.text == notices.NOTHING


async def test_a_text_without_sentences_is_cut_not_lost(ask) -> None:
    reply = await ask(Summarise((Passage("alpha beta gamma delta"),), max_words=3))
    assert body(reply.text) == "alpha beta gamma"


async def test_a_free_prompt_is_answered_with_its_own_sentences_and_marked(ask, texts) -> None:
    reply = await ask(Free(prompt=texts.readme, system="Be brief."))
    assert "Kettle" in reply.text
    assert reply.text.endswith(notices.MARKER)


async def test_a_huge_text_costs_few_runs_of_the_encoder(ask) -> None:
    paragraphs = [
        f"Station {number} measured {number * 7 % 113} millimetres of rain in week {number % 52}. "
        f"The keeper of station {number} reports that the gauge was emptied on time."
        for number in range(6000)
    ]
    reply = await ask(Summarise((Passage("\n\n".join(paragraphs)),), max_words=80))
    assert 30 <= len(body(reply.text).split()) <= 80


def test_blocks_know_their_headings_in_markdown_and_restructured_text() -> None:
    markdown = blocks("# Title\n\nFirst words.\n\n## Usage\n\n- one item\n- another")
    assert [(block.text, block.heading, block.item) for block in markdown] == [
        ("First words.", "Title", False),
        ("one item", "Usage", True),
        ("another", "Usage", True),
    ]
    rst = blocks(
        "Usage\n=====\n\nCall it::\n\n    secret = code()\n\n.. image:: a.png\n   :alt: x\n\nSee `docs <u>`_ now."
    )
    assert [(block.text, block.heading) for block in rst] == [("Call it:", "Usage"), ("See docs now.", "Usage")]


@given(
    st.text(alphabet="ab .\n", max_size=40),
    st.lists(st.text(alphabet="xyz ,", min_size=1, max_size=12).filter(lambda gap: gap.strip() != ""), max_size=3),
)
def test_notices_come_off_as_they_were_put_on(text: str, gaps: list[str]) -> None:
    stripped = notices.strip(notices.attach(text, gaps))
    assert stripped.body == text.strip()
    assert list(stripped.gaps) == list(dict.fromkeys(" ".join(gap.split()) for gap in gaps))
