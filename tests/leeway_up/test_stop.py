"""The end of the life of `leeway up`: projects come and it goes."""

from __future__ import annotations

import signal

import psutil

from flows.stack.process_registry import stack_processes
from tests.leeway_up.checkout import Up


def test_a_project_written_while_it_runs_is_deployed_and_a_wrong_one_named(up: Up) -> None:
    deployments = up.checkout.folder / "deployments"
    (deployments / "broken").mkdir()
    (deployments / "broken" / "project.yaml").write_text("project: broken\n")
    up.wait_for("wrong deployments/broken/project.yaml:1: missing key")
    spec = (deployments / "orders" / "project.yaml").read_text().replace("orders", "copies")
    (deployments / "copies").mkdir()
    (deployments / "copies" / "project.yaml").write_text(spec)
    up.wait_for("deployed copies")


def test_the_stop_is_clean(up: Up) -> None:
    members = psutil.Process(up.process.pid).children(recursive=True)
    for process in stack_processes(up.checkout.home):  # also the workers of the prediction service, which have no mark
        members += [process, *process.children(recursive=True)]
    assert len(set(members)) >= 4
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(60) == 0
    assert psutil.wait_procs(members, timeout=10)[1] == []
