"""The built-in task kinds and the registry: what they ask, what they combine, and what they refuse before a start."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_agent.errors import InputError
from shared_agent.handlers import find, handler, kinds, register
from shared_agent.runtimes.local.home import Home
from shared_agent.runtimes.local.runtime import LocalRuntime
from shared_agent.runtimes.result import JobResult
from shared_agent.runtimes.submission import prepare
from shared_agent.spec.job import Job
from shared_agent.spec.settings import JobSettings
from tests.support.scripted_model import Script, scripted

TEXTS = [f"text {number} " + "x" * (number * 37 % 100) for number in range(12)]

LABELS = {"labels": ["bug", "idea"]}
SCHEMA = {"schema": {"type": "object", "properties": {"title": {"type": "string"}}}}


async def run(tmp_path: Path, script: Script, kind: str, options: dict[str, Any], **fields: Any) -> JobResult:
    job = Job.parse(
        {
            "kind": kind,
            "inputs": [{"text": text, "source": f"{number:02}.md"} for number, text in enumerate(TEXTS)],
            "options": options,
            "models": scripted(script),
            "reduce": {"group_size": 4},
            "output": {"dir": "out"},
        }
        | fields
    )
    return await LocalRuntime(home=Home(tmp_path / "home")).run(await prepare(job, tmp_path))


async def test_summaries_are_combined_in_input_order_under_a_name_that_spans_them(tmp_path: Path) -> None:
    script = Script()
    result = await run(tmp_path, script, "summarise", {"max_words": 50})
    assert result.status == "complete"
    assert result.value == " + ".join(TEXTS)
    combined = [request.purpose for request in script.requests if request.purpose.combine]
    assert len(combined) == 4
    final = max(combined, key=lambda purpose: len(purpose.passages[0].text))
    assert [passage.source for passage in final.passages] == ["00.md … 03.md", "04.md … 07.md", "08.md … 11.md"]
    assert {purpose.max_words for purpose in combined} == {50}


async def test_labels_are_tallied_without_further_calls(tmp_path: Path) -> None:
    def data(request: Any) -> Any:
        label = "bug" if request.purpose.text[5:7].strip() in ("1", "2", "11") else "idea"
        return {"label": label, "labels": [label], "scores": {label: 1.0}}

    script = Script(data=data)
    result = await run(tmp_path, script, "classify", LABELS)
    assert result.value == {"counts": {"idea": 9, "bug": 3}, "inputs": 12}
    assert script.calls == 12


async def test_extraction_keeps_one_row_an_input_and_reduces_nothing(tmp_path: Path) -> None:
    script = Script()
    result = await run(tmp_path, script, "extract", SCHEMA)
    assert (result.status, result.value, result.reduce_tasks, script.calls) == ("complete", None, 0, 12)
    assert (tmp_path / "out/outcomes.jsonl").read_text().count('"title"') == 12


async def test_the_judge_ranks_by_score_and_by_input_order_among_equals(tmp_path: Path) -> None:
    result = await run(tmp_path, Script(), "judge", {"question": "Which is longest?", "keep": 3})
    longest = sorted(range(12), key=lambda number: (-len(TEXTS[number]), number))[:3]
    assert [item["source"] for item in result.value["ranking"]] == [f"{number:02}.md" for number in longest]
    assert result.value["best"] == result.value["ranking"][0]
    tied = Script(data=lambda request: {"choice": 0, "scores": [0.5], "reason": ""})
    result = await run(tmp_path / "tied", tied, "judge", {"question": "Which?", "keep": 2})
    assert [item["source"] for item in result.value["ranking"]] == ["00.md", "01.md"]


async def test_an_answer_names_only_the_sources_it_stands_on(tmp_path: Path) -> None:
    def data(request: Any) -> Any:
        passages = request.purpose.passages
        if not request.purpose.combine:
            found = passages[0].source in ("03.md", "09.md")
            return {"answer": passages[0].text if found else "", "sources": [], "found": found}
        return {"answer": "both", "sources": [passage.source for passage in passages], "found": True}

    script = Script(data=data)
    result = await run(tmp_path, script, "answer", {"question": "Who?"})
    assert result.value["found"]
    assert (result.value["answer"], result.value["sources"]) == ("both", ["03.md", "09.md"])
    assert script.calls == 13, "groups with one finding or none need no call"
    nothing = Script(data=lambda request: {"answer": "", "sources": [], "found": False})
    result = await run(tmp_path / "nothing", nothing, "answer", {"question": "Who?"})
    assert (result.status, result.value["found"]) == ("complete", False)


@pytest.mark.parametrize(
    ("kind", "options", "field"),
    [
        ("summarise", {"max_words": 0}, "options.max_words"),
        ("summarise", {"max_words": True}, "options.max_words"),
        ("summarise", {"words": 3}, "options.words"),
        ("classify", {}, "options.labels"),
        ("classify", {"labels": ["a", "a"]}, "options.labels"),
        ("classify", {"labels": "bug"}, "options.labels"),
        ("classify", LABELS | {"examples": None}, "options.examples"),
        ("classify", LABELS | {"examples": 3}, "options.examples"),
        ("classify", LABELS | {"examples": [{"text": "x"}]}, "options.examples.0"),
        ("classify", LABELS | {"examples": ["x"]}, "options.examples.0"),
        ("classify", LABELS | {"examples": [{"text": "x", "label": "no"}]}, "options.examples.0.label"),
        ("extract", {}, "options.schema"),
        ("extract", {"schema": {"type": "array"}}, "options.schema"),
        ("answer", {}, "options.question"),
        ("answer", {"question": "  "}, "options.question"),
        ("judge", {"question": "q", "keep": 0}, "options.keep"),
        ("nonsense", {}, "kind"),
        ("missing.py:agent", {}, "kind"),
    ],
)
async def test_bad_options_name_their_field_and_start_nothing(
    tmp_path: Path, kind: str, options: dict[str, Any], field: str
) -> None:
    script = Script()
    with pytest.raises(InputError) as refused:
        await run(tmp_path, script, kind, options)
    assert refused.value.field == field
    assert refused.value.remedy
    assert script.calls == 0


AGENT = """
from shared_agent.handlers import handler
from {helper} import greeting

