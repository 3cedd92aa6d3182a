"""`leeway up`: the local stack, until Ctrl-C."""

from __future__ import annotations

import signal

from flows.local import all_specs
from flows.screen import screen
from flows.stack import open_stack, stop_on_signals
from tasks.errors import SpecError
from tasks.spec import find_project, home


def run_stack() -> None:
    """Start the servers and a worker, deploy every project, then wait."""
    specs, console = all_specs(), screen()
    if not specs:
        raise SpecError(["there is no project yet; `leeway init DATA --time .. --label ..` writes one from your data"])
    stop_on_signals()
    where = home(find_project(specs[0].project))
    with open_stack(where, worker=True, say=console.print) as addresses:
        from flows.deliver import deploy

        deploy(specs, where)
        console.print(f"deployed {', '.join(spec.project for spec in specs)}")
        console.print(
            f"[bold]Prefect[/] {addresses.prefect_ui}   [bold]MLflow[/] {addresses.mlflow}   [bold]data[/] {where}"
        )
        console.print("Ctrl-C stops it; everything is kept")
        try:
            signal.pause()
        except KeyboardInterrupt:
            console.print("stopping")
