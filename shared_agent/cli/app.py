"""The commands, their options and their help."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from shared_agent.cli import exits

_SUMMARY = "Run LLM work over thousands of documents in parallel: one job file, on a laptop or on AWS, Azure and GCP."
_START = """\
Start: write `job.yaml` with `kind: summarise` and `inputs: docs/`, then

`shared-agent plan job.yaml` (what it would cost), `shared-agent run job.yaml`"""

app = typer.Typer(
    name="shared-agent",
    help=_SUMMARY,
    epilog=f"{_START}\n\n{exits.EXPLAINED}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

JobFile = Annotated[Path, typer.Argument(help="The job file, YAML or JSON.", metavar="JOB.yaml")]
JobId = Annotated[str, typer.Argument(help="A job's id, as `run` and `status` print it.", metavar="JOB_ID")]
Inputs = Annotated[
    list[str] | None,
    typer.Option("--inputs", "-i", help="Files, folders, globs or URIs instead of the job's inputs (repeatable)."),
]
ModelName = Annotated[str | None, typer.Option("--model", "-m", help="This model in every role, such as embedded.")]
Concurrency = Annotated[int | None, typer.Option("--concurrency", "-c", help="At most so many tasks at once.")]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="The output folder; the job's, or out/JOB_ID, by default.")
]
HomeDir = Annotated[
    Path, typer.Option("--home", envvar="SHARED_AGENT_HOME", help="Where state and artifacts are kept.")
]
State = Annotated[
    str,
    typer.Option(
        "--state",
        envvar="SHARED_AGENT_STATE",
        help="Shared state elsewhere: valkey:///FOLDER, redis://HOST:6379/0, sqlite:///PATH.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, and no progress.")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Run the tasks that failed once more.")]

DEFAULT_HOME = Path(".shared-agent")


def _example(*commands: str, exit_codes: bool = False) -> str:
    shown = "\n\n".join(f"`{command}`" for command in commands)
    return f"Example{'s' if len(commands) > 1 else ''}:\n\n{shown}" + (f"\n\n{exits.EXPLAINED}" if exit_codes else "")


def _end(command: Callable[[], int]) -> None:
    raise typer.Exit(exits.guarded(command))


@app.command(
    epilog=_example(
        "shared-agent run examples/summarise_folder/job.yaml",
        "shared-agent run job.yaml -i notes/ -i 'more/**/*.md' --out out/notes",
        "shared-agent run job.yaml --json | jq .status",
        exit_codes=True,
    )
)
def run(
    job: JobFile,
    inputs: Inputs = None,
    model: ModelName = None,
    concurrency: Concurrency = None,
    out: Out = None,
    home: HomeDir = DEFAULT_HOME,
    state: State = "",
    json: Json = False,
    retry_failed: RetryFailed = False,
) -> None:
    """Run a job here. The same job on the same inputs is never paid twice: it attaches, resumes or returns its result.

    The smallest job file has two lines, `kind: summarise` and `inputs: docs/`. Ctrl-C stops a run in order and prints how
    to go on; a second Ctrl-C ends the process at once.
    """

    def command() -> int:
        from shared_agent.cli import running
        from shared_agent.cli.place import Changes, Place

        changes = Changes(inputs=tuple(inputs or ()), model=model, concurrency=concurrency, out=out)
        return running.run(job, changes, Place(home=home, state=state), as_json=json, retry_failed=retry_failed)

    _end(command)


@app.command(
    epilog=_example(
        "shared-agent plan job.yaml",
        "shared-agent plan job.yaml --model anthropic:claude-haiku-4-5 --quota 50,50000,10000",
    )
)
def plan(
    job: JobFile,
    inputs: Inputs = None,
    model: ModelName = None,
    concurrency: Concurrency = None,
    quota: Annotated[
        str | None,
        typer.Option(
            "--quota",
            help="Requests, input and output tokens a minute to plan under instead of the job's limits, such as "
            "50,50000,10000; one left empty is not limited.",
            metavar="R,I,O",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Say what a job would do, before anything is spent: chunks, calls, tokens, USD, makespan under the quotas.

    Reads the inputs; opens no model, needs no key, and sends nothing.
    """

    def command() -> int:
        from shared_agent.cli import planning
        from shared_agent.cli.place import Changes

        changes = Changes(inputs=tuple(inputs or ()), concurrency=concurrency)
        return planning.plan(job, changes, model=model, quota=quota, as_json=json)

    _end(command)


