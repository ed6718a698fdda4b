"""Ctrl-C, SIGTERM and SIGKILL at every stage; what another process can see and do meanwhile."""

from __future__ import annotations

import signal
from collections import Counter
from typing import Any

import pytest

from tests.unit.cli.conftest import ended


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_asked_to_end_says_how_to_go_on_and_resume_repeats_nothing(desk: Any, number: int) -> None:
    process = desk.start("run", "job.yaml", NAP="0.3")
    desk.wait_until_some_are_done()
    code, out, err = ended(process, number)
    assert code == 130
    assert "cancelling: claims are given back" in err
    job_id = desk.job_id()
    assert f"go on     shared-agent resume {job_id}" in out
    before = desk.worked_on()
    finished = set(desk.worked_on()[:-2])  # two at once: all but the last two had ended

    resumed = desk.run("resume", job_id)
    assert resumed.returncode == 0
    assert "8 of 8 tasks succeeded" in resumed.stdout
    assert finished.isdisjoint(desk.worked_on()[len(before) :])


def test_json_of_a_cancelled_run_is_still_one_document(desk: Any) -> None:
    process = desk.start("run", "job.yaml", "--json", NAP="0.3")
    desk.wait_until_some_are_done()
    code, out, _ = ended(process, signal.SIGINT)
    assert code == 130
    assert out.count("\n") == 1
    assert '"status":"cancelled"' in out


def test_a_second_interrupt_ends_a_run_whose_agent_does_not_let_go(desk: Any) -> None:
    desk.write(
        "agent.py", (desk.folder / "agent.py").read_text().replace("await asyncio.sleep", "__import__('time').sleep")
    )
    process = desk.start("run", "job.yaml", NAP="25")
    desk.wait_until(lambda: bool(desk.worked_on()))
    process.send_signal(signal.SIGINT)
    with pytest.raises(Exception, match="timed out"):
        process.communicate(timeout=0.5)
    code, _, _ = ended(process, signal.SIGINT)
    assert code == 130


def test_a_thread_that_an_agent_left_behind_is_not_waited_for(desk: Any) -> None:
    threaded = "await asyncio.to_thread(__import__('time').sleep, "
    desk.write("agent.py", (desk.folder / "agent.py").read_text().replace("await asyncio.sleep(", threaded))
    process = desk.start("run", "job.yaml", NAP="60")
    desk.wait_until(lambda: bool(desk.worked_on()))
    code, out, _ = ended(process, signal.SIGINT)
    assert code == 130
    assert "shared-agent resume" in out


def test_an_interrupt_while_the_inputs_are_read_starts_nothing(desk: Any) -> None:
    (desk.folder / "docs" / "large.md").write_text("A sentence of a long document. " * 1_500_000)
    desk.write("agent.py", (desk.folder / "agent.py").read_text() + "\nopen('imported', 'w').close()\n")
    process = desk.start("run", "job.yaml")
    desk.wait_until((desk.folder / "imported").exists)
    desk.wait_until(lambda: desk.folder.joinpath("imported").exists())
    code, out, err = ended(process, signal.SIGINT)
    assert (code, out) == (130, "")
    assert err in {"", "cancelled while the inputs were being read: nothing was started\n"}
    assert not (desk.folder / ".shared-agent").exists()
    assert not (desk.folder / "out").exists()


def test_an_interrupt_while_the_agent_is_imported_ends_at_once(desk: Any) -> None:
    desk.write("agent.py", "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n")
    planned = desk.run("plan", "job.yaml")
    assert (planned.returncode, planned.stdout, planned.stderr) == (130, "", "")
    run = desk.run("run", "job.yaml")
    assert run.returncode == 130
    assert not (desk.folder / ".shared-agent").exists()


def test_resume_after_a_kill_repeats_only_what_was_in_flight(desk: Any) -> None:
    process = desk.start("run", "job.yaml", NAP="0.3")
    desk.wait_until_some_are_done(4)
    process.kill()
    process.communicate()
    resumed = desk.run("resume", desk.job_id())
    assert resumed.returncode == 0
    assert "8 of 8 tasks succeeded" in resumed.stdout
    repeated = Counter(desk.worked_on())
    assert sum(repeated.values()) - 8 <= 2


def test_the_same_job_in_a_second_process_follows_the_first(desk: Any) -> None:
    first = desk.start("run", "job.yaml", NAP="0.4")
    desk.wait_until_some_are_done(0)
    second = desk.run("run", "job.yaml")
    assert second.returncode == 0
    assert "is already running in another process; following it" in second.stderr
    assert "/8 done" in second.stderr
    assert "nothing was run or paid here" in second.stdout
    assert ended(first)[0] == 0
    assert len(desk.worked_on()) == 8


def test_an_interrupt_of_a_follower_leaves_the_run_alone(desk: Any) -> None:
    first = desk.start("run", "job.yaml", NAP="0.7")
    desk.wait_until_some_are_done(0)
    second = desk.start("run", "job.yaml")
    assert second.stderr is not None
    assert "following it" in second.stderr.readline()
    code, _, err = ended(second, signal.SIGINT)
    assert code == 130
    assert "no longer following" in err
    assert ended(first)[0] == 0


def test_cancel_from_another_process_ends_a_run_in_order(desk: Any) -> None:
    process = desk.start("run", "job.yaml", NAP="0.4")
    desk.wait_until_some_are_done()
    (job,) = desk.json("status")
    assert job["state"] == "running"
    assert f"{job['job_id']}: running" in desk.run("status", job["job_id"]).stdout
    asked = desk.run("cancel", job["job_id"])
    assert asked.returncode == 0
    assert "cancellation requested" in asked.stdout
    code, out, _ = ended(process)
    assert code == 130
    assert "shared-agent resume" in out
    assert "is not running, it has ended as cancelled" in desk.run("cancel", job["job_id"]).stdout
