"""`leeway serve`, `serve-key` and `bundle`: predictions on request, and where there is no service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from flows.cli.parsers.arguments import project_names

service_app = typer.Typer()


@service_app.command()
def serve(  # noqa: PLR0913, PLR0917 - each is an option of the command
    projects: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PROJECT]...",
            help="The projects.",
            show_default="all with a champion",
            autocompletion=project_names,
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port of the service.", min=1, max=65534)] = 8500,
    admin_host: Annotated[
        str, typer.Option(help="The address of health and metrics, which ask for no key.")
    ] = "127.0.0.1",
    admin_port: Annotated[
        int | None, typer.Option(help="The port of health and metrics.", show_default="the next one", min=1, max=65535)
    ] = None,
    grpc_port: Annotated[
        int | None,
        typer.Option(help="A port for the Open Inference Protocol over gRPC.", show_default="none", min=1, max=65535),
    ] = None,
    workers: Annotated[int, typer.Option(help="The number of worker processes.", min=1, max=64)] = 1,
    tls: Annotated[
        tuple[Path, Path] | None, typer.Option(help="Files with the certificate and its private key.", dir_okay=False)
    ] = None,
    behind_proxy: Annotated[bool, typer.Option("--behind-proxy", help="A proxy encrypts the connections.")] = False,
    only_opted_in: Annotated[
        bool, typer.Option("--opted-in", help="Serve the projects with `serving: {up: true}`, as `leeway up` does.")
    ] = False,
    land_rollouts: Annotated[
        bool,
        typer.Option(
            "--land-rollouts",
            help="This service may only read the decision record: what it sees of rollouts lands in serving.uri, and "
            "the promote flow records their steps.",
        ),
    ] = False,
    name: Annotated[
        str,
        typer.Option(
            help="The name of this service in rollouts, which no other one has; with --land-rollouts, it goes on with "
            "them after a start with an empty home.",
            show_default="drawn once in LEEWAY_HOME",
        ),
    ] = "",
) -> None:
    """Answer requests with the champions, bit for bit as the nightly batch does. Ctrl-C stops it."""
    from flows.cli.commands.service.run_service import Address, RolloutPart, opted_in, run_service

    address = Address(host, port, tls, behind_proxy, admin_host, admin_port or 0, grpc_port or 0)
    part = RolloutPart(name, lands=land_rollouts)
    run_service(opted_in() if only_opted_in else projects or [], address, workers, part)


@service_app.command("serve-key")
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


@service_app.command()
def bundle(  # noqa: PLR0913, PLR0917 - each is an option of the command
    project: Annotated[
        str | None,
        typer.Argument(
            help="The project's name, its folder, or its project.yaml.",
            show_default=False,
            autocompletion=project_names,
        ),
    ] = None,
    version: Annotated[
        int | None, typer.Option("--version", help="The version's number.", show_default="the champion")
    ] = None,
    form: Annotated[
        Literal["python", "browser", "c", "onnx", "lambda"],
        typer.Option("--for", help="Where it answers: Python, a browser, C, onnxruntime, or a function of AWS Lambda."),
    ] = "python",
    out: Annotated[
        Path | None, typer.Option("--out", help="The folder to write to; it is empty, or has an earlier bundle.")
    ] = None,
    fits: Annotated[
        bool,
        typer.Option(
            "--fit", help="Bundle the best smaller form of the version within the budgets of `edge`, and show them all."
        ),
    ] = False,
    verify: Annotated[
        Path | None, typer.Option("--verify", help="Only verify the signature and the files of this bundle.")
    ] = None,
    land: Annotated[
        Path | None,
        typer.Option(
            "--land", help="Only land the answers that bundles of PROJECT have kept, from a folder with their files."
        ),
    ] = None,
) -> None:
    """Write a version as a signed folder that answers without Leeway and without a network."""
    from flows.cli.commands.service.write_bundle import bundle_project, land_kept, verify_bundle

    if verify is not None:
        if project is not None or out is not None or land is not None:
            raise typer.BadParameter("verifies a folder; leave out PROJECT, --out and --land", param_hint="--verify")
        verify_bundle(verify)
    elif land is not None:
        if project is None or out is not None:
            raise typer.BadParameter("needs PROJECT, and no --out", param_hint="--land")
        land_kept(project, land)
    elif project is None or out is None:
        raise typer.BadParameter("needs PROJECT and --out or --land, or --verify FOLDER", param_hint="bundle")
    else:
        bundle_project(project, version, form, out, fits=fits)
