"""What the fault tests share: copies of one trained project, processes that die where they are told, the invariants.

The processes are forked from one that has imported everything and touched nothing, so each costs a night and no
imports; every one is a real process with an id, threads and connections of its own, and is really killed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tasks.lake import SUPERSEDED, TABLES, Batch, Filter, Lake, active_rows, deliveries, read_entries

if TYPE_CHECKING:
    from flows.workspace import Workspace
    from tasks.registry import Version

PROJECT = "faults"
FIRST, NIGHT, NEXT = "2014-07-07", "2014-07-14", "2014-07-21"
FIRST_WEEKS = {"sales": ("2014-05-05", FIRST), "prices": ("2014-05-19", FIRST)}
LANDED_AT = 1_404_000_000  # the same for every copy, so that their listings agree
REAL = Path(__file__).parents[2] / "deployments" / "house-prices" / "landing"
WRITES = {  # what of MLflow's client changes something
    "create_run", "log_batch", "log_artifacts", "log_text", "set_terminated", "create_model_version",
    "set_registered_model_alias", "delete_registered_model_alias", "set_model_version_tag", "delete_model_version_tag",
}  # fmt: skip
Cells = list[list[str]]
Job = dict[str, Any]


@pytest.fixture(scope="session")
def grown(
    prefect_server: Any, mlflow_server: Any, tmp_path_factory: pytest.TempPathFactory, houses: Callable[..., None]
) -> Path:
    """Give the folder of a project with a first champion that has scored its first night; nobody changes it."""
    from prefect.settings import temporary_settings

    where = tmp_path_factory.mktemp("grown")
    names = {"PREFECT_API_URL": prefect_server.answering(), "MLFLOW_TRACKING_URI": mlflow_server.answering()}
    places = {"LEEWAY_HOME": str(where / "home"), "LEEWAY_PROJECTS": str(where / "projects")}
    houses(where / "projects" / PROJECT, {kind: {FIRST: span} for kind, span in FIRST_WEEKS.items()})
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {**names, **places}.items():
            environment.setenv(name, value)
        with temporary_settings({"api.url": names["PREFECT_API_URL"], "home": where / "prefect"}):
            _grow()
    return where


def _grow() -> None:
    from flows.nightly import nightly
    from flows.promote import promote
    from flows.retrain import retrain
    from flows.workspace import open_workspace

    night = date.fromisoformat(FIRST)
    nightly(PROJECT, night)
    retrain(PROJECT, night)
    open_workspace(PROJECT).registry.set_tag(PROJECT, 1, "approval", "approved")
    promote(PROJECT, night)
    nightly(PROJECT, night)


@dataclass(frozen=True)
class Copy:
    """A copy of the grown project, with a home and a lake of its own."""

    where: Path
    project: str = PROJECT

    @property
    def environment(self) -> dict[str, str]:
        return {"LEEWAY_HOME": str(self.where / "home"), "LEEWAY_PROJECTS": str(self.where / "projects")}

    @property
    def workspace(self) -> Workspace:
        from flows.workspace import open_workspace

        with pytest.MonkeyPatch.context() as environment:
            for name, value in self.environment.items():
                environment.setenv(name, value)
            return open_workspace(self.project)

    def enter(self, monkeypatch: pytest.MonkeyPatch) -> Workspace:
        """Let flows run here, in this process."""
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)
        return self.workspace

    def land(self, kind: str, night: str, cells: Cells, later: int = 0) -> None:
        path = self.where / "projects" / self.project / "landing" / kind / f"{night}.csv"
        path.write_text("".join(",".join(row) + "\n" for row in cells), encoding="utf-8")
        os.utime(path, (LANDED_AT + later, LANDED_AT + later))

    def replace_in_spec(self, old: str, new: str) -> None:
        path = self.where / "projects" / self.project / "project.yaml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def job(self, flow: str = "nightly", night: str = NIGHT, **faults: Any) -> Job:
        """Return the order to run a flow on this copy."""
        return {"flow": flow, "project": self.project, "night": night, "env": self.environment, **faults}


@pytest.fixture
def copy(grown: Path, servers: Path, tmp_path: Path) -> Callable[..., Copy]:
    """Copy the grown project; under a name of its own it has a registry of its own too."""
    assert servers

    def copied(folder: str = "it", project: str = PROJECT, *, champion: bool = True) -> Copy:
        made = copied_to(grown, tmp_path / folder, project)
        if project != PROJECT and champion:
            _crowned(made.workspace)
        return made

    return copied


def copied_to(grown: Path, where: Path, project: str = PROJECT) -> Copy:
    """Copy the grown project, under its own name or another."""
    shutil.copytree(grown / "projects" / PROJECT, where / "projects" / project)
    shutil.copytree(grown / "home", where / "home")
    if project != PROJECT:
        _renamed(where, project)
    return Copy(where, project)


def _renamed(where: Path, project: str) -> None:
    spec = where / "projects" / project / "project.yaml"
    spec.write_text(spec.read_text(encoding="utf-8").replace(f"project: {PROJECT}", f"project: {project}"), "utf-8")
    (where / "home" / "lake" / PROJECT).rename(where / "home" / "lake" / project)


def _crowned(workspace: Workspace) -> None:
    """Give a project of another name the same champion."""
    workspace.registry.ensure(workspace.project, "a copy")
    workspace.registry.set_alias(workspace.project, "champion", again(workspace, "first").number)


def again(workspace: Workspace, key: str, **tags: str) -> Version:
    """Add the champion's own files once more, under another key."""
    from tasks.registry import Draft

    first = workspace.registry.version(PROJECT, 1)
    assert first is not None
    return workspace.registry.add_version(
        workspace.project, Draft(key, workspace.registry.fetch(first), tags={**first.tags, **tags})
    )


