"""`leeway init`, `check`, `demo`, `up` and `logs`: from a user's data to a stack that runs every night."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from flows.cli.parsers.arguments import FAILED, AsJson, project_names

start_app = typer.Typer()


@start_app.command()
def init(  # noqa: PLR0913, PLR0917 - one parameter for each option
    data: Annotated[
        str | None,
        typer.Argument(
            show_default=False,
            help="A csv, JSON lines or Parquet file, a folder of such files or with a Delta table, or a database: "
            "postgresql://user@host/name without a password, sqlite:///file, duckdb:///file, or env:NAME for the "
            "variable that has its address.",
        ),
    ] = None,
    time: Annotated[
        str | None, typer.Option("--time", help="The column with the time of the event.", show_default=False)
    ] = None,
    label: Annotated[str | None, typer.Option("--label", help="The column to predict.", show_default=False)] = None,
    id_columns: Annotated[
        list[str] | None,
        typer.Option("--id", help="The column that identifies a row; repeat it for several.", show_default="inferred"),
    ] = None,
    project: Annotated[
        str | None, typer.Option("--project", help="The project's name.", show_default="from the name of the data")
    ] = None,
    table: Annotated[
        str | None, typer.Option("--table", help="The table of a database, as rides or schema.rides.")
    ] = None,
    changed_at: Annotated[
        str | None, typer.Option("--changed-at", help="The column of a table that grows with each change of a row.")
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(
            "--template",
            help="Instead of DATA: start from a copy of a worked project, such as card-fraud.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Create a project from your data: a spec and an expectations suite that the data passes."""
    if template is not None:
        if any(given is not None for given in (data, time, label, id_columns, table, changed_at)):
            raise typer.BadParameter("only --project goes with it: it is a copy", param_hint="--template")
        from flows.cli.init.template import copy_template

        copy_template(template, project)
        return
    if data is None or time is None or label is None:
        missing = [name for name, given in (("DATA", data), ("--time", time), ("--label", label)) if given is None]
        raise typer.BadParameter("expected them all, unless there is a --template", param_hint=", ".join(missing))
    from flows.cli.init.command import init_project
    from flows.cli.init.given_data import given_data

    given = given_data(data, table=table, changed_at=changed_at)
    wrong = init_project(given, time=time, label=label, id_columns=id_columns, project=project)
    raise typer.Exit(FAILED if wrong else 0)


@start_app.command()
def check(
    project: Annotated[
        str | None,
        typer.Argument(
            help="The project's name, its folder, or its project.yaml.",
            show_default=False,
            autocompletion=project_names,
        ),
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Check every project.")] = False,
    only_files: Annotated[
        bool,
        typer.Option("--files", help="Read only the project's files, not what has landed: for a commit or a CI job."),
    ] = False,
    run: Annotated[bool, typer.Option("--run", help="Run the project's own code: try its feature function.")] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="First remove expectations about columns that the spec no longer has.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Report everything that is wrong with a project's spec, contract and source at once."""
    if (project is None) is not every:
        raise typer.BadParameter("expected the name of one project, or --all", param_hint="PROJECT")
    from flows.cli.commands.project_data.check import CheckScope, check_every_project, check_project

    scope = CheckScope(run, only_files)
    if project is None:
        if fix:
            raise typer.BadParameter("changes the suite of one project: name it", param_hint="--fix")
        raise typer.Exit(FAILED if check_every_project(scope, as_json=as_json) else 0)
    if fix:
        from flows.cli.commands.project_data.fix_suite import remove_orphans

        if as_json:
            raise typer.BadParameter("changes the suite and says so; leave out --json", param_hint="--fix")
        remove_orphans(project)
    raise typer.Exit(FAILED if check_project(project, scope, as_json=as_json) else 0)


@start_app.command()
def demo(
    project: Annotated[
        str,
        typer.Option(
            "--project",
            help="The worked project: house-prices, card-fraud, voice-search, patient-records, screen-inspection or "
            "apple-sorting.",
        ),
    ] = "house-prices",
    keep: Annotated[bool, typer.Option("--keep", help="Keep the servers running and the data.")] = False,
    stop: Annotated[
        bool, typer.Option("--stop", help="Stop the servers that --keep left running, and remove their data.")
    ] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Let the champion answer requests and a page while the nights go on.")
    ] = False,
    rollout: Annotated[
        bool,
        typer.Option(
            "--rollout", help="Show how a broken version and a healthy one take over the requests of a service instead."
        ),
    ] = False,
    incident: Annotated[
        str | None,
        typer.Option(
            "--incident", help="Only replay one incident, such as null-burst, without servers; `list` lists them."
        ),
    ] = None,
) -> None:
    """Show the life cycle of a model in a few minutes, on the data of a worked project."""
    if rollout:
        from flows.demo.rollout_demo import run_rollout_demo

        run_rollout_demo(keep=keep)
        return
    if incident is not None:
        from flows.cli.commands.nights.incident import show_incident

        show_incident(incident)
        return
    from flows.demo.run_demo import run_demo, stop_demo

    if stop:
        stop_demo()
        return
    run_demo(project, keep=keep, serve=serve)


@start_app.command()
def logs(
    project: Annotated[
        str | None,
        typer.Argument(
            help="The project with the run.", show_default="the processes of `leeway up`", autocompletion=project_names
        ),
    ] = None,
    flow: Annotated[
        Literal["nightly", "monitor", "promote", "retrain", "upkeep"] | None,
        typer.Option("--flow", help="Which flow of the project ran.", show_default="any but promote"),
    ] = None,
    lines: Annotated[int, typer.Option("--lines", min=1, help="How many of the newest lines.")] = 50,
) -> None:
    """Show the newest lines that the local stack has logged, or a project's last run, without secrets."""
    from flows.cli.commands.machine.show_logs import show_run_log, show_stack_log

    if project is not None:
        show_run_log(project, flow, lines)
    elif flow is not None:
        raise typer.BadParameter("is of a project; name it", param_hint="--flow")
    else:
        show_stack_log(lines)


@start_app.command()
def up(
    host: Annotated[
        str,
        typer.Option("--host", help="The address to listen on; with any but 127.0.0.1, other machines have access."),
    ] = "127.0.0.1",
) -> None:
    """Start the local stack: Prefect, MLflow and a worker, with all projects scheduled. Ctrl-C stops it."""
    from flows.cli.commands.machine.up import run_stack

    run_stack(host)