@handler("greet-{helper}")
async def greet(context, chunk):
    return (await context.complete(greeting(chunk.text))).text
"""


async def test_a_users_own_file_beside_the_job_is_a_kind_and_may_import_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "my_helper.py").write_text("def greeting(text):\n    return 'hello ' + text.split()[1]\n")
    (tmp_path / "agent.py").write_text(AGENT.format(helper="my_helper"))
    await run(tmp_path, Script(), "agent.py:greet-my_helper", {})
    assert '"HELLO 11"' in (tmp_path / "out/outcomes.jsonl").read_text()


@pytest.mark.parametrize("code", ["raise RuntimeError('boom')", "def broken(:", "import not_installed_anywhere", ""])
async def test_a_file_that_is_no_agent_is_refused_by_name(tmp_path: Path, code: str) -> None:
    (tmp_path / "agent.py").write_text(code)
    with pytest.raises(InputError) as refused:
        await run(tmp_path, Script(), "agent.py:mine", {})
    assert refused.value.field == "kind"


def test_registering_makes_a_kind_known_and_replaces_the_earlier_one() -> None:
    @handler("mine", calls="one")
    async def mine(context: Any, chunk: Any) -> Any:
        return None

    assert find("mine") is mine
    assert "mine" in kinds()

    async def reduce(context: Any, values: Any) -> Any:
        return values[0]

    register(mine.reduced_by(reduce))
    assert find("mine").reduce is reduce
    assert {"summarise", "extract", "classify", "answer", "judge"} <= set(kinds())


@given(
    labels=st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=2, unique=True), min_size=2, max_size=30),
    seed=st.integers(0, 999),
)
async def test_a_tally_does_not_depend_on_how_it_is_grouped(labels: list[list[str]], seed: int) -> None:
    kind = find("classify")
    assert kind.reduce is not None
    context: Any = None
    values = [kind.lifted({"labels": item}) for item in labels]
    cut = random.Random(seed).randrange(1, len(values))
    whole = await kind.reduce(context, values)
    parts = [await kind.reduce(context, values[:cut]), await kind.reduce(context, values[cut:])]
    assert await kind.reduce(context, parts) == whole
    assert whole["inputs"] == len(labels)


def test_the_planner_can_ask_what_the_model_will_be_asked() -> None:
    from shared_agent.spec.document import Chunk

    settings = JobSettings(job_id="j", kind="summarise", options={"max_words": 9})
    ask = find("summarise").ask_map
    assert ask is not None
    purpose: Any = ask(settings, Chunk(source="a.md", text="hi", part=1, parts=3))
    assert (purpose.passages[0].source, purpose.max_words) == ("a.md (part 2 of 3)", 9)
