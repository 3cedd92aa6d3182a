"""`leeway up`: the local stack, until Ctrl-C."""

from __future__ import annotations

import signal

from rich.console import Console

from flows.local import all_specs
from flows.stack import open_stack
from tasks.errors import SpecError
from tasks.spec import find_project, home, known_projects


def run_stack() -> None:
    """Start the servers and a worker, deploy every project, then wait."""
    names, console = known_projects(), Console()
    if not names:
        raise SpecError(["there is no project yet; `leeway init DATA --time .. --label ..` writes one from your data"])
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    where = home(find_project(names[0]))
    with open_stack(where, worker=True, say=console.print) as addresses:
        from flows.deliver import deploy

        deploy(all_specs(), where)
        console.print(f"deployed {', '.join(names)}")
        console.print(
            f"[bold]Prefect[/] {addresses.prefect_ui}   [bold]MLflow[/] {addresses.mlflow}   [bold]data[/] {where}"
        )
        console.print("Ctrl-C stops it; everything is kept")
        try:
            signal.pause()
        except KeyboardInterrupt:
            console.print("stopping")
