"""Faults around a night: others at the same time, servers that go, disks that fill, clocks that jump, a storm."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tasks import clock
from tasks.errors import Unreachable
from tasks.lake import latest, read_entries, read_nights
from tasks.notify import sent_messages
from tasks.records import NightEntry
from tests.end_to_end.fork_server import WRITES, ForkServer, wait_until_stopped
from tests.end_to_end.invariants import contents, invariants
from tests.end_to_end.project_copies import (
    FIRST,
    NEXT,
    NIGHT,
    PROJECT,
    Copy,
    batch,
    cells,
    changed,
    contender,
    copied_to,
    first_cells,
)
from tests.web_hook import Inbox, web_hook

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of third parties' own imports
MANY_COLUMNS = 5
LATER = "2014-07-28"
WEEKS = (NIGHT, NEXT, LATER, "2014-08-04", "2014-08-11")
KILLED = -signal.SIGKILL
RACE = os.environ.get("LEEWAY_RACE", "4x1")
RACE_TIMEOUT_SECONDS = 300 if RACE == "4x1" else 3600
Copier = Callable[..., Copy]
Contents = dict[str, list[tuple[str, ...]]]
Undisturbed = Callable[..., Contents]


def landed(it: Copy, *nights: str) -> Copy:
    for night in nights:
        for kind in ("sales", "prices"):
            it.land(kind, night, cells(kind, night))
    return it


@pytest.fixture(scope="module")
def undisturbed(
    grown: Path, fork_server: ForkServer, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Contents]:
    """Give what is in the tables after nights on which nothing went wrong."""
    done: dict[tuple[str, ...], Contents] = {}

    def after(*nights: str) -> Contents:
        if nights not in done:
            plain = landed(copied_to(grown, tmp_path_factory.mktemp("undisturbed") / "it"), *nights)
            for night in nights:
                assert fork_server.run(plain.job(night=night)) == [0], fork_server.output()[-3000:]
            done[nights] = contents(plain.workspace.lake, plain.project)
        return done[nights]

    return after


# --- several at once ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def retraining(servers: Path) -> Iterator[None]:
    """Let a night that decides so start a retraining, which no worker takes."""
    from prefect import get_client

    from flows.retrain import retrain

    assert servers
    with get_client(sync_client=True) as client:
        made = client.create_deployment(client.create_flow(retrain), PROJECT)
        yield
        client.delete_deployment(made)


@pytest.mark.usefixtures("retraining")
@pytest.mark.timeout(RACE_TIMEOUT_SECONDS)
def test_many_processes_that_run_the_same_nights_at_once_end_as_one(
    copy: Copier, fork_server: ForkServer, undisturbed: Undisturbed
) -> None:
    """LEEWAY_RACE=16x20 asks for so many processes, so many times; each time the night is a new one for four times."""
    processes, rounds = map(int, RACE.split("x"))
    nights = WEEKS[: min(rounds, len(WEEKS))]
    wanted = undisturbed(*nights)
    for lap in range(-(-rounds // len(nights))):
        it = landed(copy(f"lap-{lap}"), *nights)
        for night in nights:
            ended = fork_server.run(*[it.job(night=night)] * processes, at_once=processes)
            assert ended == [0] * processes, fork_server.output()[-3000:]
        assert contents(it.workspace.lake, it.project) == wanted
        invariants(it.workspace)


def test_processes_that_no_lease_keeps_apart_still_count_everything_once(
    copy: Copier, fork_server: ForkServer, undisturbed: Undisturbed
) -> None:
    """As if every one of them had been paused for longer than its lease."""
    wanted, it = undisturbed(NIGHT), landed(copy(), NIGHT)
    ended = fork_server.run(*[it.job(unleased=True)] * 4, at_once=4)
    assert 0 in ended
    invariants(it.workspace, whole=False)
    assert fork_server.run(it.job()) == [0], fork_server.output()[-3000:]
    assert contents(it.workspace.lake, it.project) == wanted
    invariants(it.workspace)


def test_a_night_with_a_killed_lease_holder_is_done_at_once_by_the_next(copy: Copier, fork_server: ForkServer) -> None:
    from tasks.lake import lease

    it = landed(copy(), NIGHT)
    assert fork_server.run(it.job(die=("profiles", 1, "before"))) == [KILLED]
    began = time.monotonic()
    assert fork_server.run(it.job()) == [0], fork_server.output()[-3000:]
    assert time.monotonic() - began < lease.SPAN.total_seconds() / 2
    invariants(it.workspace)


@pytest.mark.parametrize("table", ["batches", "predictions"])
def test_a_holder_that_was_paused_for_longer_than_its_lease_does_no_harm(
    copy: Copier, fork_server: ForkServer, undisturbed: Undisturbed, table: str
) -> None:
    wanted, it = undisturbed(NIGHT), landed(copy(), NIGHT)
    paused = fork_server.start(it.job(pause=(table, 1, "before"), span=1.0))
    try:
        wait_until_stopped(paused)
        assert fork_server.run(it.job()) == [0], fork_server.output()[-3000:]
    finally:
        os.kill(paused, signal.SIGCONT)
    assert fork_server.wait(paused)[1] == 1
    assert "another has gone on since" in fork_server.output()
    invariants(it.workspace)
    assert fork_server.run(it.job()) == [0]
    assert contents(it.workspace.lake, it.project) == wanted


def test_what_a_killed_night_left_is_not_mixed_with_a_correction_that_came_since(
    copy: Copier, fork_server: ForkServer
) -> None:
    """Killed, it had written again what was left of the first delivery without some rows; then others are corrected."""
    header, *earlier = first_cells("sales")
    found = []
    for name in ("undisturbed", "killed"):
        it = copy(name)
        if name == "killed":
            it.land("sales", "2014-07-13", changed([header, *earlier[-40:-20]], "sqft_lot", lambda area: area + 1))
            assert fork_server.run(it.job(die=("rows", 2, "after"))) == [KILLED]
        it.land("sales", "2014-07-13", changed([header, *earlier[-20:]], "sqft_lot", lambda area: area + 1), 60)
        assert fork_server.run(it.job()) == [0], fork_server.output()[-3000:]
        invariants(it.workspace)
        found.append(
            sorted(
                (each.key, each.kind, each.verdict, each.rows_accepted)
                for each in latest(it.workspace.lake, it.project)
            )
        )
    assert found[0] == found[1]


# --- nights that were missed, and clocks ----------------------------------------------------------------------------


def test_three_missed_nights_are_caught_up_in_their_order(copy: Copier, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.nightly import nightly

    header, *sales = cells("sales")
    nights = ["2014-07-08", "2014-07-09", "2014-07-10", "2014-07-11"]
    lakes = []
    for name in ("punctual", "late"):
        it = copy(name)
        workspace = it.enter(monkeypatch)
        for part, night in enumerate(nights):
            it.land("sales", night, [header, *sales[part * 100 : part * 100 + 100]])
        if name == "punctual":
            for night in nights:
                nightly(it.project, date.fromisoformat(night))
        else:
            with monkeypatch.context() as frozen:
                frozen.setattr(clock, "tonight", lambda _zone: date(2014, 7, 11))
                assert nightly(it.project)["night"] == nights[-1]
        assert sorted(str(each.night) for each in read_entries(workspace.lake, it.project, "night"))[-4:] == nights
        assert [str(batch(workspace, f"{night}.csv").night) for night in nights] == nights
        invariants(workspace)
        lakes.append(contents(workspace.lake, it.project))
    assert lakes[0] == lakes[1]


@pytest.mark.parametrize(
    ("zone", "change"),
    [
        ("Europe/Berlin", date(2027, 3, 28)),
        ("Europe/Berlin", date(2027, 10, 31)),
        ("America/Los_Angeles", date(2027, 3, 14)),
        ("America/Los_Angeles", date(2027, 11, 7)),
    ],
)
def test_a_night_at_half_past_two_is_one_night_when_the_clocks_change(servers: Path, zone: str, change: date) -> None:
    """Prefect may start a date's run twice or never: a decided night is left alone, and a missed one is caught up."""
    from tasks.spec import missed_nights
    from tasks.spec.spec_sections.operation_sections import Schedule

    assert servers
    first, last = change - timedelta(days=2), change + timedelta(days=2)
    started = [moment.astimezone(ZoneInfo(zone)).date() for moment in planned(zone, first, last)]
    schedule = Schedule(nightly="30 2 * * *", time_zone=zone)
    done, newest = list[date](), first - timedelta(days=1)
    for context in started:
        done += [*missed_nights(schedule, newest, context), *([context] if context not in done else [])]
        newest = done[-1]
    assert done == [first + timedelta(days=day) for day in range(5)]


