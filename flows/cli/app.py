"""The command line, `leeway COMMAND PROJECT`. An error prints one paragraph and exits with a non-zero code."""

from __future__ import annotations

import os
import sys
import threading
import time
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

import typer

from flows.cli.run_app import Project, Reason, run_app
from tasks.errors import Error

FAILED = 1
EXIT_SECONDS = 30.0
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")]
RENAMED = {"again": "recompute", "begin": "start", "beside": "compare-with", "take": "labels"}
"""Options as they were called before, and as they are called now; both work, only the new name is in the help."""

app = typer.Typer(
    help="Leeway keeps models in production honest: nightly checks, drift monitoring, proven and approved retraining.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": lambda name: RENAMED.get(name, name),
    },
)
app.add_typer(run_app, name="run")
doctor_app = typer.Typer(invoke_without_command=True)
app.add_typer(doctor_app, name="doctor")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"leeway {version('leeway')}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Read the options that all commands share."""
    if debug:
        os.environ["LEEWAY_DEBUG"] = "1"


@app.command()
def init(
    data: Annotated[Path, typer.Argument(help="A csv, JSON lines or Parquet file, or a folder of such files.")],
    time: Annotated[str, typer.Option("--time", help="The column with the time of the event.")],
    label: Annotated[str, typer.Option("--label", help="The column to predict.")],
    id_columns: Annotated[
        list[str] | None,
        typer.Option("--id", help="The column that identifies a row; repeat it for several.", show_default="inferred"),
    ] = None,
    project: Annotated[
        str | None, typer.Option("--project", help="The project's name.", show_default="from the name of the data")
    ] = None,
) -> None:
    """Create a project from your data: a spec and an expectations suite that the data passes."""
    from flows.cli.init.command import init_project

    wrong = init_project(data, time=time, label=label, id_columns=id_columns, project=project)
    raise typer.Exit(FAILED if wrong else 0)


@app.command()
def check(
    project: Project,
    run: Annotated[bool, typer.Option("--run", help="Run the project's own code: try its feature function.")] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="First remove expectations about columns that the spec no longer has.")
    ] = False,
) -> None:
    """Report everything that is wrong with a project's spec, contract and source at once."""
    if fix:
        from flows.cli.commands.project_data.fix_suite import remove_orphans

        remove_orphans(project)
    from flows.cli.commands.project_data.check import check_project

    raise typer.Exit(FAILED if check_project(project, run=run) else 0)


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Keep the servers running and the data.")] = False,
    stop: Annotated[
        bool, typer.Option("--stop", help="Stop the servers that --keep left running, and remove their data.")
    ] = False,
    incident: Annotated[
        str | None,
        typer.Option(
            "--incident", help="Only replay one incident, such as null-burst, without servers; `list` lists them."
        ),
    ] = None,
) -> None:
    """Show the life cycle of a model on real data, the King County house sales, in a few minutes."""
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
        str,
        typer.Option("--host", help="The address to listen on; with any but 127.0.0.1, other machines have access."),
    ] = "127.0.0.1",
) -> None:
    """Start the local stack: Prefect, MLflow and a worker, with all projects scheduled. Ctrl-C stops it."""
    from flows.cli.commands.machine.up import run_stack

    run_stack(host)


@app.command()
def serve(  # noqa: PLR0913, PLR0917 - each is an option of the command
    projects: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PROJECT]...", help="The projects.", show_default="all with a champion"),
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port of the service.", min=1, max=65534)] = 8500,
    admin_host: Annotated[
        str, typer.Option(help="The address of health and metrics, which ask for no key.")
    ] = "127.0.0.1",
    admin_port: Annotated[
        int | None, typer.Option(help="The port of health and metrics.", show_default="the next one", min=1, max=65535)
    ] = None,
    workers: Annotated[int, typer.Option(help="The number of worker processes.", min=1, max=64)] = 1,
    tls: Annotated[
        tuple[Path, Path] | None, typer.Option(help="Files with the certificate and its private key.", dir_okay=False)
    ] = None,
    behind_proxy: Annotated[bool, typer.Option("--behind-proxy", help="A proxy encrypts the connections.")] = False,
    only_opted_in: Annotated[
        bool, typer.Option("--opted-in", help="Serve the projects with `serving: {up: true}`, as `leeway up` does.")
    ] = False,
) -> None:
    """Answer requests with the champions, bit for bit as the nightly batch does. Ctrl-C stops it."""
    from flows.cli.commands.service.run_service import Address, opted_in, run_service

    address = Address(host, port, tls, behind_proxy, admin_host, admin_port or 0)
    run_service(opted_in() if only_opted_in else projects or [], address, workers)


