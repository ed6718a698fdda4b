"""``run``, ``resume`` and ``report`` as a user meets them."""

from __future__ import annotations

import json
import shutil
from typing import Any

OUTPUTS = ("report.txt", "report.json", "outcomes.jsonl", "summary.json")


def test_a_run_says_what_it_did_and_the_same_job_again_that_nothing_was_run(desk: Any) -> None:
    done = desk.run("run", "job.yaml")
    job_id = desk.job_id()
    assert done.returncode == 0
    assert f"{job_id}: complete\n" in done.stdout
    assert "8 of 8 tasks succeeded" in done.stdout
    for name in OUTPUTS:
        assert f"  written   out/{job_id}/{name}\n" in done.stdout
        assert (desk.folder / "out" / job_id / name).stat().st_size
    assert f"shared-agent report {job_id}" in done.stdout
    assert "nap: 8/8 done · 0 failed · 0 in flight" in done.stderr

    shutil.rmtree(desk.folder / "out")
    again = desk.run("run", "job.yaml", "--out", "elsewhere")
    assert again.returncode == 0
    assert again.stderr == ""
    assert "nothing was run or paid now" in again.stdout
    assert "  written   elsewhere/report.txt\n" in again.stdout
    assert sorted(path.name for path in (desk.folder / "elsewhere").iterdir()) == sorted(OUTPUTS)
    assert len(desk.worked_on()) == 8


def test_json_is_the_only_thing_on_standard_output_whatever_the_agent_prints(desk: Any) -> None:
    done = desk.run("run", "job.yaml", "--json")
    result = json.loads(done.stdout)
    assert done.stdout.count("\n") == 1
    assert result["status"] == "complete"
    assert all(path.startswith(str(desk.folder / "out")) for path in result["outputs"])
    assert {line.partition(" docs")[0] for line in done.stderr.splitlines()} == {"the agent prints"}


def test_a_partial_result_is_labelled_reported_and_completed_with_a_mended_agent(desk: Any) -> None:
    done = desk.run("run", "job.yaml", FAILS="docs/d1.md docs/d2.md")
    job_id = desk.job_id()
    assert done.returncode == 3
    assert ": incomplete; 2 of 8 inputs are missing: docs/d1.md (failed: ValueError: cannot nap here)" in done.stdout
    assert f"shared-agent resume {job_id} --retry-failed" in done.stdout
    assert "2 failed" in done.stderr

    printed = desk.run("report", job_id).stdout
    written = (desk.folder / "out" / job_id / "report.txt").read_text()
    assert written.partition("  stage")[2].strip() == printed.partition("  stage")[2].strip()
    assert "2 x handler: ValueError: cannot nap here" in written
    assert "such as docs/d1.md, docs/d2.md" in written
    as_json = desk.json("report", job_id)
    assert as_json == json.loads((desk.folder / "out" / job_id / "report.json").read_text())
    assert as_json["report"]["failures"][0]["count"] == 2

    desk.write("agent.py", (desk.folder / "agent.py").read_text() + "\n# mended\n")
    resumed = desk.run("resume", job_id, "--retry-failed")
    assert resumed.returncode == 0
    assert "6 tasks were already done and not run again" in resumed.stdout
    assert sorted(desk.worked_on()[8:]) == ["docs/d1.md", "docs/d2.md"]


def test_a_failed_job_ends_with_1_and_resume_refuses_inputs_that_have_changed(desk: Any) -> None:
    desk.write("job.yaml", (desk.folder / "job.yaml").read_text() + "completion: {tolerated_failure_count: 0}\n")
    done = desk.run("run", "job.yaml", FAILS="docs/d1.md")
    assert done.returncode == 1
    assert ": failed; " in done.stdout
    assert f"go on     shared-agent resume {desk.job_id()}\n" in done.stdout

    desk.write("docs/d1.md", "Something else.")
    refused = desk.run("resume", desk.job_id())
    assert refused.returncode == 2
    assert "inputs: have changed since" in refused.stderr


def test_a_home_elsewhere_is_part_of_what_to_type_next(desk: Any) -> None:
    done = desk.run("run", "job.yaml", "--home", "else where")
    assert "--home 'else where'\n" in done.stdout
    assert not (desk.folder / ".shared-agent").exists()
