"""``models`` and ``doctor``: what this machine can do."""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from shared_agent.cli import exits, output
from shared_agent.errors import InputError, SharedAgentError


@dataclass(frozen=True, slots=True)
class _Provider:
    form: str
    extra: str
    module: str
    variables: tuple[str, ...]

    def unset(self) -> tuple[str, ...]:
        """The environment variables that it needs and that are not set."""
        return tuple(variable for variable in self.variables if not os.environ.get(variable))


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    extra: str
    installed: bool
    missing: tuple[str, ...]


_PROVIDERS = (
    _Provider("embedded", "embedded", "onnxruntime", ()),
    _Provider("anthropic:MODEL", "anthropic", "anthropic", ("ANTHROPIC_API_KEY",)),
    _Provider("anthropic-bedrock:MODEL", "anthropic,aws", "anthropic", ("AWS_REGION",)),
    _Provider("anthropic-vertex:MODEL", "anthropic,gcp", "anthropic", ("ANTHROPIC_VERTEX_PROJECT_ID",)),
    _Provider("anthropic-foundry:MODEL", "anthropic", "anthropic", ("ANTHROPIC_FOUNDRY_API_KEY",)),
    _Provider("openai:MODEL", "openai", "openai", ("OPENAI_API_KEY",)),
    _Provider("azure-openai:DEPLOYMENT", "openai", "openai", ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT")),
    _Provider("google:MODEL", "google", "google.genai", ("GEMINI_API_KEY",)),
    _Provider("google-vertex:MODEL", "google", "google.genai", ("GOOGLE_CLOUD_PROJECT",)),
)


def models(name: str | None, *, as_json: bool) -> int:
    """List providers, or the prices of one model; returns the exit code."""
    from shared_agent.models import prices

    table = prices.price_table()
    if name is None:
        rows = [_Row(item.form, item.extra, _installed(item.module), item.unset()) for item in _PROVIDERS]
        if as_json:
            output.print_json(rows)
            return exits.COMPLETE
        for row in rows:
            needs = [] if row.installed else [f"pip install 'shared-agent[{row.extra}]'"]
            needs += [f"set {', '.join(row.missing)}"] if row.missing else []
            print(f"{row.name:26} {' and '.join(needs) or 'ready'}")
        print(f"\nprices: {table.source}, {table.date.isoformat()}; `shared-agent models MODEL` shows one")
        return exits.COMPLETE
    from shared_agent.models.estimate import context_window
    from shared_agent.spec.usage import Usage

    million = 1_000_000
    if name == "embedded":
        raise InputError("MODEL", "the embedded model has no price: it runs here", remedy="name a provider's model")
    try:
        prices.require_price(name)
    except InputError as error:
        raise InputError(
            "MODEL",
            error.message.removeprefix("model: "),
            remedy="write PROVIDER:MODEL as in the provider's documentation; `shared-agent models` lists the providers",
        ) from error
    rates = {
        "model": name,
        "input_usd_per_mtok": prices.price(name, Usage(input_tokens=million)),
        "cached_input_usd_per_mtok": prices.price(name, Usage(input_tokens=million, cached_input_tokens=million)),
        "output_usd_per_mtok": prices.price(name, Usage(output_tokens=million)),
        "context_window": context_window(name),
        "prices": f"{table.source}, {table.date.isoformat()}",
    }
    if as_json:
        output.print_json(rates)
    else:
        for key, value in rates.items():
            print(f"{key.replace('_', ' '):28} {value}")
    return exits.COMPLETE


@dataclass(frozen=True, slots=True)
class _Check:
    name: str
    ok: bool
    detail: str
    needed: bool = True


def doctor(home: Path, *, as_json: bool) -> int:
    """Check this machine; exit code 1 when something that every run needs is missing."""
    checks = [_python(), _writable(home), _attempt("state (SQLite)", _sqlite)]
    checks.append(_attempt("embedded model", _embedded, needed=False))
    checks.append(_attempt("embedded Valkey", _valkey, needed=False))
    for provider in _PROVIDERS[1:]:
        missing = provider.unset()
        installed = _installed(provider.module)
        detail = f"pip install 'shared-agent[{provider.extra}]'" if not installed else f"set {', '.join(missing)}"
        ok = installed and not missing
        checks.append(_Check(provider.form, ok, "ready" if ok else detail, needed=False))
    if as_json:
        output.print_json(checks)
    else:
        for check in checks:
            mark = "ok  " if check.ok else "MISS" if check.needed else "--  "
            print(f"{mark} {check.name:26} {check.detail}")
    return exits.FAILED if any(check.needed and not check.ok for check in checks) else exits.COMPLETE


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _python() -> _Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return _Check("Python", sys.version_info >= (3, 11), f"{version} (3.11 or newer is needed)")


def _writable(home: Path) -> _Check:
    from shared_agent.runtimes.local.preflight import check_folder

    try:
        check_folder("home", home, "choose another with --home")
    except InputError as error:
        return _Check("home folder", False, str(error))
    return _Check("home folder", True, f"{home}, {'there' if home.exists() else 'made by the first run'}")


def _attempt(name: str, check: Callable[[], str], *, needed: bool = True) -> _Check:
    try:
        return _Check(name, True, check(), needed)
    except SharedAgentError as error:
        return _Check(name, False, str(error), needed)


def _sqlite() -> str:
    import sqlite3

    from shared_agent.stores.sqlite import SqliteState

    with tempfile.TemporaryDirectory() as folder:
        SqliteState(Path(folder) / "state.db")
    return f"SQLite {sqlite3.sqlite_version}"


def _embedded() -> str:
    import asyncio

    from shared_agent.models import open_model

    async def embed() -> int:
        model = open_model("embedded")
        try:
            return len((await model.embed(["a short text"])).vectors[0])
        finally:
            await model.aclose()

    return f"works, {asyncio.run(embed())} dimensions, extractive, no key needed"


def _valkey() -> str:
    import asyncio

    from shared_agent.stores import open_state

    async def start(folder: str) -> None:
        state = open_state(f"valkey:///{folder}")
        await state.get("doctor")
        await state.aclose()

    with tempfile.TemporaryDirectory(prefix="sa-") as folder:
        asyncio.run(start(folder))
    return "starts"
