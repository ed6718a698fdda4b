from __future__ import annotations

import pytest

from shared_agent.errors import Permanent
from shared_agent.models.embedded import notices
from shared_agent.models.types import Answer, Judge, Passage

ASKED = {
    "How long is the pause before a new attempt?": ("twice the last one", "readme"),
    "How do I install Kettle?": ("pip install kettle", "readme"),
    "Where did the project start?": ("weather station in the Alps", "readme"),
    "What must binary copies show?": ("notice in their documentation", "licence"),
    "What is the total amount of the invoice?": ("$1,284.50", "invoice"),
}
UNANSWERED = (
    "What is the capital of France?",
    "Who won the football world cup in 1998?",
    "How do I bake sourdough bread?",
    "Which vitamins are in oranges?",
    "Who maintains the database?",
)


@pytest.fixture
def passages(texts) -> tuple[Passage, ...]:
    return tuple(Passage(getattr(texts, name), name) for name in ("readme", "licence", "invoice"))


@pytest.mark.parametrize("question", ASKED)
async def test_a_question_is_answered_with_the_right_sentence_and_source(ask, passages, question: str) -> None:
    expected, source = ASKED[question]
    reply = await ask(Answer(question, passages))
    assert reply.data["found"]
    assert expected in reply.data["answer"]
    assert source in reply.data["sources"]
    assert reply.text == reply.data["answer"]
    assert reply.text.endswith(notices.MARKER)


@pytest.mark.parametrize("question", UNANSWERED)
async def test_a_question_the_passages_do_not_answer_is_said_to_be_unanswered(ask, passages, question: str) -> None:
    reply = await ask(Answer(question, passages))
    assert reply.data["found"] is False
    assert reply.data["sources"] == []
    assert reply.text.startswith(notices.NOT_FOUND)
    assert reply.text.count("[extractive") == 1


async def test_answers_of_parts_are_combined_and_empty_ones_passed_over(ask, passages) -> None:
    question = "How long is the pause before a new attempt?"
    parts = [await ask(Answer(question, (passage,), missing="")) for passage in passages]
    assert [part.data["found"] for part in parts] == [True, False, False]
    combined = await ask(
        Answer(
            question,
            tuple(Passage(part.text, passage.source) for part, passage in zip(parts, passages, strict=True)),
            combine=True,
            missing="appendix",
        )
    )
    assert combined.data["sources"] == ["readme"]
    assert "twice the last one" in combined.text
    assert notices.NOT_FOUND not in combined.text
    assert combined.text.count("Not covered: appendix") == 1
    assert combined.text.count("[extractive") == 1


async def test_no_passage_means_not_found(ask) -> None:
    assert (await ask(Answer("Why?", ()))).data["found"] is False


async def test_a_judge_prefers_the_candidate_that_answers(ask) -> None:
    candidates = (
        "I do not know.",
        "Bananas are yellow and grow in the tropics.",
        "The bridge was closed in May because its cables had to be replaced.",
    )
    reply = await ask(Judge("Why was the bridge closed?", candidates, "names the cause"))
    assert reply.data["choice"] == 2
    assert len(reply.data["scores"]) == 3
    assert all(0 <= score <= 1 for score in reply.data["scores"])
    assert "not by reasoning" in reply.data["reason"]


async def test_equal_candidates_are_decided_by_their_order(ask) -> None:
    reply = await ask(Judge("Which?", ("Blue paint.", "Blue paint.", ""), ""))
    assert reply.data["choice"] == 0
    assert reply.data["scores"][0] == reply.data["scores"][1]
    assert reply.data["scores"][2] == 0.0


async def test_a_judge_without_candidates_refuses(ask) -> None:
    with pytest.raises(Permanent, match="candidate"):
        await ask(Judge("Which?", ()))
