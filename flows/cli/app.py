"""The command line: `leeway COMMAND PROJECT`; every error is one clear paragraph and a non-zero exit."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from flows.cli.run_app import Project, Reason, run_app
from tasks.errors import Error

FAILED = 1

app = typer.Typer(
    help="Leeway keeps models in production honest: nightly checks, drift measured, retraining proven and approved.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(run_app, name="run")
doctor_app = typer.Typer(invoke_without_command=True)
app.add_typer(doctor_app, name="doctor")


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Read the options that every command shares."""
    if debug:
        os.environ["LEEWAY_DEBUG"] = "1"


@app.command()
def init(
    data: Annotated[Path, typer.Argument(help="A csv or Parquet file, or a folder of them.")],
    time: Annotated[str, typer.Option("--time", help="The column that says when a row happened.")],
    label: Annotated[str, typer.Option("--label", help="The column to predict.")],
    id_columns: Annotated[
        list[str] | None, typer.Option("--id", help="The column (repeat for several) that names a row.")
    ] = None,
    project: Annotated[str | None, typer.Option("--project", help="Its name. [default: from the file's name]")] = None,
) -> None:
    """Read your data and write a spec and an expectations suite that pass on it."""
    from flows.cli.init.command import init_project

    wrong = init_project(data, time=time, label=label, id_columns=id_columns, project=project)
    raise typer.Exit(FAILED if wrong else 0)


@app.command()
def check(project: Project) -> None:
    """Say all that is wrong with a project's spec, contract and source at once."""
    from flows.cli.commands.data.check import check_project

    raise typer.Exit(FAILED if check_project(project) else 0)


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the servers and the data.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End what --keep left, and remove it.")] = False,
    incident: Annotated[
        str | None,
        typer.Option("--incident", help="Only show what the policy makes of one: null-burst, ... or `list`."),
    ] = None,
) -> None:
    """Show a model's whole life on real data: the King County house sales, in a few minutes."""
    if incident is not None:
        from flows.cli.commands.nights.incident import show_incident

        show_incident(incident)
        return
    from flows.demo.run_demo import run_demo, stop_demo

    if stop:
        stop_demo()
        return
    run_demo(keep=keep)


@app.command()
def up(
    host: Annotated[
        str, typer.Option("--host", help="The address to listen on; any but 127.0.0.1 is open to others.")
    ] = "127.0.0.1",
) -> None:
    """Start the local stack: Prefect, MLflow, a worker, every project deployed and scheduled. Ctrl-C stops it."""
    from flows.cli.commands.machine.up import run_stack

    run_stack(host)


@app.command()
def status(project: Annotated[str | None, typer.Argument(help="A project; all of them when left out.")] = None) -> None:
    """Show each project's champion and its age, the last decision, and what waits for a person."""
    from flows.cli.commands.nights.status import show_status

    show_status(project)


@app.command()
def why(
    project: Project,
    date: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The night, YYYY-MM-DD.")],
    again: Annotated[
        bool, typer.Option("--again", help="Decide it once more from what is stored, and compare.")
    ] = False,
) -> None:
    """Show why a night was decided as it was: every question, its answer, and the numbers."""
    from flows.cli.commands.nights.why import decide_again, show_why

    show_why(project, date.date())
    if again and not decide_again(project, date.date()):
        raise typer.Exit(FAILED)


@app.command()
def replay(
    project: Project,
    policy: Annotated[
        list[Path] | None, typer.Option("--policy", help="Another project.yaml whose policy is tried too; repeatable.")
    ] = None,
    begin: Annotated[
        datetime | None,
        typer.Option("--begin", formats=["%Y-%m-%d"], help="First model's night. [default: when 40 % has landed]"),
    ] = None,
    beside: Annotated[
        str, typer.Option(help="What to compare with: never, monthly, nightly, by commas; empty for nothing.")
    ] = "never,monthly,nightly",
) -> None:
    """Replay the policy on the project's own history: alarms, retrainings, error and cost as they would have been."""
    from flows.cli.commands.nights.replay import replay_policy

    habits = ["policy", *(each.strip() for each in beside.split(",") if each.strip())]
    replay_policy(project, policy or [], begin.date() if begin else None, habits)