def contender(workspace: Workspace, key: str) -> int:
    """Add a version that beat the champion and was approved; return its number."""
    from tasks.registry.mlflow_names import CHALLENGER, COMPARED_WITH, PROMOTED

    added = again(workspace, key, **{COMPARED_WITH: str(workspace.registry.aliases(workspace.project)["champion"])})
    workspace.registry.delete_tag(workspace.project, added.number, PROMOTED)
    workspace.registry.set_alias(workspace.project, CHALLENGER, added.number)
    return added.number


def cells(kind: str, night: str = NIGHT) -> Cells:
    """Return the cells of a real weekly file, its header first."""
    return [line.split(",") for line in (REAL / kind / f"{night}.csv").read_text(encoding="utf-8").splitlines()]


def first_cells(kind: str) -> Cells:
    """Return the cells of what landed first."""
    from tests.conftest import weeks

    return [line.split(",") for line in weeks(kind, *FIRST_WEEKS[kind]).splitlines()]


def changed(found: Cells, column: str, change: Callable[[float], float], rows: slice = slice(None)) -> Cells:
    """Return a delivery in which a column's whole numbers are others."""
    at, header, body = found[0].index(column), found[0], [[*row] for row in found[1:]]
    for row in body[rows]:
        row[at] = f"{change(float(row[at])):g}"
    return [header, *body]


# --- what must always hold ------------------------------------------------------------------------------------------


def invariants(workspace: Workspace, *, whole: bool = True) -> None:
    """Check what must always hold; `whole` says that a night ended, so that nothing of it may be missing either."""
    known = deliveries(workspace.lake, workspace.project)
    rows = active_rows(workspace.lake, workspace.project, "rows", known)
    _each_batch_is_in_one_state(workspace, rows)
    if whole:
        _what_was_set_aside_is_held(workspace)
    served = active_rows(workspace.lake, workspace.project, "predictions", known)
    assert not served.duplicated(["row_id", "version", "role"]).any(), "a row was answered twice"
    assert set(served["row_id"]) <= set(rows["row_id"]), "an answer for a row that does not count"
    champion = workspace.champion()
    assert champion is not None
    newer = rows[rows["event_date"] > champion.trained_until]
    if whole:
        mine = served[(served["version"] == champion.number) & (served["event_date"] > champion.trained_until)]
        assert sorted(mine["row_id"]) == sorted(newer["row_id"]), "the champion did not answer each newer row once"
        _profiles_add_up(workspace, newer)
        _one_champion_whose_files_verify(workspace)
    retrained = [entry.name for entry in read_entries(workspace.lake, workspace.project, "retraining")]
    assert len(retrained) == len(set(retrained)), "a decision was retrained for twice"


