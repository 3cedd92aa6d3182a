"""A night on a cluster of two processes, one of which is killed at work, is the night of one machine to the digit."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from tasks.lake import Lake
from tasks.lake import row_files as parts
from tests.clusters import Processes, cluster_of
from tests.end_to_end.invariants import contents, invariants
from tests.end_to_end.project_copies import NEXT, NIGHT, Copy, cells
from tests.end_to_end.slow_worker import MARKS

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of third parties' own imports
WEEKS = (NIGHT, NEXT, "2014-07-28")
Copier = Callable[..., Copy]


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    made = tmp_path / "marks"
    made.mkdir()
    return made


@pytest.fixture
def cluster(servers: Path, marks: Path, tmp_path: Path) -> Iterator[Processes]:
    """Give two slow workers that know no server: neither Prefect's nor MLflow's."""
    assert servers
    unknown = ("PREFECT_API_URL", "MLFLOW_TRACKING_URI", "LEEWAY_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in unknown} | {MARKS: str(marks)}
    with cluster_of(2, tmp_path, environment, preload="tests.end_to_end.slow_worker") as made:
        yield made


def landed(it: Copy, more: str = "") -> Copy:
    for week in WEEKS:
        for kind in ("sales", "prices"):
            it.land(kind, week, cells(kind, week))
    spec = it.where / "projects" / it.project / "project.yaml"
    spec.write_text(spec.read_text(encoding="utf-8") + more, encoding="utf-8")
    return it


def killed_at_work(marks: Path, workers: tuple[Popen[bytes], ...], killed: list[Popen[bytes]]) -> None:
    """Kill the first worker that has begun to answer for a partition."""
    until = time.monotonic() + 60
    while not killed and time.monotonic() < until:
        for worker in workers:
            if list(marks.glob(f"answered-{worker.pid}-*")):
                os.kill(worker.pid, signal.SIGKILL)
                killed.append(worker)
                return
        time.sleep(0.01)


def decided(lake: Lake, project: str) -> dict[str, list[tuple[str, ...]]]:
    """Return all tables, without the record of the specs: they differ in where they compute."""
    found = contents(lake, project)
    return {**found, "decisions": [row for row in found["decisions"] if "spec" not in row[:3]]}


def test_a_night_with_a_killed_worker_is_the_night_of_one_machine_to_the_digit(
    copy: Copier, cluster: Processes, marks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.nightly import nightly

    retrained = list[Any]()
    monkeypatch.setattr("flows.steps.decide_night.start_retraining", lambda _house, *decided: retrained.append(decided))
    night, alone = date.fromisoformat(WEEKS[-1]), landed(copy("alone"))
    here = alone.enter(monkeypatch)
    wanted = nightly(alone.project, night)

    monkeypatch.setattr(parts, "PIECE_ROWS", 1)  # every delivery is large: a partition of its own
    shared = landed(copy("shared"), f"\ncompute: {{backend: dask, address: '{cluster.address}'}}\n")
    there, killed = shared.enter(monkeypatch), list[Popen[bytes]]()
    killing = threading.Thread(target=killed_at_work, args=(marks, cluster.workers, killed))
    cluster.wait()
    killing.start()
    found = nightly(shared.project, night)
    killing.join()

    (dead,) = killed
    assert dead.wait(5) == -signal.SIGKILL
    begun = Counter(tuple(mark.name.split("-")[:2]) for mark in marks.iterdir())
    assert {name for name, _ in begun} == {"profiled", "answered"}
    assert len({process for name, process in begun if name == "answered"}) == 2, "no worker took over"
    assert sum(begun.values()) > 2 * len(WEEKS), "the dead worker's partition was not done again"

    assert found == wanted
    assert retrained == retrained[:1] * 2
    assert decided(there.lake, shared.project) == decided(here.lake, alone.project)
    for table, more in (("predictions", 0), ("profiles", 0), ("decisions", 1)):  # its other spec is recorded
        commits = here.lake.version(alone.project, table)
        assert commits is not None
        assert there.lake.version(shared.project, table) == commits + more, table
    invariants(there)
