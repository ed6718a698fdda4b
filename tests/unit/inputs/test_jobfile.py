"""Job files: YAML or JSON, and one line for whatever is wrong with one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from shared_agent.errors import InputError
from shared_agent.inputs.jobfile import load_job
from shared_agent.spec.job import Input

GOOD = """
kind: summarise
inputs: docs/
limits: [&a {name: a, requests_per_minute: 60}]
completion: {<<: {deadline_s: 5}, min_coverage: 0.9}
"""


@pytest.mark.parametrize("name", ["job.yaml", "job.yml", "job.json", "job"])
def test_a_job_is_read_from_yaml_or_json(tmp_path: Path, name: str) -> None:
    data = {"kind": "summarise", "inputs": "docs/"}
    file = tmp_path / name
    file.write_text(json.dumps(data) if name.endswith("json") else GOOD, encoding="utf-8-sig")
    job, base = load_job(file)
    assert job.inputs == (Input(path="docs/"),)
    assert base == tmp_path.resolve()


BAD = [
    ("job.yaml", "", "job: {file} is empty (give at least kind and inputs)"),
    ("job.json", " ", "job: {file} is empty (give at least kind and inputs)"),
    ("job.yaml", "just words", "job: is not a mapping of fields (see `shared-agent run --help` for an example)"),
    (
        "job.yaml",
        "kind: a\ninputs: [b\nname: c\n",
        "job: {file} is not YAML: did not find expected ',' or ']' (line 3, column 5) (correct that line)",
    ),
    ("job.yaml", "kind: a\nname: b\nkind: c\n", "job: {file} gives 'kind' twice (line 3) (keep one of them)"),
    ("job.yaml", "a: {b: 1, b: 2}", "job: {file} gives 'b' twice (line 1) (keep one of them)"),
    (
        "job.json",
        '{"kind": "a"\n"name": "b"}',
        "job: {file} is not JSON: Expecting ',' delimiter (line 2, column 1) (correct that line)",
    ),
    ("job.json", '{"a": {"b": 1, "b": 2}}', "job: {file} gives 'b' twice in one place (keep one of them)"),
    ("job.yaml", "kind: !!python/object/apply:os.system [ls]", "job: {file} is not YAML: could not determine a constr"),
    ("job.yaml", "kind: \x00", "job: {file} is not YAML: "),
    ("job.yaml", "kind: a\ninput: b\n", "input: is not a field (did you mean 'inputs'?)"),
]


@pytest.mark.parametrize(("name", "text", "line"), BAD, ids=[f"{name} {text[:20]!r}" for name, text, _ in BAD])
def test_a_bad_file_is_one_line_with_the_remedy(tmp_path: Path, name: str, text: str, line: str) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(InputError) as refused:
        load_job(file)
    message = str(refused.value)
    assert message.startswith(line.format(file=file))
    assert "\n" not in message


def test_a_file_that_is_not_there_or_not_a_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^job: there is no file 'nowhere\.yaml' \(check the path\)$"):
        load_job("nowhere.yaml")
    with pytest.raises(InputError, match=r"^job: cannot read .*Is a directory \(name a file\)$"):
        load_job(tmp_path)
    (tmp_path / "job.yaml").write_bytes(b"kind: caf\xe9")
    with pytest.raises(InputError, match=r"is not UTF-8 at byte 9 \(save it as UTF-8\)$"):
        load_job(tmp_path / "job.yaml")


def test_reading_inputs_loads_neither_pydantic_nor_the_converters() -> None:
    heavy = ["pydantic", "markitdown", "obstore", "nupunkt", "semantic_text_splitter", "charset_normalizer", "yaml"]
    code = (
        "import sys, shared_agent.inputs, shared_agent.spec.chunking\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
