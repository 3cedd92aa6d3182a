"""Nights on which something is wrong: broken deliveries, crashes, hands in the registry.

Each works on its own copy of one trained project; only the registry is common to them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from itertools import count, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tasks import clock
from tasks.errors import DataError
from tasks.lake import TABLES, Batch, Filter, Lake, active_rows, latest, read_entries, read_nights
from tasks.records import PromotionEntry
from tests.end_to_end.invariants import contents
from tests.end_to_end.project_copies import (
    FIRST,
    NEXT,
    NIGHT,
    PROJECT,
    Cells,
    Copy,
    cells,
    first_cells,
    land,
    signing,
)

if TYPE_CHECKING:
    from flows.workspace import Workspace
    from tasks.registry import Version

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of third parties' own imports
UNIT, AREA = 1000, 4  # square feet that came as thousandths; the column of sqft_living
Copier = Callable[..., Copy]


class CrashError(Exception):
    """The process died here."""


@pytest.fixture
def workspace(copy: Copier, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A copy of the trained project; its registry is common to all copies, so nothing is written to it."""
    return copy().enter(monkeypatch)


@pytest.fixture
def own(copy: Copier, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A copy under a name of its own, so with a registry of its own."""
    return copy("own", request.function.__name__.replace("_", "-")[5:60]).enter(monkeypatch)


def run_night(night: str) -> dict[str, Any]:
    from flows.nightly import nightly

    return nightly(PROJECT, date.fromisoformat(night))


def run_promote(project: str) -> dict[str, Any]:
    from flows.promote import promote

    return promote(project, date.fromisoformat(NIGHT))


def in_another_unit(delivered: Cells, rows: int) -> Cells:
    """Return a delivery; the area of its first rows is a thousand times too large."""
    header, *rest = delivered
    wrong = [[*row[:AREA], str(int(row[AREA]) * UNIT), *row[AREA + 1 :]] for row in rest[:rows]]
    return [header, *wrong, *rest[rows:]]


def batch(workspace: Workspace, night: str, kind: str = "rows") -> Batch:
    return next(each for each in latest(workspace.lake, PROJECT) if (each.kind, each.key) == (kind, f"{night}.csv"))


def served(workspace: Workspace, of: Batch) -> list[str]:
    made = workspace.lake.read(
        PROJECT, "predictions", where=[("batch_id", "=", of.batch_id), ("role", "=", "champion")]
    )
    return sorted(made["row_id"])


def profiled(workspace: Workspace, of: Batch) -> int:
    mine: list[Filter] = [("batch_id", "=", of.batch_id), ("source", "=", "rows")]
    return int(workspace.lake.read(PROJECT, "profiles", where=mine)["row_count"].sum())


def crash_after_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one write happen that had not happened before; the next one, new or not, is a crash."""
    write, done = Lake.append_if_absent, False

    def append_if_absent(self: Lake, *args: Any) -> bool:
        nonlocal done
        if args[1] == "leases":  # each night takes one, so it is nothing new
            return write(self, *args)
        if done:
            raise CrashError
        done = write(self, *args)
        return done

    monkeypatch.setattr(Lake, "append_if_absent", append_if_absent)


def crash_before_write(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    write, calls = Lake.append_if_absent, count(1)

    def append_if_absent(self: Lake, *args: Any) -> bool:
        if next(calls) == number:
            raise CrashError
        return write(self, *args)

    monkeypatch.setattr(Lake, "append_if_absent", append_if_absent)


def test_the_same_night_run_again_changes_nothing(workspace: Workspace) -> None:
    def everything() -> tuple[dict[str, int | None], list[Version]]:
        tables = [table for table in TABLES if table != "leases"]
        return {table: workspace.lake.version(PROJECT, table) for table in tables}, workspace.registry.versions(PROJECT)

    land(workspace.folder, "sales", NIGHT, cells("sales"))
    land(workspace.folder, "prices", NIGHT, cells("prices"))
    first, before = run_night(NIGHT), everything()
    again = run_night(NIGHT)
    assert everything() == before
    assert again == first | {"rows_in": 0}


def test_a_delivery_in_another_unit_is_quarantined_whole_and_never_learned_from(workspace: Workspace) -> None:
    from tasks.dataset.known_rows import known_rows

    land(workspace.folder, "sales", NIGHT, in_another_unit(cells("sales"), 600))
    land(workspace.folder, "prices", NIGHT, cells("prices"))
    land(workspace.folder, "prices", "2014-07-28", cells("prices", "2014-07-28"))  # the prices of the quarantined rows
    result = run_night(NIGHT)
    assert (result["action"], result["reason"]) == ("quarantine", f"quarantined: {NIGHT}.csv")
    quarantined = batch(workspace, NIGHT)
    assert (quarantined.verdict, quarantined.rows_accepted, quarantined.rows_quarantined) == ("quarantined", 0, 515)
    assert served(workspace, quarantined) == []
    run_night("2014-07-28")
    known = known_rows(workspace.lake, workspace.spec, workspace.folder, date(2014, 7, 28)).labelled
    assert quarantined.batch_id not in set(known["batch_id"])
    assert known["sqft_living"].max() < 20_000
    assert len(read_entries(workspace.lake, PROJECT, "retraining")) == 1


def test_only_three_broken_rows_are_quarantined(workspace: Workspace) -> None:
    land(workspace.folder, "sales", NIGHT, in_another_unit(cells("sales"), 3))
    assert run_night(NIGHT)["action"] != "quarantine"
    partly = batch(workspace, NIGHT)
    assert (partly.verdict, partly.rows_accepted, partly.rows_quarantined) == ("partly_quarantined", 512, 3)
    assert len(set(served(workspace, partly))) == len(served(workspace, partly)) == 512
    held = workspace.lake.read(PROJECT, "quarantine", where=[("batch_id", "=", partly.batch_id)])
    assert all("sqft_living" in reasons for reasons in held["reasons"])


def test_a_file_that_cannot_be_read_is_a_quarantined_batch_and_the_others_go_on(workspace: Workspace) -> None:
    land(workspace.folder, "sales", NIGHT, b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe")
    land(workspace.folder, "prices", NIGHT, cells("prices"))
    assert run_night(NIGHT)["action"] == "quarantine"
    broken = batch(workspace, NIGHT)
    assert (broken.verdict, broken.rows_in) == ("quarantined", 0)
    assert "cannot be read" in broken.findings
    assert batch(workspace, NIGHT, "labels").verdict == "accepted"
    land(workspace.folder, "sales", NEXT, cells("sales", NEXT))
    assert run_night(NEXT)["action"] != "quarantine"
    assert len(served(workspace, batch(workspace, NEXT))) == 528


def test_a_batch_let_in_by_a_person_is_profiled_and_scored_by_the_next_night(workspace: Workspace) -> None:
    from tasks.validate.task import release

    land(workspace.folder, "sales", NIGHT, in_another_unit(cells("sales"), 600))
    run_night(NIGHT)
    assert release(workspace.lake, workspace.spec, batch(workspace, NIGHT), clock.now()) == 515
    run_night(NEXT)
    released = batch(workspace, NIGHT)
    assert (released.verdict, released.rows_accepted, released.rows_quarantined) == ("released", 515, 0)
    assert len(set(served(workspace, released))) == len(served(workspace, released)) == 515
    assert profiled(workspace, released) == 515


def test_rows_let_in_later_join_those_of_their_batch_that_were_scored_before(workspace: Workspace) -> None:
    from tasks.validate.task import release

    land(workspace.folder, "sales", NIGHT, in_another_unit(cells("sales"), 3))
    run_night(NIGHT)
    assert release(workspace.lake, workspace.spec, batch(workspace, NIGHT), clock.now()) == 3
    assert release(workspace.lake, workspace.spec, batch(workspace, NIGHT), clock.now()) == 0
    run_night(NEXT)
    whole = batch(workspace, NIGHT)
    rows = workspace.lake.read(PROJECT, "rows", where=[("batch_id", "=", whole.batch_id)])
    assert served(workspace, whole) == sorted(rows["row_id"])
    assert (len(rows), profiled(workspace, whole)) == (515, 515)


def test_a_corrected_file_takes_the_place_of_the_first_everywhere(workspace: Workspace) -> None:
    from tasks.dataset.known_rows import known_rows

    land(workspace.folder, "sales", NIGHT, cells("sales"))
    land(workspace.folder, "prices", "2014-07-28", cells("prices", "2014-07-28"))
    run_night(NIGHT)
    wrong = batch(workspace, NIGHT)
    header, *rows = cells("sales")
    land(
        workspace.folder,
        "sales",
        NIGHT,
        [header, *([*row[:AREA], str(int(row[AREA]) + 1), *row[AREA + 1 :]] for row in rows[:500])],
    )
    run_night("2014-07-28")
    first, corrected = (
        next(each for each in latest(workspace.lake, PROJECT) if each.batch_id == wrong.batch_id),
        next(
            each
            for each in latest(workspace.lake, PROJECT)
            if each.key == wrong.key and each.batch_id != wrong.batch_id
        ),
    )
    assert (first.verdict, first.rows_accepted, first.rows_elsewhere) == ("superseded", 0, 515)
    assert (corrected.verdict, corrected.rows_accepted) == ("accepted", 500)
    known = known_rows(workspace.lake, workspace.spec, workspace.folder, date(2014, 7, 28)).labelled
    assert wrong.batch_id not in set(known["batch_id"])
    assert known["row_id"].is_unique
    for table in ("predictions", "profiles"):
        counted = active_rows(workspace.lake, PROJECT, table)
        assert wrong.batch_id not in set(counted["batch_id"])
    assert len(served(workspace, corrected)) == profiled(workspace, corrected) == 500


def test_a_corrected_file_heals_a_quarantine(workspace: Workspace) -> None:
    land(workspace.folder, "sales", NIGHT, in_another_unit(cells("sales"), 600))
    assert run_night(NIGHT)["action"] == "quarantine"
    land(workspace.folder, "sales", NIGHT, cells("sales"))
    assert run_night(NEXT)["action"] != "quarantine"
    healed = {
        each.verdict: each
        for each in latest(workspace.lake, PROJECT)
        if each.key == f"{NIGHT}.csv" and each.kind == "rows"
    }
    assert set(healed) == {"superseded", "accepted"}
    assert healed["superseded"].rows_quarantined == 0
    assert len(served(workspace, healed["accepted"])) == 515


def test_a_night_decided_again_from_what_is_stored_comes_to_the_same(workspace: Workspace) -> None:
    from flows.backtest.redecide import redecide

    land(workspace.folder, "sales", NIGHT, cells("sales"))
    run_night(NIGHT)
    then, now = redecide(workspace, date.fromisoformat(NIGHT))
    assert (now.action, now.kind, now.reason) == (then.action, then.drift, then.reason)
    assert now.answers == then.answers


def test_a_policy_is_replayed_on_what_the_lake_holds(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    from flows.cli.commands.nights.replay import replay_policy
    from tasks.spec import home

    for night in (NIGHT, NEXT):
        land(workspace.folder, "sales", night, cells("sales", night))
        land(workspace.folder, "prices", night, cells("prices", night))
        run_night(night)
    before = contents(workspace.lake, PROJECT)
    policy, never = replay_policy(PROJECT, [], date.fromisoformat(FIRST), ["policy", "never"])
    assert (policy.nights, never.nights, never.retrainings) == (2, 2, 0)
    assert policy.loss == never.loss
    assert "policy" in capsys.readouterr().out
    replay_policy(PROJECT, [], date.fromisoformat(FIRST), ["policy", "never"], as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in said["strategies"]] == ["policy", "never"]
    assert said["strategies"][0]["loss"] == policy.loss
    assert (home(workspace.folder / "project.yaml") / f"{PROJECT}-replay.html").exists()
    assert contents(workspace.lake, PROJECT) == before  # nothing is written


def test_two_prices_for_one_sale_are_both_quarantined(workspace: Workspace) -> None:
    header, first, *rest = cells("prices")
    land(workspace.folder, "prices", NIGHT, [header, first, [*first[:2], "1234567"], *rest])
    run_night(NIGHT)
    prices = batch(workspace, NIGHT, "labels")
    assert (prices.verdict, prices.rows_accepted, prices.rows_quarantined) == ("partly_quarantined", 635, 2)
    held = workspace.lake.read(PROJECT, "quarantine", where=[("batch_id", "=", prices.batch_id)])
    assert held["reasons"].tolist() == ["contradictory_label", "contradictory_label"]


def challenger(workspace: Workspace, key: str) -> Version:
    """Register the champion's own files again, as a version that beat it."""
    from tasks.registry import Basis, Draft
    from tasks.spec import evidence_digest

    source = workspace.registry.version(workspace.project, 1)
    assert source is not None
    identity = workspace.lake.identity(workspace.project)
    basis = Basis(1, workspace.registry.signed(source).digest, evidence_digest(workspace.spec), identity)
    draft = Draft(key=key, files=workspace.registry.fetch(source), basis=basis)
    return signing(workspace).add_version(workspace.project, draft)


def test_a_champion_moved_by_hand_is_put_back_and_written_down(own: Workspace) -> None:
    other = challenger(own, "moved-by-hand")
    own.registry.set_alias(own.project, "champion", other.number)
    assert run_promote(own.project)["action"] == "put_back"
    assert own.registry.aliases(own.project)["champion"] == 1
    entry = read_entries(own.lake, own.project, "promotion")[-1]
    assert (entry.action, entry.subject) == ("put_back", "version 1")
    assert entry.reason == f"the alias champion was moved by hand to version {other.number}; it is back at version 1"
    assert run_promote(own.project)["action"] == "none"


def test_an_alias_set_by_hand_before_anything_was_promoted_is_removed(
    own: Workspace, houses: Callable[[Path, Any], None]
) -> None:
    from flows.promote import promote
    from flows.workspace import open_workspace
    from tasks.registry import Draft

    houses(own.folder.parent / "unpromoted", {})
    fresh = open_workspace("unpromoted")
    fresh.registry.ensure("unpromoted", "Nothing was ever promoted.")
    number = signing(fresh).add_version("unpromoted", Draft("mine", {"model.onnx": b"x"})).number
    fresh.registry.set_alias("unpromoted", "champion", number)
    assert promote("unpromoted", date.fromisoformat(NIGHT))["action"] == "put_back"
    assert fresh.registry.aliases("unpromoted") == {}
    assert [entry.subject for entry in read_entries(fresh.lake, "unpromoted", "promotion")] == ["no version"]


def test_an_approved_version_with_a_model_changed_on_disk_is_refused(own: Workspace, mlflow_artifacts: Path) -> None:
    changed = challenger(own, "changed-on-disk")
    model = next(mlflow_artifacts.glob(f"*/{changed.run_id}/artifacts/model/model.onnx"))
    model.write_bytes(model.read_bytes()[:-1] + b"\x00")
    own.registry.set_tag(own.project, changed.number, "approval", "approved")
    refused = run_promote(own.project)
    assert refused["action"] == "refused"
    assert "model.onnx has changed" in refused["reason"]
    assert own.registry.aliases(own.project)["champion"] == 1
    own.registry.delete_tag(own.project, changed.number, "approval")


def test_a_challenger_is_rejected_by_the_command_line_and_the_record_names_the_person(
    own: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.cli.commands.models.answer_challenger import answer_challenger

    monkeypatch.setattr("flows.cli.commands.models.answer_challenger.person", lambda: "ann")
    unwanted = challenger(own, "unwanted")
    answer_challenger(own.project, unwanted.number, "rejected", "too few streets")
    entry = read_entries(own.lake, own.project, "promotion")[-1]
    assert isinstance(entry, PromotionEntry)
    assert (entry.action, entry.actor, entry.because) == ("rejected", "ann", "too few streets")
    assert own.registry.aliases(own.project)["champion"] == 1


@pytest.mark.usefixtures("workspace")
def test_an_answer_about_no_version_is_refused_in_a_sentence() -> None:
    from flows.cli.commands.models.answer_challenger import answer_challenger

    with pytest.raises(DataError, match="there is no version 999"):
        answer_challenger(PROJECT, 999, "approved", "by hand")


def test_a_crash_between_the_writes_of_a_batch_is_healed_by_writing_it_again(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.ingest.task import take_in
    from tasks.validate.acceptance.task import store
    from tasks.validate.task import verdicts

    land(workspace.folder, "sales", NIGHT, in_another_unit(cells("sales"), 3))
    night = date.fromisoformat(NIGHT)
    checked = verdicts(
        take_in(workspace.lake, workspace.spec, workspace.folder, night), workspace.spec, workspace.folder
    )

    def stored(lake: Lake) -> dict[str, list[tuple[str, ...]]]:
        store(lake, workspace.spec, checked, night, clock.now())
        return contents(lake, PROJECT)

    undisturbed = stored(Lake(str(tmp_path / "undisturbed")))
    assert {table: len(rows) for table, rows in undisturbed.items() if rows} == {
        "batches": 1, "rows": 512, "quarantine": 3,
    }  # fmt: skip
    for number in (1, 2, 3):
        lake = Lake(str(tmp_path / f"crash-{number}"))
        with monkeypatch.context() as crashing:
            crash_before_write(number, crashing)
            with pytest.raises(CrashError):
                stored(lake)
        assert latest(lake, PROJECT) == []
        assert stored(lake) == undisturbed


def test_a_night_that_crashes_after_each_of_its_writes_ends_as_if_nothing_had_happened(
    copy: Copier, monkeypatch: pytest.MonkeyPatch
) -> None:
    def night_crashes() -> bool:
        with monkeypatch.context() as crashing:
            crash_after_one_write(crashing)
            try:
                run_night(NIGHT)
            except CrashError:
                return True
        return False

    lakes = {}
    for name in ("undisturbed", "crashing"):
        workspace = copy(name).enter(monkeypatch)
        land(workspace.folder, "sales", NIGHT, cells("sales"))
        land(workspace.folder, "prices", NIGHT, cells("prices"))
        if name == "crashing":
            crashes = sum(takewhile(bool, (night_crashes() for _ in range(12))))
            assert crashes == 5  # after rows, labels, batches, profiles and predictions; with its decision it is done
        else:
            run_night(NIGHT)
        lakes[name] = contents(workspace.lake, PROJECT)
    assert lakes["crashing"] == lakes["undisturbed"]


def test_a_project_monitored_apart_takes_in_every_night_and_is_decided_on_when_it_is_looked_at(
    workspace: Workspace,
) -> None:
    from flows.monitor import monitor

    spec = workspace.folder / "project.yaml"
    spec.write_text(spec.read_text("utf-8").replace("schedule:\n", 'schedule:\n  monitoring: "0 6 * * MON"\n'), "utf-8")
    decided_before = len(read_entries(workspace.lake, PROJECT, "night"))
    for night in (NIGHT, NEXT):
        land(workspace.folder, "sales", night, cells("sales", night))
        result = run_night(night)
        assert (result["action"], result["rows_in"]) == ("taken in", len(cells("sales", night)) - 1)
        assert len(served(workspace, batch(workspace, night))) == result["rows_in"]
    assert len(read_entries(workspace.lake, PROJECT, "night")) == decided_before
    first = monitor(PROJECT, date.fromisoformat(NEXT))
    made = read_nights(workspace.lake, PROJECT)[decided_before:]
    assert [(each.night.isoformat(), each.action) for each in made] == [(NEXT, first["action"])]
    assert made[0].rows == len(cells("sales", NIGHT)) + len(cells("sales", NEXT)) - 2
    assert monitor(PROJECT, date.fromisoformat(NEXT)) == first
    assert len(read_entries(workspace.lake, PROJECT, "night")) == decided_before + 1


def test_rows_of_days_that_the_champion_knows_are_answered_when_they_come_late(workspace: Workspace) -> None:
    header, *rest = first_cells("sales")
    at = header.index("id")
    late = [[*row[:at], f"late{number}", *row[at + 1 :]] for number, row in enumerate(rest[:40])]
    land(workspace.folder, "sales", NIGHT, [header, *late])
    run_night(NIGHT)
    of = batch(workspace, NIGHT)
    assert of.rows_accepted == 40
    assert [name.startswith("late") for name in served(workspace, of)] == [True] * 40
    assert profiled(workspace, of) == 0
