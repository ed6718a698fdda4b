"""Whatever a provider does, one of three errors comes out, after exactly one request."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shared_agent.errors import ModelError, Permanent, Throttled, Transient
from shared_agent.models import failures
from shared_agent.models.types import Classify, Free, Model, Request, Summarise
from tests.support.provider_server import ProviderServer, Quota
from tests.unit.models_providers.catalogue import FAMILIES, NAMES, WIRES

Opened = Callable[..., Model]
HELLO = Request(purpose=Free("hello " * 20))

WHOLE = {
    "429": Throttled,
    "429=0.25": Throttled,
    "529": Throttled,
    "500": Transient,
    "503": Transient,
    "408": Transient,
    "html": Transient,
    "400": Permanent,
    "401": Permanent,
    "404": Permanent,
    "too-long": Permanent,
    "no-credit": Permanent,
    "broken-json": Transient,
    "empty-object": Transient,
    "drop": Transient,
    "refuse": Permanent,
}
STREAMED = {
    "429=0.25": Throttled,
    "500": Transient,
    "401": Permanent,
    "stream-drop": Transient,
    "stream-end": Transient,
    "stream-error": Throttled,
    "refuse": Permanent,
}


async def read(model: Model, request: Request) -> str:
    return "".join([delta.text async for delta in model.stream(request)])


@pytest.mark.parametrize("behaviour", WHOLE)
@pytest.mark.parametrize("name", WIRES)
async def test_a_failed_call_is_one_request_and_one_error(
    name: str, behaviour: str, opened: Opened, server: ProviderServer
) -> None:
    server.default = behaviour
    with pytest.raises(ModelError) as caught:
        await opened(name).complete(HELLO)
    assert type(caught.value) is WHOLE[behaviour], repr(caught.value)
    assert caught.value.code
    assert server.stats.requests == 1


@pytest.mark.parametrize("behaviour", STREAMED)
@pytest.mark.parametrize("name", WIRES)
async def test_a_failed_stream_is_one_request_and_one_error(
    name: str, behaviour: str, opened: Opened, server: ProviderServer
) -> None:
    server.default = behaviour
    with pytest.raises(ModelError) as caught:
        await read(opened(name), HELLO)
    assert type(caught.value) is STREAMED[behaviour], repr(caught.value)
    assert server.stats.requests == 1


@pytest.mark.parametrize("name", WIRES)
async def test_the_wait_that_the_provider_states_is_carried(name: str, opened: Opened, server: ProviderServer) -> None:
    server.default = "429=0.25"
    with pytest.raises(Throttled) as caught:
        await opened(name).complete(HELLO)
    assert caught.value.retry_after_s == pytest.approx(0.25)

    server.default = "429"
    with pytest.raises(Throttled) as caught:
        await opened(name).complete(HELLO)
    assert caught.value.retry_after_s is None


@pytest.mark.parametrize("name", WIRES)
async def test_an_input_over_the_context_window_has_one_code_everywhere(
    name: str, opened: Opened, server: ProviderServer
) -> None:
    server.default = "too-long"
    with pytest.raises(Permanent, match="smaller chunks") as caught:
        await opened(name).complete(HELLO)
    assert caught.value.code == failures.CONTEXT_LENGTH


@pytest.mark.parametrize("name", NAMES)
async def test_a_server_that_is_not_there_is_transient(name: str, opened: Opened, server: ProviderServer) -> None:
    model = opened(name)
    await server.stop()
    with pytest.raises(Transient) as caught:
        await model.complete(HELLO)
    assert caught.value.code == "connection"


@pytest.mark.parametrize("name", WIRES)
async def test_json_that_does_not_fit_the_purpose_is_asked_again_by_the_caller(
    name: str, opened: Opened, server: ProviderServer
) -> None:
    server.script("prose", "ok")
    model = opened(name)
    request = Request(purpose=Classify("a cat", {"cat": "", "dog": ""}))

    with pytest.raises(Transient) as caught:
        await model.complete(request)
    assert caught.value.code == "invalid_output"
    assert (await model.complete(request)).data["label"] == "cat"


@pytest.mark.parametrize("name", WIRES)
async def test_a_cut_answer_says_so_and_cut_json_is_permanent(
    name: str, opened: Opened, server: ProviderServer
) -> None:
    server.default = "cut"
    model = opened(name)
    assert (await model.complete(HELLO)).finish == "length"
    with pytest.raises(Permanent, match="raise max_output_tokens") as caught:
        await model.complete(Request(purpose=Classify("a cat", {"cat": "", "dog": ""})))
    assert caught.value.code == "truncated"


@pytest.mark.parametrize("name", FAMILIES)
async def test_a_quota_throttles_with_the_time_until_it_fits(name: str, opened: Opened, server: ProviderServer) -> None:
    server.quota = Quota(requests=60, burst_s=1.0)
    model = opened(name)
    await model.complete(HELLO)
    with pytest.raises(Throttled) as caught:
        await model.complete(HELLO)
    assert caught.value.retry_after_s == pytest.approx(1.0, abs=0.5)
    assert server.stats.throttled == 1


@pytest.mark.parametrize("name", FAMILIES)
async def test_a_refused_temperature_is_left_out_of_the_next_call(
    name: str, opened: Opened, server: ProviderServer
) -> None:
    server.default = "bad-param=temperature"
    model = opened(name)
    with pytest.raises(Transient) as caught:
        await model.complete(HELLO)
    assert (caught.value.code, caught.value.retry_after_s) == ("parameter_refused", 0.0)

    assert (await model.complete(HELLO)).text.startswith("In short")
    assert "temperature" not in str(server.seen[-1].body)


async def test_a_temperature_that_the_user_insists_on_stays_and_fails_plainly(
    opened: Opened, server: ProviderServer
) -> None:
    server.default = "bad-param=temperature"
    with pytest.raises(Permanent, match="temperature"):
        await opened("openai:gpt-4.1-mini", temperature=True).complete(HELLO)


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("anthropic:claude-haiku-4-5", "output_config"),
        ("openai:gpt-4.1-mini", "response_format"),
        ("google:gemini-2.5-flash", "responseJsonSchema"),
    ],
)
async def test_a_model_without_structured_output_is_asked_for_json_in_words(
    name: str, parameter: str, opened: Opened, server: ProviderServer
) -> None:
    server.default = f"bad-param={parameter}"
    model = opened(name)
    request = Request(purpose=Classify("a cat", {"cat": "", "dog": ""}))
    with pytest.raises(Transient):
        await model.complete(request)
    assert (await model.complete(request)).data["label"] == "cat"


@pytest.mark.parametrize("name", ["anthropic:claude-opus-5", "openai:gpt-5-mini", "openai:o3"])
async def test_models_known_to_refuse_a_temperature_are_not_sent_one(
    name: str, opened: Opened, server: ProviderServer
) -> None:
    await opened(name).complete(HELLO)
    assert "temperature" not in server.seen[0].body


async def test_bedrock_without_credentials_says_what_to_set(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # A region of its own, for the SDK keeps the session that it made for another test's.
    model = opened("anthropic-bedrock:us.anthropic.claude-haiku-4-5-20251001-v1:0", region="eu-north-1")
    with pytest.raises(Permanent, match="credentials"):
        await model.complete(HELLO)


@pytest.mark.parametrize("name", FAMILIES)
async def test_one_poisoned_input_does_not_touch_the_others(name: str, opened: Opened, server: ProviderServer) -> None:
    model = opened(name)
    assert (await model.complete(Request(purpose=Free("fine")))).text == "In short: fine"
    with pytest.raises(Transient):
        await model.complete(Request(purpose=Free("bad [[fake:500]]")))
    with pytest.raises(Throttled):
        await model.complete(Request(purpose=Free("once [[fake:429=0*1]]")))
    assert (await model.complete(Request(purpose=Free("once [[fake:429=0*1]]")))).text.startswith("In short: once")


@pytest.mark.parametrize("name", FAMILIES)
async def test_an_empty_summary_is_not_a_success(name: str, opened: Opened, server: ProviderServer) -> None:
    server.default = "empty"
    with pytest.raises(Transient) as caught:
        await opened(name).complete(Request(purpose=Summarise(())))
    assert caught.value.code == "invalid_output"