def _each_batch_is_in_one_state(workspace: Workspace, rows: Any) -> None:
    known = deliveries(workspace.lake, workspace.project)
    written = [(batch.batch_id, batch.revision) for batch in known.revisions]
    assert len(written) == len(set(written)), "a revision of a batch was written twice"
    assert rows["row_id"].is_unique, "a row counts twice"
    counted = Counter(rows["batch_id"])
    labels = Counter(active_rows(workspace.lake, workspace.project, "labels", known)["batch_id"])
    for batch in known.latest():
        assert batch.rows_in == batch.rows_accepted + batch.rows_quarantined + batch.rows_elsewhere, batch
        assert (counted if batch.kind == "rows" else labels)[batch.batch_id] == batch.rows_accepted, batch
        assert batch.verdict in {"accepted", "partly_quarantined", "quarantined", SUPERSEDED}, batch
    assert set(counted) <= {batch.batch_id for batch in known.latest()}


def _what_was_set_aside_is_held(workspace: Workspace) -> None:
    """Compare the quarantine with what batches say of it; a killed night leaves there what its next attempt counts."""
    held = Counter(workspace.lake.read(workspace.project, "quarantine", columns=["batch_id"])["batch_id"])
    for batch in deliveries(workspace.lake, workspace.project).latest():
        assert batch.verdict == SUPERSEDED or held[batch.batch_id] == batch.rows_quarantined, batch


def _profiles_add_up(workspace: Workspace, newer: Any) -> None:
    """Compare, by event date, the stored profiles added up with the profile of the rows that count."""
    from tasks.profiles import digest, from_bytes, profile, to_bytes

    champion = workspace.champion()
    assert champion is not None
    ruler = champion.reference.total.ruler
    accepted: list[Filter] = [("ruler", "=", digest(ruler)), ("source", "=", "rows")]
    kept = active_rows(workspace.lake, workspace.project, "profiles", where=accepted)
    kept = kept[kept["event_date"] > champion.trained_until]
    found: dict[date, Any] = {}
    for day, stored in zip(kept["event_date"], kept["profile"], strict=True):
        found[day] = found[day] + from_bytes(stored) if day in found else from_bytes(stored)
    made = {day: profile(part, ruler) for day, part in workspace.features(newer).groupby("event_date")}
    assert {day: to_bytes(each) for day, each in found.items()} == {day: to_bytes(each) for day, each in made.items()}


def _one_champion_whose_files_verify(workspace: Workspace) -> None:
    from tasks.promote import recorded_champion

    versions = workspace.registry.versions(workspace.project)
    champions = [each for each in versions if "champion" in each.aliases]
    assert len(champions) == 1, "not exactly one champion"
    assert champions[0].number == recorded_champion(versions), "the champion is not the recorded one"
    assert workspace.registry.fetch(champions[0]), "its files do not verify"


def contents(lake: Lake, project: str) -> dict[str, list[tuple[str, ...]]]:
    """Return all tables without moments and reasons of a run, each row as text, in an order of their own."""
    told = [table for table in TABLES if table != "leases"]
    frames = {table: lake.read(project, table).drop(columns=["time", "written_at"], errors="ignore") for table in told}
    for frame in frames.values():
        if "details" in frame:
            frame["details"] = [re.sub(r'"run_because": "[^"]*"', "", text) for text in frame["details"]]
    return {table: sorted(frame.map(str).itertuples(index=False, name=None)) for table, frame in frames.items()}


# --- processes that die ---------------------------------------------------------------------------------------------


class ForkServer:
    """The process from which others are forked, and what is known of them."""

    def __init__(self, log: Path) -> None:
        self.log = log
        code = "from tests.end_to_end.conftest import bear; bear()"
        with log.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True
            )

    def start(self, job: Job) -> int:
        """Start a job in a process of its own; return its id."""
        return int(self._ask({"start": job}))

    def wait(self, pid: int = -1) -> tuple[int, int]:
        """Wait for one process, or for any; return its id and how it ended: 0, 1 for an error, or minus the signal."""
        found, status = self._ask({"wait": pid})
        return int(found), os.waitstatus_to_exitcode(status)

    def run(self, *jobs: Job, at_once: int = 2) -> list[int]:
        """Run jobs, some at once; return how each ended."""
        left, places, ended = list(enumerate(jobs)), dict[int, int](), dict[int, int]()
        while left or places:
            while left and len(places) < at_once:
                number, job = left.pop(0)
                places[self.start(job)] = number
            pid, code = self.wait()
            ended[places.pop(pid)] = code
        return [ended[number] for number in range(len(jobs))]

    def end(self) -> None:
        """Close its input, which ends it, and wait."""
        self.process.communicate(timeout=20)

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def _ask(self, what: object) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline() or pytest.fail(self.said()[-3000:]))


