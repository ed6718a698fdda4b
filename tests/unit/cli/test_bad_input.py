"""Bad input ends as one line on standard error that names the field and the remedy, exit code 2, and starts nothing.

The commands are forked from one process that has imported the command line, each in a folder of its own: so many would take
a minute otherwise.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from tests.unit.cli.conftest import AGENT, JOB

_FORKER = """
import gc, json, os, sys
from shared_agent.cli import app, info, jobs, main, planning, running
from shared_agent.handlers import kinds

from shared_agent.models.prices import price_table

kinds()
price_table()
gc.freeze()

def forked(folder, arguments):
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        for name, number in (("stdout", 1), ("stderr", 2)):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), number)
        sys.argv = ["shared-agent", *arguments]
        main()
    return child

children = {}
for folder, arguments in json.loads(sys.stdin.read()):
    children[forked(folder, arguments)] = folder
while children:
    child, status = os.wait()
    with open(os.path.join(children.pop(child), "code"), "w") as code:
        code.write(str(os.waitstatus_to_exitcode(status)))
"""

SUMMARISE = "kind: summarise\ninputs: docs\n"


@dataclass(frozen=True, slots=True)
class Case:
    """A command, the files it finds, and the line it must end with (a regular expression)."""

    arguments: str
    line: str
    files: dict[str, str | bytes]
    code: int = 2


def case(arguments: str, line: str, code: int = 2, **files: str | bytes) -> Case:
    return Case(arguments, line, {name.replace("__", "."): text for name, text in files.items()}, code)


RUN = "run job.yaml"
CASES = {
    "no such job file": case("run nope.yaml", r"job: there is no file 'nope.yaml' \(check the path\)"),
    "folder for a job file": case("run docs", r"job: cannot read 'docs': Is a directory"),
    "binary job file": case("run job.bin", r"job: job.bin is not UTF-8", job__bin=b"\xff\x00\x01"),
    "empty job file": case(RUN, r"job: job.yaml is empty \(give at least kind and inputs\)", job__yaml=""),
    "not YAML": case(RUN, r"job: job.yaml is not YAML: .*line 3", job__yaml="kind: summarise\ninputs: [docs\n"),
    "a list": case(RUN, r"job: is not a mapping of fields", job__yaml="- a\n"),
    "unknown field": case(
        RUN, r"concurency: is not a field \(did you mean 'concurrency'", job__yaml=JOB + "concurency: 4"
    ),
    "wrong value": case(RUN, r"concurrency: is 0 \(give at least 1\)", job__yaml=JOB.replace(": 2", ": 0")),
    "wrong value in a limit": case(
        RUN, r"limits\.x\S* .*above 0", job__yaml=JOB + "limits: [{name: x, requests_per_minute: -1}]"
    ),
    "unknown kind": case(
        RUN, r"kind: there is no task kind 'sumarise' \(use one of", job__yaml="kind: sumarise\ninputs: docs"
    ),
    "option missing": case(RUN, r"options.labels: needs at least two labels", job__yaml="kind: classify\ninputs: docs"),
    "agent file missing": case(
        RUN, r"kind: there is no file .*/nofile.py", job__yaml="kind: nofile.py:x\ninputs: docs"
    ),
    "agent without that name": case(
        RUN, r"kind: there is no task kind 'nope'", job__yaml="kind: agent.py:nope\ninputs: docs"
    ),
    "agent with a syntax error": case(RUN, r"kind: .*agent.py fails on import: SyntaxError", agent__py="def ("),
    "agent that ends the process": case(
        RUN, r"kind: .*agent.py fails on import: SystemExit", agent__py="raise SystemExit(3)"
    ),
    "unknown provider": case(
        RUN, r"models.map: unknown provider in 'foo:bar'", job__yaml=SUMMARISE + "models: foo:bar"
    ),
    "missing key": case(
        RUN,
        r"models.final: no API key for 'openai:gpt-5-mini' \(set OPENAI_API_KEY\)",
        job__yaml=SUMMARISE + "models: {final: 'openai:gpt-5-mini'}",
    ),
    "model option misspelt": case(
        RUN,
        r"model_options.openai:gpt-5-mini.options.regio: no such option \(did you mean 'region'",
        job__yaml=SUMMARISE + "models: openai:gpt-5-mini\nmodel_options: {'openai:gpt-5-mini': {options: {regio: x}}}",
    ),
    "empty model": case(f"{RUN} --model=", r"--model: is empty"),
    "no such input": case(f"{RUN} -i nowhere", r"inputs.0.path: there is no file or folder '.*nowhere'"),
    "empty folder": case(f"{RUN} -i empty", r"inputs.0.path: '.*empty' names no file to read"),
    "binary input": case(
        f"{RUN} -i data.bin", r"inputs.0.path: .*data.bin is a binary file", data__bin=b"\x00\x01" * 50
    ),
    "blank inputs": case(f"{RUN} -i blank.md", r"inputs: hold no text to work on", blank__md=" \n"),
    "home is a file": case(f"{RUN} --home agent.py", r"home: '.*agent.py' is a file, not a folder \(.*--home"),
    "output is a file": case(f"{RUN} --out agent.py/x", r"output.dir: '.*agent.py' is a file, not a folder \(.*--out"),
    "state of an unknown scheme": case(f"{RUN} --state foo://x", r"state: unknown scheme in 'foo://x' \(use memory"),
    "state that cannot be reached": case(
        f"{RUN} --state redis://127.0.0.1:1/0", r"cannot reach the state store", code=4
    ),
    "state that is no database": case(
        f"{RUN} --home data", r"cannot open the state file .*data/state.db: file is not a database", code=4
    ),
    "status of a broken home": case("status --home data", r"cannot open the state file", code=4),
    "resume without a home": case("resume nap-0", r"home: there are no jobs in .shared-agent \(run one first"),
    "cancel without a home": case("cancel nap-0", r"home: there are no jobs in .shared-agent"),
    "report without a home": case("report nap-0", r"home: there are no jobs in .shared-agent"),
    "no argument": case("run", r"Missing argument 'JOB.yaml' \(see `shared-agent run --help`\)"),
    "no such command": case("rnu job.yaml", r"No such command 'rnu'.*\(see `shared-agent --help`\)"),
    "no such option": case(f"{RUN} --concurency 3", r"No such option: --concurency .*--concurrency"),
    "option of a wrong type": case(f"{RUN} -c many", r"Invalid value for '--concurrency' / '-c'"),
    "plan: unknown provider": case("plan job.yaml -m foo", r"models.map: unknown provider in 'foo' \(write embedded,"),
    "plan: unknown model": case(
        "plan job.yaml -m openai:nope",
        r"models.map: no price is known for 'openai:nope' .*model_options: \{'openai:nope': \{prices:",
    ),
    "plan: two quotas": case("plan job.yaml --quota 1,2", r"--quota: is '1,2' \(give requests, input and output"),
    "plan: negative quota": case("plan job.yaml --quota 1,2,-3", r"--quota: is '1,2,-3'"),
    "plan: blank inputs": case("plan job.yaml -i blank.md", r"inputs: hold no text", blank__md=" \n"),
    "prices of an unknown model": case("models openai:nope", r"MODEL: no price is known for 'openai:nope'"),
}


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each case's folder, after its command has ended there."""
    folders: dict[str, Path] = {}
    for name, given in CASES.items():
        folder = folders[name] = tmp_path_factory.mktemp("case")
        (folder / "docs").mkdir()
        (folder / "empty").mkdir()
        (folder / "data").mkdir()
        (folder / "data" / "state.db").write_bytes(b"no database " * 500)
        for file, text in {"docs/a.md": "Some text.", "agent.py": AGENT, "job.yaml": JOB, **given.files}.items():
            (folder / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    kept = {name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_AUTH_TOKEN"))}
    subprocess.run(
        [sys.executable, "-c", _FORKER],
        input=msgspec.json.encode([(str(folders[name]), CASES[name].arguments.split()) for name in CASES]),
        env=kept | {"PYTHONPATH": str(Path(__file__).parents[3])},
        check=True,
        timeout=100,
    )
    return folders


@pytest.mark.parametrize("name", CASES)
def test_one_line_names_the_field_and_the_remedy_and_nothing_is_started(name: str, ends: dict[str, Path]) -> None:
    folder = ends[name]
    told = (folder / "stderr").read_text()
    assert told.count("\n") == 1, told
    assert re.match(f"shared-agent: {CASES[name].line}", told), told
    assert (folder / "code").read_text() == str(CASES[name].code)
    assert (folder / "stdout").read_text() == ""
    assert not (folder / ".shared-agent").exists()
    assert not (folder / "out").exists()
    assert not (folder / "runs.log").exists()