def planned(zone: str, first: date, last: date) -> list[datetime]:
    """Ask the Prefect server which runs of a deployment it plans from a date to another."""
    from prefect import get_client
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
    from prefect.client.schemas.schedules import CronSchedule

    from flows.nightly import nightly

    begin = datetime.combine(first, datetime.min.time(), ZoneInfo(zone))
    end = datetime.combine(last, datetime.max.time(), ZoneInfo(zone))
    with get_client(sync_client=True) as client:
        plan = DeploymentScheduleCreate(schedule=CronSchedule(cron="30 2 * * *", timezone=zone), active=True)
        name = f"clocks-{zone.replace('/', '-')}-{first}"
        made = client.create_deployment(client.create_flow(nightly), name, schedules=[plan])
        window = {"start_time": begin.isoformat(), "end_time": end.isoformat(), "min_runs": 20, "max_runs": 20}
        client._client.post(f"/deployments/{made}/schedule", json=window).raise_for_status()
        found = client.read_flow_runs(deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[made])))
        client.delete_deployment(made)
    moments = sorted(run.expected_start_time for run in found if run.expected_start_time)
    return [moment for moment in moments if begin <= moment <= end]


# --- servers that go ------------------------------------------------------------------------------------------------


class Wire:
    """A TCP connection to a server, through a port of its own, that can be cut and mended."""

    def __init__(self, upstream: str) -> None:
        host, port = upstream.removeprefix("http://").split(":")
        self.upstream = (host, int(port))
        self.up = True
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self.up = False
        for pair in self.pairs:
            for end in pair:
                end.close()
        self.pairs.clear()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if not self.up:
                near.close()
                continue
            far = socket.create_connection(self.upstream)
            self.pairs.append((near, far))
            threading.Thread(target=self._pass, args=(near, far), daemon=True).start()

    @staticmethod
    def _pass(near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        try:
            while True:
                for ready in select.select([near, far], [], [], 1)[0]:
                    said = ready.recv(65536)
                    if not said:
                        return
                    other[ready].sendall(said)
        except (OSError, ValueError):
            return
        finally:
            near.close()
            far.close()


@pytest.fixture
def wire(mlflow_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """Let this process reach MLflow over a wire, and not try for long once it is cut."""
    from tasks.promote.task import carry_task

    made = Wire(mlflow_url)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", made.url)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr("flows.promote.carry_task", carry_task.task.with_options(retries=0))
    yield made
    made.cut()
    made.listener.close()


def cut_before(wire: Wire, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the wire right before the n-th call that changes something in MLflow."""
    from tasks.registry.mlflow_server import Server

    counted = iter(range(1, 1000))

    def cutting(call: Callable[..., Any], name_at: int) -> Callable[..., Any]:
        def called(*args: Any, **options: Any) -> Any:
            if args[name_at] in WRITES and next(counted) == number:
                wire.cut()
            return call(*args, **options)

        return called

    for name, name_at in (("ask", 1), ("_ask_unless", 2)):
        monkeypatch.setattr(Server, name, cutting(getattr(Server, name), name_at))


def test_mlflow_going_before_during_and_after_a_promotion_leaves_nothing_half_done(
    copy: Copier, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.promote import promote

    it, night = copy("it", "promoted-unplugged"), date.fromisoformat(NIGHT)
    direct, workspace = it.workspace.registry, it.enter(monkeypatch)
    assert workspace.registry.url == wire.url
    for number in (0, 2, 5, 6):  # nothing answers; before the alias; before the tag that counts; after it
        before, approved = direct.aliases(it.project)["champion"], contender(it.workspace, f"contender-{number}")
        with monkeypatch.context() as cutting:
            if number:
                cut_before(wire, number, cutting)
            else:
                wire.cut()
            with pytest.raises(Unreachable, match="did not answer"):
                promote(it.project, night)
        wire.up = True
        assert direct.aliases(it.project)["champion"] in {before, approved}
        assert it.workspace.champion() is not None
        promote(it.project, night)
        assert direct.aliases(it.project) == {"champion": approved, "previous": before}
        promoted = [
            each.subject for each in read_entries(workspace.lake, it.project, "promotion") if each.action == "promoted"
        ]
        assert promoted.count(f"version {approved}") == 1
        invariants(it.workspace, whole=False)


def test_a_night_without_mlflow_decides_nothing_and_the_next_attempt_does_it_all(
    copy: Copier, undisturbed: Undisturbed, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.nightly import nightly

    wanted, it = undisturbed(NIGHT), landed(copy(), NIGHT)
    workspace, before = it.enter(monkeypatch), len(read_entries(it.workspace.lake, it.project))
    wire.cut()
    with pytest.raises(Unreachable, match="Check that the server runs"):
        nightly(it.project, date.fromisoformat(NIGHT))
    assert len(read_entries(workspace.lake, it.project)) == before
    wire.up = True
    nightly(it.project, date.fromisoformat(NIGHT))
    assert contents(workspace.lake, it.project) == wanted
    invariants(it.workspace)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own; where none may be mounted, the test is left out."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", place], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no disk may be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@pytest.mark.parametrize("left_kb", [140])
def test_a_full_disk_ends_the_night_with_a_clear_error_and_nothing_half_committed(
    copy: Copier, fork_server: ForkServer, undisturbed: Undisturbed, small_disk: Path, left_kb: int
) -> None:
    wanted, it = undisturbed(NIGHT), landed(copy(), NIGHT)
    (it.where / "home" / "lake").rename(it.where / "home" / "kept")
    subprocess.run(["cp", "-r", it.where / "home" / "kept", small_disk / "lake"], check=True)
    (it.where / "home" / "lake").symlink_to(small_disk / "lake")
    disk = os.statvfs(small_disk)
    used_kb = (disk.f_blocks - disk.f_bfree) * disk.f_frsize // 1024
    subprocess.run(["mount", "-o", f"remount,size={used_kb + left_kb}k", small_disk], check=True)
    assert fork_server.run(it.job()) == [1]
    assert "Unreachable: writing" in fork_server.output()
    assert "No space left on device" in fork_server.output()
    invariants(it.workspace, whole=False)
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    assert fork_server.run(it.job()) == [0], fork_server.output()[-3000:]
    assert contents(it.workspace.lake, it.project) == wanted
    invariants(it.workspace)


# --- a storm --------------------------------------------------------------------------------------------------------


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with web_hook() as found:
        yield found


def large_houses(night: str) -> list[list[str]]:
    """Return a week in which only the larger half was sold: nothing is broken, and every statistic of size moved."""
    header, *sales = cells("sales", night)
    size = header.index("sqft_living")
    return [header, *sorted(sales, key=lambda row: float(row[size]))[len(sales) // 2 :]]


def past_leeway(night: NightEntry) -> set[str]:
    return {moved.column for moved in night.moved if moved.strain > 1}


def test_a_storm_of_five_nights_is_reported_once_a_state_and_puts_up_one_challenger(
    copy: Copier, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect import get_client
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId

    from flows.nightly import nightly
    from flows.retrain import retrain

    it, (address, taken) = copy("it", "stormy"), inbox
    spec = it.where / "projects" / it.project / "project.yaml"
    channel = "\nnotifications:\n  - {to: 'env:TEAM', on: [alarm, quarantine, approval], remind_days: 365}\n"
    spec.write_text(spec.read_text(encoding="utf-8") + channel, encoding="utf-8")
    monkeypatch.setenv("TEAM", address)
    workspace = it.enter(monkeypatch)
    with get_client(sync_client=True) as client:
        retraining = client.create_deployment(client.create_flow(retrain), it.project)
        mine = DeploymentFilter(id=DeploymentFilterId(any_=[retraining]))
        actions, done = list[str](), set[str]()
        for night in WEEKS:
            it.land("sales", night, large_houses(night))
            it.land("prices", night, changed(cells("prices", night), "price", lambda price: round(price * 1.5)))
            actions += [nightly(it.project, date.fromisoformat(night))["action"] for _ in range(2)]
            runs = client.read_flow_runs(deployment_filter=mine)
            for run in runs:  # as a worker would before the next week; the server lists them in no order of time
                if str(run.id) not in done:
                    retrain(**run.parameters)
                    done.add(str(run.id))
    assert "quarantine" not in actions, actions
    assert actions[::2] == actions[1::2]
    nights = [each for each in read_nights(workspace.lake, it.project) if each.night > date.fromisoformat(FIRST)]
    assert all(len(past_leeway(each)) > MANY_COLUMNS for each in nights), [past_leeway(each) for each in nights]
    assert "retrain" in actions
    tried = [each for each in read_entries(workspace.lake, it.project, "retraining") if each.night.isoformat() in WEEKS]
    assert [each.action for each in tried].count("registered") == 1, [each.reason for each in tried]
    assert len(runs) == len(tried) <= len(WEEKS) - 2  # a try counts again once twice as much is known
    reported = [
        line for each in taken for line in each["message"].split("\n\n")[0].splitlines() if line.startswith("- ")
    ]
    topics = [(sent.event, sent.subject) for sent in sent_messages(read_entries(workspace.lake, it.project))]
    assert {event for event, _ in topics} >= {"alarm"}
    assert {column for each in nights for column in past_leeway(each)} <= {subject for _, subject in topics}
    assert len(topics) == len(set(topics))
    assert len(taken) <= len(WEEKS), reported
    invariants(it.workspace)
