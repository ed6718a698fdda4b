"""Ctrl-C, SIGTERM and SIGKILL at every stage; what another process can see and do meanwhile."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import Any

import pytest

from tests.unit.cli.conftest import FIRST, ended


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_asked_to_end_says_how_to_go_on_and_resume_repeats_nothing(desk: Any, number: int) -> None:
    process = desk.start("run", "job.yaml", GATE="shut")
    desk.wait_at_the_gate()
    code, out, err = ended(process, number)
    assert code == 130
    assert "cancelling: claims are given back" in err
    assert ": cancelled; 5 of 8 inputs are missing" in out
    assert f"go on     shared-agent resume {desk.job_id()}" in out

    resumed = desk.run("resume", desk.job_id())
    assert resumed.returncode == 0
    assert "8 of 8 tasks succeeded" in resumed.stdout
    assert "3 tasks were already done and not run again" in resumed.stdout
    assert set(FIRST).isdisjoint(desk.worked_on()[5:])


def test_json_of_a_cancelled_run_is_still_one_document(desk: Any) -> None:
    process = desk.start("run", "job.yaml", "--json", GATE="shut")
    desk.wait_at_the_gate()
    code, out, _ = ended(process, signal.SIGINT)
    assert code == 130
    assert json.loads(out)["status"] == "cancelled"


def test_a_second_interrupt_ends_a_run_whose_agent_holds_up_everything(desk: Any) -> None:
    agent = (desk.folder / "agent.py").read_text()
    desk.write("agent.py", agent.replace("await asyncio.sleep", "__import__('time').sleep").replace("0.02", "60"))
    process = desk.start("run", "job.yaml", GATE="shut")
    desk.wait_until(lambda: len(desk.worked_on()) == 4)
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.5)
    assert ended(process, signal.SIGINT)[0] == 130


def test_a_thread_that_an_agent_left_behind_is_not_waited_for(desk: Any) -> None:
    agent = (desk.folder / "agent.py").read_text()
    desk.write("agent.py", agent.replace("asyncio.sleep(0.02)", "asyncio.to_thread(__import__('time').sleep, 60)"))
    process = desk.start("run", "job.yaml", GATE="shut")
    desk.wait_at_the_gate()
    code, out, _ = ended(process, signal.SIGINT)
    assert code == 130
    assert "shared-agent resume" in out


def test_an_interrupt_while_the_inputs_are_read_starts_nothing(desk: Any) -> None:
    desk.write("docs/large.md", "A sentence of a long document. " * 1_500_000)
    desk.write("agent.py", (desk.folder / "agent.py").read_text() + "\nopen('imported', 'w').close()\n")
    process = desk.start("run", "job.yaml")
    desk.wait_until((desk.folder / "imported").exists)
    code, out, err = ended(process, signal.SIGINT)
    assert (code, out) == (130, "")
    assert err == "cancelled while the inputs were being read: nothing was started\n"
    assert not (desk.folder / ".shared-agent").exists()
    assert not (desk.folder / "out").exists()


def test_an_interrupt_of_a_plan_ends_it_at_once_without_a_word(desk: Any) -> None:
    desk.write("agent.py", "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n")
    planned = desk.run("plan", "job.yaml")
    assert (planned.returncode, planned.stdout, planned.stderr) == (130, "", "")


def test_resume_after_a_kill_repeats_only_what_was_in_flight(desk: Any) -> None:
    process = desk.start("run", "job.yaml", GATE="shut")
    desk.wait_at_the_gate()
    in_flight = desk.worked_on()[3:]
    process.kill()
    process.communicate()
    resumed = desk.run("resume", desk.job_id())
    assert resumed.returncode == 0
    assert "8 of 8 tasks succeeded" in resumed.stdout
    again = desk.worked_on()[5:]
    assert set(FIRST).isdisjoint(again)
    assert set(in_flight) < set(again)


def test_the_same_job_in_a_second_process_follows_the_first(desk: Any) -> None:
    first = desk.start("run", "job.yaml", GATE="shut")
    desk.wait_at_the_gate()
    second = desk.start("run", "job.yaml")
    assert second.stderr is not None
    assert "is already running in another process; following it" in second.stderr.readline()
    assert "3/8 done · 0 failed · 2 in flight" in second.stderr.readline()
    desk.open_gate()
    code, out, _ = ended(second)
    assert code == 0
    assert "nothing was run or paid here" in out
    assert ended(first)[0] == 0
    assert len(desk.worked_on()) == 8


def test_an_interrupt_of_a_follower_leaves_the_run_alone(desk: Any) -> None:
    first = desk.start("run", "job.yaml", GATE="shut")
    desk.wait_at_the_gate()
    second = desk.start("run", "job.yaml")
    assert second.stderr is not None
    assert "following it" in second.stderr.readline()
    code, _, err = ended(second, signal.SIGINT)
    assert code == 130
    assert "no longer following" in err
    desk.open_gate()
    assert ended(first)[0] == 0


def test_another_process_sees_a_run_and_cancels_it(desk: Any) -> None:
    process = desk.start("run", "job.yaml", GATE="shut")
    desk.wait_at_the_gate()
    job_id = desk.job_id()
    seen = desk.run("status", job_id).stdout
    assert f"{job_id}: running" in seen
    assert "3 of 8 done · 0 failed · 2 in flight" in seen
    asked = desk.run("cancel", job_id)
    assert asked.returncode == 0
    assert "cancellation requested" in asked.stdout
    code, out, _ = ended(process)
    assert code == 130
    assert f"shared-agent resume {job_id}" in out
    assert "is not running, it has ended as cancelled" in desk.run("cancel", job_id).stdout
