"""Opening a model by name: what is missing is said in one line, and nothing heavy is loaded before it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from shared_agent.errors import InputError
from shared_agent.models import Opening, open_model, providers, register_provider
from shared_agent.models.types import Delta, Embeddings, Reply, Request
from shared_agent.spec.usage import Usage

KEYS = (
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_FOUNDRY_API_KEY",
    "ANTHROPIC_FOUNDRY_RESOURCE",
    "ANTHROPIC_FOUNDRY_BASE_URL",
    "ANTHROPIC_VERTEX_PROJECT_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_ENDPOINT",
    "AZURE_OPENAI_RESOURCE",
    "CLOUD_ML_REGION",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "GOOGLE_CLOUD_PROJECT",
    "OPENAI_API_KEY",
)


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in KEYS:
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("anthropic:claude-haiku-4-5", "ANTHROPIC_API_KEY"),
        ("anthropic-bedrock:us.anthropic.claude-haiku-4-5-20251001-v1:0", "AWS_REGION"),
        ("anthropic-vertex:claude-haiku-4-5", "CLOUD_ML_REGION"),
        ("anthropic-foundry:claude-haiku-4-5", "ANTHROPIC_FOUNDRY_RESOURCE"),
        ("openai:gpt-5-mini", "OPENAI_API_KEY"),
        ("azure-openai:gpt-5-mini", "AZURE_OPENAI_RESOURCE"),
        ("google:gemini-2.5-flash", "GEMINI_API_KEY"),
        ("google-vertex:gemini-2.5-flash", "GOOGLE_CLOUD_PROJECT"),
    ],
)
def test_a_missing_key_or_setting_names_its_variable(name: str, remedy: str) -> None:
    with pytest.raises(InputError) as caught:
        open_model(name)
    assert caught.value.field == "model"
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "extra", "absent"),
    [
        ("anthropic:claude-haiku-4-5", "anthropic", "anthropic"),
        ("openai:gpt-5-mini", "openai", "openai"),
        ("google:gemini-2.5-flash", "google", "google.genai"),
        ("embedded", "embedded", "onnxruntime"),
    ],
)
def test_a_missing_extra_is_named(name: str, extra: str, absent: str) -> None:
    program = (
        "import sys\n"
        f"sys.modules[{absent!r}] = None\n"
        "from shared_agent.errors import InputError\n"
        "from shared_agent.models import open_model\n"
        "try:\n"
        f"    open_model({name!r}, **({{}} if {name!r} == 'embedded' else {{'api_key': 'k'}}))\n"
        "except InputError as error:\n"
        "    print(error.field, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith("model model:")
    assert f'pip install "shared-agent[{extra}]"' in done.stdout


def test_importing_models_imports_no_sdk_and_nothing_heavy() -> None:
    heavy = "anthropic openai google.genai genai_prices pydantic pydantic_ai aiohttp httpx2 numpy onnxruntime boto3"
    program = (
        "import sys, shared_agent.models, shared_agent.models.types, shared_agent.models.prompts\n"
        "import shared_agent.models.prices, shared_agent.models.estimate, shared_agent.models.quotas\n"
        f"print([name for name in {heavy.split()!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_an_unknown_provider_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"unknown provider in 'antropic:x'.*anthropic-bedrock.*openai"):
        open_model("antropic:x")


def test_a_provider_without_a_model_is_refused() -> None:
    with pytest.raises(InputError, match="write anthropic:MODEL"):
        open_model("anthropic", api_key="k")


def test_a_model_without_a_known_price_is_refused_before_anything_starts() -> None:
    with pytest.raises(InputError, match=r"no price is known for 'openai:gpt-imaginary'.*input_per_mtok"):
        open_model("openai:gpt-imaginary", api_key="k")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"regoin": "x"}, "options.regoin.*did you mean 'region'"),
        ({"zzz": 1}, "options.zzz.*known are"),
        ({"temperature": "hot"}, "temperature"),
        ({"prices": {"openai:m": {"input": 1}}}, "prices.openai:m"),
        ({"prices": {"openai:m": {"output_per_mtok": 1}}}, "prices.openai:m.*input_per_mtok"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        open_model("openai:gpt-5-mini", api_key="k", options=options)


def test_the_embedded_model_takes_no_settings() -> None:
    with pytest.raises(InputError, match="write just 'embedded'"):
        open_model("embedded:large")


class Parrot:
    """A model of the user's own."""

    def __init__(self, opening: Opening) -> None:
        self.name = opening.name
        self.opening = opening

    async def complete(self, request: Request) -> Reply:
        return Reply(text="squawk", model=self.name, usage=Usage(calls=1))

    async def stream(self, request: Request):
        yield Delta(reply=await self.complete(request))

    async def embed(self, texts: object) -> Embeddings:
        return Embeddings(vectors=[], model=self.name, usage=Usage())

    def estimate(self, request: Request) -> Usage:
        return Usage(calls=1)

    async def aclose(self) -> None:
        pass


def test_a_users_own_provider_is_opened_by_name_like_any_other() -> None:
    register_provider("mine", Parrot)

    model = open_model("mine:green:large", base_url="http://x", options={"anything": 1})

    assert isinstance(model, Parrot)
    assert model.name == "mine:green:large"
    assert model.opening.model == "green:large"
    assert model.opening.options == {"anything": 1}
    assert "mine" in providers()


@pytest.mark.parametrize("prefix", ["openai", "embedded", "", "Mine", "a:b"])
def test_a_prefix_that_is_taken_or_malformed_is_refused(prefix: str) -> None:
    with pytest.raises(InputError, match="prefix"):
        register_provider(prefix, Parrot)