@pytest.fixture(scope="module")
def mother(servers: Path) -> Iterator[ForkServer]:
    made = ForkServer(servers / "processes.log")
    yield made
    made.end()


def spawn() -> None:
    """Import what nights need, then fork a process for every job that is asked for; it ends with its input."""
    for module in ("great_expectations", "mlflow", "onnxruntime", "sklearn.ensemble", "deltalake", "apprise"):
        import_module(module)
    for module in ("nightly", "promote", "retrain"):
        import_module(f"flows.{module}")
    for text in sys.stdin:
        asked = json.loads(text)
        if "wait" in asked:
            answer: object = os.waitpid(asked["wait"], 0)
        elif (answer := os.fork()) == 0:
            _live(asked["start"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _live(job: Job) -> None:
    """Do a job in the process that was forked for it, and end with it."""
    os.dup2(2, 1)
    code = 1
    try:
        os.environ.update(job["env"])
        with _tempered(job):
            getattr(import_module(f"flows.{job['flow']}"), job["flow"])(
                job["project"], date.fromisoformat(job["night"])
            )
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it was, it is written down and the process ends
        sys.stderr.write(f"{os.getpid()} failed\n{traceback.format_exc()}")
    finally:
        sys.stderr.flush()
        os._exit(code)


@contextmanager
def _tempered(job: Job) -> Iterator[None]:
    """Prepare a process for its fault: `die` or `pause` (kind, number, when), `span` of its leases, `unleased`."""
    from tasks import prefect_task
    from tasks.lake import lease

    lease.LOOK_SECONDS = 0.05
    prefect_task.RETRY_DELAYS_SECONDS[:] = [0.2, 0.2, 0.2]
    if "span" in job:
        lease.SPAN = timedelta(seconds=job["span"])
    if "unleased" in job:
        vars(import_module("flows.steps.exclusive_run"))["held"] = lambda *_: nullcontext()
        import_module("flows.workspace").Workspace.with_lease = lambda workspace, _lease: workspace  # nor does a fence
    for fault, number in (("die", signal.SIGKILL), ("pause", signal.SIGSTOP)):
        if fault in job:
            _struck(job[fault], number)
    yield


def _struck(at: Sequence[Any], how: signal.Signals) -> None:
    """Signal this process before or after the n-th write: to a table of the lake, or a call that changes MLflow.

    Parameters
    ----------
    at : (str, int, str)
        The table or the call of MLflow's client, or `commit` for any table, or `*` for any of both; which one of them,
        from 1; `before` or `after`.
    """
    from tasks.registry.mlflow_server import Server

    what, number, when = at
    counted = count(1)

    def strike(write: Callable[..., Any], name_at: int, *kinds: str) -> Callable[..., Any]:
        def written(*args: Any, **options: Any) -> Any:
            name = args[name_at]
            mine = what in {name, *kinds} and ("commit" in kinds or name in WRITES)
            due = mine and next(counted) == number
            if due and when == "before":
                os.kill(os.getpid(), how)
            result = write(*args, **options)
            if due and when == "after":
                os.kill(os.getpid(), how)
            return result

        return written

    for owner, method, name_at, kinds in (
        (Lake, "append_if_absent", 2, ("commit", "*")),
        (Server, "ask", 1, ("*",)),
        (Server, "_ask_unless", 2, ("*",)),
    ):
        setattr(owner, method, strike(getattr(owner, method), name_at, *kinds))


def wait_until_stopped(pid: int, seconds: float = 60) -> None:
    """Wait until a process is paused."""
    import psutil

    deadline = time.monotonic() + seconds
    while psutil.Process(pid).status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < deadline, f"{pid} never paused"
        time.sleep(0.05)


def batch(workspace: Workspace, key: str, kind: str = "rows") -> Batch:
    """Return the newest batch of a key."""
    return deliveries(workspace.lake, workspace.project).newest_of_keys()[kind, key]
