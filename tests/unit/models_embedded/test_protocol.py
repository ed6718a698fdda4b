from __future__ import annotations

import asyncio
import importlib.metadata
import time

import pytest

from shared_agent.errors import Permanent, Transient
from shared_agent.models.embedded import EmbeddedModel
from shared_agent.models.embedded.encoder import shared_encoder
from shared_agent.models.types import Classify, Extract, Judge, Model, Passage, Request, Summarise
from shared_agent.spec.usage import Usage


def summary_of(text: str, **more) -> Request:
    return Request(purpose=Summarise((Passage(text),)), **more)


def sentences(count: int, seed: str) -> str:
    return " ".join(f"The {seed} engine number {index} was built in workshop {index % 9}." for index in range(count))


async def test_it_is_a_model(model: EmbeddedModel, texts) -> None:
    as_protocol: Model = model
    reply = await as_protocol.complete(summary_of(texts.readme))
    assert reply.model == as_protocol.name == "embedded:extractive"
    assert reply.finish == "stop"


async def test_usage_counts_what_was_read_and_written_and_costs_nothing(model: EmbeddedModel, texts) -> None:
    reply = await model.complete(summary_of(texts.readme))
    count = shared_encoder().wordpiece.count
    assert reply.usage == Usage(calls=1, input_tokens=count(texts.readme), output_tokens=count(reply.text), usd=0.0)


async def test_an_estimate_is_not_below_the_usage_of_real_texts(model: EmbeddedModel) -> None:
    for name in ("regex", "numpy", "pydantic", "msgspec", "pytest", "click"):
        try:
            text = str(importlib.metadata.metadata(name).get_payload())[:20_000]
        except importlib.metadata.PackageNotFoundError:
            continue
        for purpose in (
            Summarise((Passage(text),)),
            Classify(text[:3000], {"a": "apples", "b": "pears"}),
            Extract(text[:3000], {"type": "object", "properties": {"year": {"type": "integer"}}}),
        ):
            request = Request(purpose=purpose, max_output_tokens=300)
            estimate = model.estimate(request)
            used = (await model.complete(request)).usage
            assert estimate.input_tokens >= used.input_tokens
            assert (estimate.calls, estimate.output_tokens, estimate.usd) == (1, 300, 0.0)


async def test_a_small_output_cap_is_kept(model: EmbeddedModel, texts) -> None:
    reply = await model.complete(summary_of(texts.readme, max_output_tokens=60))
    assert reply.usage.output_tokens <= 60


async def test_a_stream_gives_the_text_piece_by_piece_and_the_reply_last(model: EmbeddedModel, texts) -> None:
    deltas = [delta async for delta in model.stream(summary_of(texts.readme))]
    *pieces, last = deltas
    assert len(pieces) >= 3
    assert last.text == ""
    assert last.reply is not None
    assert "".join(piece.text for piece in pieces) == last.reply.text
    assert last.reply == await model.complete(summary_of(texts.readme))


async def test_embeddings_come_in_the_order_of_the_texts(model: EmbeddedModel) -> None:
    both = await model.embed(["a red apple", "a green pear"])
    pear = await model.embed(["a green pear"])
    assert len(both.vectors) == 2
    assert len(both.vectors[0]) == 384
    assert list(both.vectors[1]) == list(pear.vectors[0])
    assert both.usage.input_tokens == 6
    assert (await model.embed([])).vectors == []


async def test_the_same_requests_give_the_same_replies_together_and_alone(model: EmbeddedModel, texts) -> None:
    requests = [
        summary_of(texts.readme),
        summary_of(texts.licence),
        Request(purpose=Classify(texts.readme, {"software": "a library", "food": "a recipe"})),
        Request(purpose=Extract(texts.invoice, {"type": "object", "properties": {"total": {"type": "number"}}})),
        Request(purpose=Judge("What is it?", (texts.readme, texts.invoice), "about software")),
    ]
    alone = [await model.complete(request) for request in requests]
    together = await asyncio.gather(*(model.complete(request) for request in requests * 3))
    assert together == alone * 3


async def test_the_event_loop_keeps_turning_while_the_model_works(model: EmbeddedModel) -> None:
    work = asyncio.create_task(model.complete(summary_of(sentences(3000, "steam"))))
    turns = 0
    while not work.done():
        await asyncio.sleep(0.005)
        turns += 1
    assert (await work).text
    assert turns >= 5


async def test_a_cancelled_call_gives_its_thread_back(model: EmbeddedModel) -> None:
    labels = {f"label {number}": f"description number {number} of many things" for number in range(3000)}
    calls = [
        asyncio.create_task(model.complete(Request(purpose=Classify(f"Text {index}", labels)))) for index in range(8)
    ]
    await asyncio.sleep(0.5)
    for call in calls:
        call.cancel()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
    started = time.monotonic()
    reply = await model.complete(summary_of("A short text. It is read at once."))
    assert reply.text
    assert time.monotonic() - started < 30


async def test_a_call_over_its_time_limit_is_a_passing_failure(model: EmbeddedModel) -> None:
    labels = {f"label {number}": f"yet another description {number}" for number in range(3000)}
    with pytest.raises(Transient, match="took longer"):
        await model.complete(Request(purpose=Classify("Text", labels), timeout_s=0.3))


async def test_a_closed_model_refuses_further_calls() -> None:
    model = EmbeddedModel()
    await model.embed(["warm"])
    await model.aclose()
    with pytest.raises(Permanent, match="closed"):
        await model.embed(["cold"])


async def test_texts_in_other_scripts_and_odd_characters_pass(model: EmbeddedModel) -> None:
    arabic = "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645."
    for text in ("\x00\ufffd\u200b", "東京は日本の首都です。人口は多い。", "🎉" * 500, "ß" * 3000, arabic):
        assert (await model.complete(summary_of(text))).text
        reply = await model.complete(Request(purpose=Classify(text, {"a": "", "b": "something"})))
        assert reply.data["label"] in {"a", "b"}