@app.command("serve-key")
def serve_key(
    name: Annotated[str | None, typer.Argument(help="The name of the key.", show_default="lists the keys")] = None,
    project: Annotated[
        list[str] | None,
        typer.Option("--project", help="A project it may be used for; repeat it for several.", show_default="all"),
    ] = None,
    labels: Annotated[
        bool, typer.Option("--labels", help="The key may send labels, instead of asking for rows.")
    ] = False,
    revoke: Annotated[bool, typer.Option("--revoke", help="Remove the key.")] = False,
) -> None:
    """Make an API key of the prediction service, revoke one, or list them."""
    from flows.cli.commands.service.serve_key import list_keys, make_key, revoke_key

    if name is None:
        list_keys()
    elif revoke:
        revoke_key(name)
    else:
        make_key(name, project or [], labels=labels)


@app.command()
def status(
    project: Annotated[str | None, typer.Argument(help="The project.", show_default="all projects")] = None,
    as_json: AsJson = False,
) -> None:
    """Show each project's champion and its age, the last decision, and what needs attention."""
    if as_json:
        from flows.cli.commands.nights.json_output import print_status

        print_status(project)
        return
    from flows.cli.commands.nights.status import show_status

    show_status(project)


@app.command()
def why(
    project: Project,
    date: Annotated[str, typer.Argument(help="The night, as YYYY-MM-DD; or `rollout`, with a version.")],
    number: Annotated[
        int | None, typer.Argument(metavar="[VERSION]", help="The version of a rollout.", show_default="the newest")
    ] = None,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Compute the decision again from stored data, and compare.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Explain a night's decision: every question, its answer, and the numbers; or the steps of a rollout."""
    if date == "rollout":
        from flows.cli.commands.models.show_rollout import show_rollout

        raise typer.Exit(0 if show_rollout(project, number) else FAILED)
    night = _night(date)
    if as_json:
        from flows.cli.commands.nights.json_output import print_decision

        print_decision(project, night)
        return
    from flows.cli.commands.nights.why import decide_again, show_why

    show_why(project, night)
    if recompute and not decide_again(project, night):
        raise typer.Exit(FAILED)


def _night(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no night, such as 2026-01-31, and not `rollout`", param_hint="date"
        ) from None


@app.command()
def replay(
    project: Project,
    policy: Annotated[
        list[Path] | None,
        typer.Option("--policy", help="A project.yaml with another policy to try; repeat it for several."),
    ] = None,
    start: Annotated[
        datetime | None,
        typer.Option(
            "--start",
            formats=["%Y-%m-%d"],
            help="The night on which the first model is trained.",
            show_default="when 40 % of the rows have landed",
        ),
    ] = None,
    compare_with: Annotated[
        str,
        typer.Option(help="Retraining schedules to compare with, separated by commas; empty for none."),
    ] = "never,monthly,nightly",
    recorded: Annotated[
        bool, typer.Option("--recorded", help="Only compute the recorded decisions again, and compare.")
    ] = False,
) -> None:
    """Replay the policy on the project's own history, and report its alarms, retrainings, error and cost."""
    from flows.cli.commands.nights.replay import check_record, replay_policy

    if recorded:
        if not check_record(project):
            raise typer.Exit(FAILED)
        return
    schedules = ["policy", *(name.strip() for name in compare_with.split(",") if name.strip())]
    replay_policy(project, policy or [], start.date() if start else None, schedules)


@app.command()
def release(
    project: Project,
    batch: Annotated[str, typer.Argument(help="The name of the file, or at least 6 characters of the batch id.")],
    reason: Reason = "by hand",
) -> None:
    """Release a quarantined batch after a person has reviewed it."""
    from flows.cli.commands.project_data.release_batch import release_quarantined

    release_quarantined(project, batch, reason)


@app.command()
def answer(
    project: Project,
    column: Annotated[str, typer.Argument(help="The column under suspicion, or `rows` for deliveries as a whole.")],
    says: Annotated[
        Literal["fault", "drift"],
        typer.Argument(help="fault: the source is broken until its values are as before; drift: it is expected now."),
    ],
    reason: Reason = "by hand",
) -> None:
    """Answer whether a column under suspicion is broken or has drifted; the answer is remembered."""
    from flows.cli.commands.nights.answer_suspicion import answer_suspicion

    answer_suspicion(project, column, says, reason)


Version = Annotated[
    int | None, typer.Option("--version", help="The version's number.", show_default="the waiting challenger")
]


@app.command()
def approve(project: Project, version: Version = None, reason: Reason = "by hand") -> None:
    """Approve the challenger: it becomes champion if its evidence is still valid."""
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
    """Train a version again from its recorded inputs, and report whether the model is the same."""
    from flows.cli.commands.models.reproduce import reproduce_version

    raise typer.Exit(0 if reproduce_version(project, version) else FAILED)


@app.command()
def review(
    project: Project,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the rows to this csv file, with an empty label column.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", help="Read the csv file back with its label column filled in.")
    ] = None,
) -> None:
    """Show the rows that the model deferred to people, and read back their labels."""
    from flows.cli.commands.project_data.review import review_queue

    review_queue(project, out, labels)


