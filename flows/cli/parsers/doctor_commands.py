"""`leeway doctor`: check this machine, or an object store."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from flows.cli.parsers.arguments import FAILED

doctor_app = typer.Typer(invoke_without_command=True)


@doctor_app.callback()
def doctor(context: typer.Context) -> None:
    """Check this machine: Python, packages, disk, servers, projects, what is served; with `s3`, an object store."""
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