@app.command(
    epilog=_example(
        "shared-agent resume licence-review-3f2a9c01d4e5",
        "shared-agent resume licence-review-3f2a9c01d4e5 --retry-failed",
        exit_codes=True,
    )
)
def resume(
    job_id: JobId,
    home: HomeDir = DEFAULT_HOME,
    state: State = "",
    json: Json = False,
    retry_failed: RetryFailed = False,
) -> None:
    """Go on with a job that was cancelled, killed or stopped by its budget. Finished tasks are not run again."""

    def command() -> int:
        from shared_agent.cli import running
        from shared_agent.cli.place import Place

        return running.resume(job_id, Place(home=home, state=state), as_json=json, retry_failed=retry_failed)

    _end(command)


@app.command(epilog=_example("shared-agent status", "shared-agent status licence-review-3f2a9c01d4e5 --json"))
def status(
    job_id: Annotated[str | None, typer.Argument(help="One job; all of them by default.", metavar="JOB_ID")] = None,
    home: HomeDir = DEFAULT_HOME,
    state: State = "",
    json: Json = False,
) -> None:
    """Show the jobs known here, or how far one is."""

    def command() -> int:
        from shared_agent.cli import jobs
        from shared_agent.cli.place import Place

        return jobs.status(job_id, Place(home=home, state=state), as_json=json)

    _end(command)


@app.command(epilog=_example("shared-agent cancel licence-review-3f2a9c01d4e5"))
def cancel(job_id: JobId, home: HomeDir = DEFAULT_HOME, state: State = "") -> None:
    """Stop a job that runs in another process. What is finished stays; `resume` goes on from there."""

    def command() -> int:
        from shared_agent.cli import jobs
        from shared_agent.cli.place import Place

        return jobs.cancel(job_id, Place(home=home, state=state))

    _end(command)


@app.command(
    epilog=_example(
        "shared-agent report licence-review-3f2a9c01d4e5",
        "shared-agent report licence-review-3f2a9c01d4e5 --json | jq .report.failures",
    )
)
def report(job_id: JobId, home: HomeDir = DEFAULT_HOME, state: State = "", json: Json = False) -> None:
    """Report on a job: coverage, time, cost, slowest tasks, failures with their remedies.

    The same is written to `report.txt` and `report.json` in the output folder when a run ends.
    """

    def command() -> int:
        from shared_agent.cli import jobs
        from shared_agent.cli.place import Place

        return jobs.report(job_id, Place(home=home, state=state), as_json=json)

    _end(command)


@app.command(epilog=_example("shared-agent models", "shared-agent models anthropic:claude-haiku-4-5"))
def models(
    name: Annotated[str | None, typer.Argument(help="A model, for its prices.", metavar="MODEL")] = None,
    json: Json = False,
) -> None:
    """List the model providers and what each needs, or the prices of one model."""

    def command() -> int:
        from shared_agent.cli import info

        return info.models(name, as_json=json)

    _end(command)


@app.command(epilog=_example("shared-agent doctor"))
def doctor(home: HomeDir = DEFAULT_HOME, json: Json = False) -> None:
    """Check what this machine has and say how to get what is missing."""

    def command() -> int:
        from shared_agent.cli import info

        return info.doctor(home, as_json=json)

    _end(command)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"shared-agent {version('shared-agent')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Run LLM work over thousands of documents in parallel: one job file, on a laptop or on AWS, Azure and GCP."""


def run_app(argv: list[str] | None = None) -> None:
    """Run the command line; ends the process with an exit code."""
    sys.exit(exits.guarded(lambda: app(args=argv, standalone_mode=False)))
