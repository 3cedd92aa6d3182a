"""`leeway status`, `why`, `replay`, `quarantine`, `release` and `answer`: what nights decided and ask."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from flows.cli.parsers.arguments import FAILED, AsJson, Project, Reason, project_names

night_app = typer.Typer()


@night_app.command()
def status(
    project: Annotated[
        str | None, typer.Argument(help="The project.", show_default="all projects", autocompletion=project_names)
    ] = None,
    as_json: AsJson = False,
    page: Annotated[
        Path | None, typer.Option("--page", help="Write one page about all projects to this HTML file instead.")
    ] = None,
) -> None:
    """Show each project's champion and its age, the last decision, and what needs attention."""
    if page is not None:
        from flows.cli.commands.nights.write_overview import write_overview

        if project is not None or as_json:
            raise typer.BadParameter("is of all projects; leave out the project and --json", param_hint="--page")
        write_overview(page)
        return
    if as_json:
        from flows.cli.commands.nights.json_output import print_status

        print_status(project)
        return
    from flows.cli.commands.nights.status import show_status

    show_status(project)


@night_app.command()
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


@night_app.command()
def replay(  # noqa: PLR0913, PLR0917 - each is an option of the command
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
    as_json: AsJson = False,
    rollout: Annotated[
        bool,
        typer.Option(
            "--rollout", help="Try the rollout of the spec instead, on the project's rows with faults of serving."
        ),
    ] = False,
    seeds: Annotated[int, typer.Option(help="With --rollout: rollouts for each fault.", min=1, max=10_000)] = 50,
    per_hour: Annotated[float, typer.Option(help="With --rollout: requests in an hour.", min=1)] = 200,
) -> None:
    """Replay the policy on the project's own history, and report its alarms, retrainings, error and cost."""
    from flows.cli.commands.nights.replay import check_record, replay_policy

    if rollout:
        from flows.cli.commands.nights.replay_rollout import replay_rollout

        if recorded or policy or as_json:
            raise typer.BadParameter(
                "tries the spec alone; leave out --recorded, --policy and --json", param_hint="--rollout"
            )
        replay_rollout(project, start.date() if start else None, seeds, per_hour)
        return

    if recorded:
        if not check_record(project, as_json=as_json):
            raise typer.Exit(FAILED)
        return
    schedules = ["policy", *(name.strip() for name in compare_with.split(",") if name.strip())]
    replay_policy(project, policy or [], start.date() if start else None, schedules, as_json=as_json)


@night_app.command()
def quarantine(
    project: Project,
    batch: Annotated[
        str | None,
        typer.Argument(help="The name of a file, or at least 6 characters of a batch id.", show_default="all batches"),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the rows of the batch to this csv file.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the batches with quarantined rows, or show what was found in one and its rows."""
    from flows.cli.commands.project_data.show_quarantine import list_quarantine, show_quarantined

    if batch is None and out is not None:
        raise typer.BadParameter("writes the rows of one batch; name it", param_hint="--out")
    if batch is None:
        list_quarantine(project, as_json=as_json)
    else:
        show_quarantined(project, batch, out, as_json=as_json)


@night_app.command()
def release(
    project: Project,
    batch: Annotated[str, typer.Argument(help="The name of the file, or at least 6 characters of the batch id.")],
    reason: Reason = "by hand",
) -> None:
    """Release a quarantined batch after a person has reviewed it."""
    from flows.cli.commands.project_data.release_batch import release_quarantined

    release_quarantined(project, batch, reason)


@night_app.command()
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


@night_app.command()
def degree(
    project: Project,
    raise_to: Annotated[
        Literal["shadow", "assist", "partial", "full"] | None,
        typer.Option("--raise-to", help="Raise the degree to this one, after you have read the evidence."),
    ] = None,
    reason: Reason = "by hand",
) -> None:
    """Show the degree of automation in force with its evidence; raise it again after it has fallen."""
    from flows.cli.commands.models.set_degree import set_degree

    set_degree(project, raise_to, reason)
