"""The commands, their options and their help."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from shared_agent.cli import exits

app = typer.Typer(
    name="shared-agent",
    help="Run LLM work over thousands of documents in parallel: one job file, on a laptop or on AWS, Azure and GCP.",
    epilog=exits.EXPLAINED,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

JobFile = Annotated[Path, typer.Argument(help="The job file, YAML or JSON.", metavar="JOB.yaml")]
JobId = Annotated[str, typer.Argument(help="A job's id, as `run` and `status` print it.", metavar="JOB_ID")]
Inputs = Annotated[
    list[str] | None,
    typer.Option("--inputs", "-i", help="Files, folders, globs or URIs instead of the job's inputs (repeatable)."),
]
ModelName = Annotated[str | None, typer.Option("--model", "-m", help="This model in every role, such as embedded.")]
Concurrency = Annotated[int | None, typer.Option("--concurrency", "-c", help="At most so many tasks at once.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="The output folder; out/<job id> by default.")]
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


@app.command(epilog=exits.EXPLAINED)
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
    """Run a job here. The same job on the same inputs is never paid twice: it attaches, resumes or returns its result."""
    from shared_agent.cli import running

    changes = running.Changes(inputs=tuple(inputs or ()), model=model, concurrency=concurrency, out=out)
    place = running.Place(home=home, state=state)
    raise typer.Exit(running.run(job, changes, place, as_json=json, retry_failed=retry_failed))


@app.command()
def plan(
    job: JobFile,
    inputs: Inputs = None,
    model: ModelName = None,
    quota: Annotated[
        str | None,
        typer.Option(
            "--quota",
            help="REQUESTS,INPUT,OUTPUT tokens a minute to plan under, such as 50,50000,10000.",
            metavar="R,I,O",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Say what a job would do, before anything is spent: chunks, calls, tokens, USD, makespan under the quotas."""
    from shared_agent.cli import planning, running

    changes = running.Changes(inputs=tuple(inputs or ()))
    raise typer.Exit(planning.plan(job, changes, model=model, quota=quota, as_json=json))


@app.command()
def resume(
    job_id: JobId,
    home: HomeDir = DEFAULT_HOME,
    state: State = "",
    json: Json = False,
    retry_failed: RetryFailed = False,
) -> None:
    """Go on with a job that was cancelled, killed or stopped by its budget. Finished tasks are not run again."""
    from shared_agent.cli import running

    place = running.Place(home=home, state=state)
    raise typer.Exit(running.resume(job_id, place, as_json=json, retry_failed=retry_failed))


@app.command()
def status(
    job_id: Annotated[str | None, typer.Argument(help="One job; all of them by default.", metavar="[JOB_ID]")] = None,
    home: HomeDir = DEFAULT_HOME,
    state: State = "",
    json: Json = False,
) -> None:
    """Show the jobs known here, or how far one is."""
    from shared_agent.cli import jobs, running

    raise typer.Exit(jobs.status(job_id, running.Place(home=home, state=state), as_json=json))


@app.command()
def cancel(job_id: JobId, home: HomeDir = DEFAULT_HOME, state: State = "") -> None:
    """Stop a running job. What is finished stays; `resume` goes on from there."""
    from shared_agent.cli import jobs, running

    raise typer.Exit(jobs.cancel(job_id, running.Place(home=home, state=state)))


@app.command()
def report(job_id: JobId, home: HomeDir = DEFAULT_HOME, state: State = "", json: Json = False) -> None:
    """Report on a job: coverage, time, cost, slowest tasks, failures with their remedies."""
    from shared_agent.cli import jobs, running

    raise typer.Exit(jobs.report(job_id, running.Place(home=home, state=state), as_json=json))


@app.command()
def models(
    name: Annotated[str | None, typer.Argument(help="A model, for its prices.", metavar="[MODEL]")] = None,
    json: Json = False,
) -> None:
    """List the model providers and what each needs, or the prices of one model."""
    from shared_agent.cli import info

    raise typer.Exit(info.models(name, as_json=json))


@app.command()
def doctor(home: HomeDir = DEFAULT_HOME, json: Json = False) -> None:
    """Check what this machine has and say how to get what is missing."""
    from shared_agent.cli import info

    raise typer.Exit(info.doctor(home, as_json=json))


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
    with exits.no_traceback():
        result: Any = app(args=argv, standalone_mode=False)
        sys.exit(result if isinstance(result, int) else 0)
