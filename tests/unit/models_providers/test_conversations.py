"""What a user asks of a model, over the wire of every provider."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from shared_agent.errors import Permanent
from shared_agent.models.prices import price
from shared_agent.models.types import Answer, Classify, Extract, Free, Judge, Model, Passage, Request, Summarise
from tests.support.provider_server import ProviderServer, Quota
from tests.unit.models_providers.catalogue import ENTRIES, FAMILIES, NAMES

Opened = Callable[..., Model]

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name"],
}


@pytest.mark.parametrize("name", NAMES)
async def test_a_summary_comes_back_with_its_usage_and_its_price(name: str, opened: Opened) -> None:
    model = opened(name)
    text = "Rivers carry sediment to the sea every spring. " * 20

    reply = await model.complete(Request(purpose=Summarise((Passage(text, "rivers.md"),))))

    assert reply.text.startswith("In short: Rivers carry sediment")
    assert reply.model == name
    assert reply.data is None
    assert reply.usage.calls == 1
    assert reply.usage.input_tokens > 200
    assert reply.usage.output_tokens > 5
    assert reply.usage.usd == price(name, reply.usage) > 0


@pytest.mark.parametrize("name", NAMES)
async def test_every_structured_purpose_gives_its_data(name: str, opened: Opened) -> None:
    model = opened(name)

    label = await model.complete(Request(purpose=Classify("my dog barks at dogs", {"cat": "", "dog": "", "cow": ""})))
    assert label.text == label.data["label"] == "dog"
    assert set(label.data["scores"]) == {"cat", "dog", "cow"}

    several = await model.complete(Request(purpose=Classify("dog", {"dog": "", "cat": ""}, multiple=True)))
    assert several.data["labels"] == ["dog"]

    person = await model.complete(Request(purpose=Extract("Ada", PERSON)))
    assert person.data["name"] == "Ada"

    passages = (Passage("It rained in Bergen.", "a.md"), Passage("Oslo was dry.", "b.md"))
    answer = await model.complete(Request(purpose=Answer("Where did it rain?", passages)))
    assert answer.data["found"] is True
    assert set(answer.data["sources"]) <= {"a.md", "b.md"}
    assert answer.text == answer.data["answer"]

    verdict = await model.complete(Request(purpose=Judge("Which?", ("one", "two", "three"))))
    assert verdict.text == ("one", "two", "three")[verdict.data["choice"]]
    assert len(verdict.data["scores"]) == 3


@pytest.mark.parametrize("name", NAMES)
async def test_a_stream_gives_the_pieces_and_then_the_reply(name: str, opened: Opened) -> None:
    model = opened(name)

    deltas = [delta async for delta in model.stream(Request(purpose=Free("one two three four five six")))]

    *pieces, last = deltas
    assert len(pieces) > 3
    assert all(piece.text and piece.reply is None for piece in pieces)
    assert last.reply is not None
    assert last.reply.text == "".join(piece.text for piece in pieces) == "In short: one two three four five six"
    assert last.reply.usage.usd == price(name, last.reply.usage) > 0


@pytest.mark.parametrize("name", NAMES)
async def test_trace_and_idempotency_key_travel_as_headers(name: str, opened: Opened, server: ProviderServer) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    request = Request(purpose=Free("hello"), traceparent=trace, idempotency_key="task-7")

    await opened(name).complete(request)
    async for _ in opened(name).stream(request):
        pass

    assert [seen.headers["traceparent"] for seen in server.seen] == [trace, trace]
    assert [seen.headers["idempotency-key"] for seen in server.seen] == ["task-7", "task-7"]


@pytest.mark.parametrize("name", NAMES)
async def test_rate_limit_headers_of_a_success_become_quotas(name: str, opened: Opened, server: ProviderServer) -> None:
    server.quota = Quota(requests=600, input_tokens=90_000, output_tokens=30_000)
    model = opened(name)

    reply = await model.complete(Request(purpose=Free("hello")))
    streamed = [delta async for delta in model.stream(Request(purpose=Free("hello")))][-1].reply

    entry = ENTRIES[name.partition(":")[0]]
    assert len(reply.quotas) == entry.quotas
    assert streamed is not None
    assert len(streamed.quotas) == entry.quotas
    for quota in reply.quotas:
        assert quota.limit == {"requests": 600, "input_tokens": 90_000, "output_tokens": 30_000}[quota.dimension]
        assert quota.remaining is not None
        assert quota.reset_s is not None


@pytest.mark.parametrize("name", FAMILIES)
async def test_input_read_from_the_providers_cache_is_cheaper(
    name: str, opened: Opened, server: ProviderServer
) -> None:
    server.cached_tokens = 400
    request = Request(purpose=Free("word " * 600))

    cached = await opened(name).complete(request)
    server.cached_tokens = 0
    fresh = await opened(name).complete(request)

    assert cached.usage.cached_input_tokens == 400
    assert cached.usage.input_tokens == fresh.usage.input_tokens
    assert cached.usage.usd < fresh.usage.usd


@pytest.mark.parametrize("name", FAMILIES)
async def test_what_was_asked_reaches_the_provider(name: str, opened: Opened, server: ProviderServer) -> None:
    model = opened(name, extra_body={"mine": {"a": 1}})
    await model.complete(Request(purpose=Free("hi", system="be kind"), max_output_tokens=77, temperature=0.25))

    body = server.seen[0].body
    config = body.get("generationConfig", body)
    cap = config.get("max_tokens") or config.get("max_completion_tokens") or config.get("maxOutputTokens")
    assert cap == 77
    assert config["temperature"] == 0.25
    assert "be kind" in str(body)
    assert body["mine"] == {"a": 1}


async def test_a_server_of_ones_own_that_speaks_openai_is_opened_with_its_price(
    opened: Opened, server: ProviderServer
) -> None:
    free = {"openai:my-llama": {"input_per_mtok": 0, "output_per_mtok": 0}}
    reply = await opened("openai:my-llama", prices=free).complete(Request(purpose=Free("hello")))
    assert reply.usage.usd == 0.0
    assert server.stats.by_model == {"my-llama": 1}


async def test_a_jobs_own_prices_replace_the_tables(opened: Opened) -> None:
    rates = {"openai:gpt-4.1-mini": {"input_per_mtok": 1_000_000, "output_per_mtok": 0}}
    reply = await opened("openai:gpt-4.1-mini", prices=rates).complete(Request(purpose=Free("hello")))
    assert reply.usage.usd == reply.usage.input_tokens


@pytest.mark.parametrize(
    ("name", "requests"),
    [
        ("openai:text-embedding-3-small", 1),
        ("azure-openai:text-embedding-3-small", 1),
        ("google:gemini-embedding-001", 2),
        ("google-vertex:text-embedding-005", 2),
        ("google-vertex:gemini-embedding-2", 101),
    ],
)
async def test_embeddings_are_unit_vectors_in_the_order_of_the_texts(
    name: str, requests: int, opened: Opened, server: ProviderServer
) -> None:
    model = opened(name, prices={name: {"input_per_mtok": 0.02}})

    texts = ["the quick brown fox", "the quick brown fox", "entirely different words here", *["x"] * 98]
    result = await model.embed(texts)

    assert len(result.vectors) == 101
    assert all(math.isclose(math.hypot(*vector), 1.0, rel_tol=1e-6) for vector in result.vectors)
    assert list(result.vectors[0]) == list(result.vectors[1]) != list(result.vectors[2])
    assert result.usage.calls == requests == server.stats.requests
    assert result.usage.input_tokens > 0
    assert result.usage.usd > 0


async def test_no_texts_need_no_request(opened: Opened, server: ProviderServer) -> None:
    assert list((await opened("openai:text-embedding-3-small").embed([])).vectors) == []
    assert server.stats.requests == 0


async def test_claude_has_no_embeddings_and_says_what_has(opened: Opened) -> None:
    with pytest.raises(Permanent, match=r"no embeddings.*'embedded'"):
        await opened("anthropic:claude-haiku-4-5").embed(["hello"])


@pytest.mark.parametrize("name", FAMILIES)
async def test_the_estimate_is_an_upper_bound_that_calls_make_exact(name: str, opened: Opened) -> None:
    model = opened(name)
    request = Request(purpose=Free("the weather in the mountains " * 300), max_output_tokens=50)
    before = model.estimate(request)

    for _ in range(25):
        reply = await model.complete(request)

    after = model.estimate(request)
    actual = reply.usage.input_tokens
    assert abs(after.input_tokens - actual) < abs(before.input_tokens - actual)
    assert abs(after.input_tokens - actual) / actual < 0.01
    assert after.output_tokens == 50
    assert after.usd >= reply.usage.usd
