"""`leeway review`, `predictions`, `erase`, `upkeep`, `migrate`, `rename` and `docs`: what is stored of a project."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.parsers.arguments import AsJson, Project, Reason

upkeep_app = typer.Typer()


@upkeep_app.command()
def review(
    project: Project,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the rows to this csv file, with an empty label column.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", help="Read the csv file back with its label column filled in.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the rows that the model deferred to people, and read back their labels."""
    from flows.cli.commands.project_data.review import review_queue

    if as_json and (out or labels):
        raise typer.BadParameter("prints the queue; leave out --out and --labels", param_hint="--json")
    review_queue(project, out, labels, as_json=as_json)


@upkeep_app.command()
def predictions(
    project: Project,
    out: Annotated[Path, typer.Option("--out", help="The csv or Parquet file to write.")],
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first event date.", show_default="all")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last event date.", show_default="all")
    ] = None,
) -> None:
    """Write the answers of champions, challengers in shadow and the baseline to a file, with the version of each."""
    from flows.cli.commands.project_data.export_predictions import export_predictions

    export_predictions(project, out, since.date() if since else None, until.date() if until else None)


@upkeep_app.command("erase")
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


@upkeep_app.command()
def upkeep(
    project: Project,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only report what would be done.")] = False,
) -> None:
    """Compact a project's tables; remove unused files and rows past their retention."""
    from flows.cli.commands.machine.run_upkeep import keep_up_now

    keep_up_now(project, dry_run=dry_run)


@upkeep_app.command()
def migrate(
    project: Project,
    else_missing: Annotated[
        bool,
        typer.Option("--else-missing", help="Give up stored values that have no exact value in the new kind."),
    ] = False,
    same_label: Annotated[
        bool, typer.Option("--same-label", help="The label has another name in the spec, and means the same.")
    ] = False,
    reason: Reason = "by hand",
) -> None:
    """Bring what is stored in line with a changed spec: columns that have another kind, a label of another name."""
    from flows.cli.commands.migrations.migrate_stored import migrate_stored

    migrate_stored(project, reason, else_missing=else_missing, same_label=same_label)


@upkeep_app.command()
def rename(
    old: Annotated[str, typer.Argument(help="The name that the project has, or had before its folder was renamed.")],
    new: Annotated[str, typer.Argument(help="The name that it is to have.")],
    reason: Reason = "by hand",
) -> None:
    """Give a project another name: its folder, history, model and champion go along."""
    from flows.cli.commands.migrations.rename_project import rename_project

    rename_project(old, new, reason)


@upkeep_app.command()
def docs(
    project: Project,
    out: Annotated[
        Path | None, typer.Option("--out", help="The folder to write to.", show_default="a folder in LEEWAY_HOME")
    ] = None,
) -> None:
    """Build Great Expectations Data Docs for the rows of the last night."""
    from flows.cli.commands.project_data.build_docs import build_docs

    build_docs(project, out)