@app.command("erase")
def erase_command(
    project: Project,
    ids: Annotated[
        list[str] | None, typer.Option("--id", help="An id as the source has it; repeat it for several.")
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(
            "--column", help="The column of the ids: of source.id, or an entity.", show_default="the id of a row"
        ),
    ] = None,
    delivery: Annotated[
        str | None, typer.Option("--delivery", help="The name of a file, or the id of a batch: all of it is erased.")
    ] = None,
    label_only: Annotated[bool, typer.Option("--label-only", help="Erase only the labels of the rows.")] = False,
    reason: Reason = "by hand",
) -> None:
    """Erase a person, a thing or a delivery from the lake, and record that it was done, without its values."""
    from flows.cli.commands.project_data.erase import Asked, erase_now

    erase_now(project, Asked(tuple(ids or ()), column, delivery, label_only), reason)


@app.command()
def rollback(project: Project, reason: Reason = "by hand") -> None:
    """End the rollout that is under way, else restore the previous champion; its version cannot be promoted again."""
    from flows.cli.commands.models.roll_back import roll_back

    roll_back(project, reason)


@app.command()
def upkeep(
    project: Project,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only report what would be done.")] = False,
) -> None:
    """Compact a project's tables; remove unused files and rows past their retention."""
    from flows.cli.commands.machine.run_upkeep import keep_up_now

    keep_up_now(project, dry_run=dry_run)


@app.command()
def docs(
    project: Project,
    out: Annotated[
        Path | None, typer.Option("--out", help="The folder to write to.", show_default="a folder in LEEWAY_HOME")
    ] = None,
) -> None:
    """Build Great Expectations Data Docs for the rows of the last night."""
    from flows.cli.commands.project_data.build_docs import build_docs

    build_docs(project, out)


@doctor_app.callback()
def doctor(context: typer.Context) -> None:
    """Check this machine: Python, packages, disk, ports, servers and projects; with `s3`, an object store."""
    if context.invoked_subcommand is None:
        from flows.cli.commands.machine.doctor import examine_machine

        raise typer.Exit(FAILED if examine_machine() else 0)


@doctor_app.command("s3")
def doctor_s3(
    uri: Annotated[str, typer.Argument(help="s3://bucket/prefix; test objects are written below it and removed.")],
    endpoint: Annotated[
        str | None, typer.Option(help="The address of an S3-compatible store.", show_default="Amazon S3")
    ] = None,
    addressing: Annotated[
        Literal["auto", "path", "virtual"],
        typer.Option(help="Where a request names the bucket: in the path or in the host name."),
    ] = "auto",
) -> None:
    """Test the properties of an object store that Leeway relies on, and name the missing ones."""
    from flows.cli.commands.machine.doctor import examine_store

    raise typer.Exit(FAILED if examine_store(uri, endpoint, addressing) else 0)


def run() -> None:
    """Run the command line as a process of its own, which ends soon after its command has."""
    code: object = FAILED
    try:
        main()
        code = 0
    except SystemExit as ended:
        code = ended.code
        raise
    finally:
        if "prefect" in sys.modules:
            end_within(EXIT_SECONDS, code if isinstance(code, int) else int(code is not None))


def end_within(seconds: float, code: int) -> None:
    """End this process if it does not end by itself: at exit, threads of Prefect may wait for ever."""

    def end() -> None:
        time.sleep(seconds)
        os._exit(code)

    threading.Thread(target=end, daemon=True).start()


def main() -> None:
    """Run the command line. Errors print as a paragraph, and with --debug as a traceback.

    On an interrupt typer exits with code 130.
    """
    try:
        app()
    except Exception as error:
        if os.environ.get("LEEWAY_DEBUG"):
            raise
        from flows.cli.console import screen
        from tasks.render.safe_text import terminal

        text = str(error) if isinstance(error, Error) else _unexpected(error)
        screen(stderr=True).print(f"[bold red]error:[/] {terminal(text)}")
        sys.exit(FAILED)


def _unexpected(error: Exception) -> str:
    """Return the message for an error that is none of Leeway's own; errors of the machine explain themselves."""
    text = f"{type(error).__name__}: {error}"
    return text if isinstance(error, OSError) else f"{text}; this is unexpected: `leeway --debug ...` shows where"