@app.command()
def release(
    project: Project,
    batch: Annotated[str, typer.Argument(help="The file's name, or the first characters of the batch's id.")],
    reason: Reason = "by hand",
) -> None:
    """Let a quarantined batch in after a person has looked at it."""
    from flows.cli.commands.data.release_batch import release_quarantined

    release_quarantined(project, batch, reason)


Version = Annotated[int | None, typer.Option("--version", help="Its number. [default: the one that waits]")]


@app.command()
def approve(project: Project, version: Version = None, reason: Reason = "by hand") -> None:
    """Approve the challenger: it becomes champion if its evidence still holds."""
    from flows.cli.commands.models.answer_challenger import answer_challenger

    answer_challenger(project, version, "approved", reason)


@app.command()
def reject(project: Project, version: Version = None, reason: Reason = "by hand") -> None:
    """Reject the challenger: it never becomes champion."""
    from flows.cli.commands.models.answer_challenger import answer_challenger

    answer_challenger(project, version, "rejected", reason)


@app.command()
def reproduce(
    project: Project, version: Annotated[int, typer.Argument(help="The version's number in the registry.")]
) -> None:
    """Train a version again from what it wrote down, and say whether it is the same model."""
    from flows.cli.commands.models.reproduce import reproduce_version

    raise typer.Exit(0 if reproduce_version(project, version) else FAILED)


@app.command()
def review(
    project: Project,
    out: Annotated[Path | None, typer.Option("--out", help="Write them to this csv, with an empty label.")] = None,
    take: Annotated[Path | None, typer.Option("--take", help="Read a csv back, its labels filled in.")] = None,
) -> None:
    """Show the rows that the model left to people; take back what people decided as labels."""
    from flows.cli.commands.data.review import review_queue

    review_queue(project, out, take)


@app.command()
def rollback(project: Project, reason: Reason = "by hand") -> None:
    """Put the previous champion back and bar the current one."""
    from flows.cli.commands.models.roll_back import roll_back

    roll_back(project, reason)


@app.command()
def upkeep(
    project: Project,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Compact a project's tables; remove what nothing counts and what is past its retention."""
    from flows.cli.commands.machine.run_upkeep import keep_up_now

    keep_up_now(project, dry_run=dry_run)


@app.command()
def docs(
    project: Project, out: Annotated[Path | None, typer.Option("--out", help="Where to. [default: in the home]")] = None
) -> None:
    """Build Great Expectations' Data Docs of the last night's rows."""
    from flows.cli.commands.data.build_docs import docs as build

    build(project, out)


@doctor_app.callback()
def doctor(context: typer.Context) -> None:
    """Check this machine: Python, packages, disk, ports, servers and projects; with `s3`, a store."""
    if context.invoked_subcommand is None:
        from flows.cli.commands.machine.doctor import examine_machine

        raise typer.Exit(FAILED if examine_machine() else 0)


@doctor_app.command("s3")
def doctor_s3(
    uri: Annotated[str, typer.Argument(help="s3://bucket/prefix; tried below it, and removed again.")],
    endpoint: Annotated[str | None, typer.Option(help="Address of an S3-compatible store.")] = None,
    addressing: Annotated[
        Literal["auto", "path", "virtual"], typer.Option(help="Where the bucket stands in a request.")
    ] = "auto",
) -> None:
    """Try what Leeway relies on in a store, and name what it lacks."""
    from flows.cli.commands.machine.doctor import examine_store

    raise typer.Exit(FAILED if examine_store(uri, endpoint, addressing) else 0)


def main() -> None:
    """Run the command line; an error is told in a paragraph, never as a traceback, unless --debug is given.

    An interrupt ends it with 130, by typer's own hand.
    """
    try:
        app()
    except Exception as error:
        if os.environ.get("LEEWAY_DEBUG"):
            raise
        typer.secho("error: ", fg=typer.colors.RED, bold=True, err=True, nl=False)
        typer.echo(str(error) if isinstance(error, Error) else _unforeseen(error), err=True)
        sys.exit(FAILED)


def _unforeseen(error: Exception) -> str:
    """Return what is said of an error that Leeway did not foresee; those of the machine explain themselves."""
    said = f"{type(error).__name__}: {error}"
    return (
        said if isinstance(error, OSError) else f"{said}; Leeway did not foresee this: `leeway --debug ...` says where"
    )
