"""A feature table that changes its codes, and its correction: rows are quarantined, and come back without a person."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import yaml

from flows.cli.commands.project_data.release_batch import batch_named
from flows.loaded_version import Champion
from flows.steps.corrected_tables import release_corrected
from flows.workspace import Workspace
from tasks.dataset.night_data import NightData
from tasks.decide.suspicion_states import quarantined_suspicions, suspected_after
from tasks.drift import build_reference
from tasks.ingest.task import take_in
from tasks.lake import Batch, Lake, active_rows, append_entry, latest, read_entries
from tasks.monitor import Promise
from tasks.monitor.baseline import ChampionBaseline
from tasks.monitor.data_quality_checks import finding_of
from tasks.monitor.profiling.task import profile_batches, profile_refused
from tasks.monitor.task import suspect
from tasks.profiles import fit_ruler, profile
from tasks.records import SuspicionState, suspected_days, suspected_in
from tasks.report.pending_actions import PendingAction, pending_actions
from tasks.spec import ProjectSpec, read_spec
from tasks.validate.acceptance.quarantine_rows import as_delivered
from tasks.validate.acceptance.task import quarantine, store
from tasks.validate.task import release, verdicts
from tests.recorded_entries import decided_night

FIRST, LEARNT, ROWS, CUSTOMERS = date(2026, 2, 2), 28, 200, 60
PLANS = ["basic", "pro", "team"]
RECODED = {"basic": "P1", "pro": "P2", "team": "P3"}
SPEC: dict[str, Any] = {
    "project": "trips",
    "scope": {"owner": "me", "objective": "fares", "metric": "mean_absolute_error"},
    "source": {
        "uri": "trips", "id": ["id"], "event_time": "at", "arrival": "filename", "label": {"column": "fare"},
    },
    "features": {
        "numbers": ["km"],
        "tables": [
            {
                "name": "accounts",
                "uri": "accounts",
                "entity": ["customer"],
                "event_time": "since",
                "columns": {"categories": ["plan"]},
            }
        ],
    },
}  # fmt: skip

AT_LEAST_ZERO = {
    "type": "expect_column_values_to_be_between",
    "kwargs": {"column": "km", "min_value": 0},
    "severity": "critical",
}


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def trips(number: int, **changes: Any) -> pd.DataFrame:
    rng = np.random.default_rng([3, number])
    frame = pd.DataFrame({"id": [f"{number}-{place}" for place in range(ROWS)], "at": day(number)})
    customers = [f"c{one}" for one in rng.integers(0, CUSTOMERS, ROWS)]
    return frame.assign(km=rng.normal(20, 4, ROWS), customer=customers, fare=5.0, **changes)


def accounts(number: int, codes: Mapping[str, str] | None = None) -> pd.DataFrame:
    plans = [PLANS[customer % len(PLANS)] for customer in range(CUSTOMERS)]
    frame = pd.DataFrame({"customer": [f"c{customer}" for customer in range(CUSTOMERS)], "since": day(number)})
    return frame.assign(plan=[(codes or {}).get(plan, plan) for plan in plans])


@dataclass
class Project:
    """A project that has learned from four weeks, and its nights as far as they quarantine and release."""

    workspace: Workspace
    champion: Champion

    @property
    def spec(self) -> ProjectSpec:
        return self.workspace.spec

    @property
    def lake(self) -> Lake:
        return self.workspace.lake

    def lands(self, folder: str, number: int, frame: pd.DataFrame) -> None:
        frame.to_csv(self.workspace.folder / folder / f"{day(number)}.csv", index=False)

    def takes_in(self, number: int) -> None:
        moment = datetime.combine(day(number), datetime.min.time(), UTC) + timedelta(hours=22)
        landed = take_in(self.lake, self.spec, self.workspace.folder, day(number), moment)
        store(self.lake, self.spec, verdicts(landed, self.spec, self.workspace.folder), day(number), moment)

    def night(self, number: int) -> None:
        """Take in what landed, judge it, and record the suspicions."""
        self.takes_in(number)
        data = NightData.read(self.lake, self.spec, day(number))
        if release_corrected(self.workspace, self.champion, data):
            data = data.reread()
        summaries = self.workspace.summaries(self.champion.ruler)
        found = suspect(data, self.champion.baseline, summaries)
        batches = {one.batch_id: one for one in data.deliveries.of(day(number))}
        findings = {batches[name]: [finding_of(one, batches[name]) for one in its] for name, its in found.items()}
        quarantine(self.lake, self.spec, findings)
        data = data.reread()
        profile_batches(data.deliveries.accepted(day(LEARNT - 1)), summaries)
        held = [one for one in data.deliveries.latest() if one.kind == "rows" and one.verdict == "quarantined"]
        profile_refused(self.lake, "trips", held, self.champion.ruler, read=partial(as_delivered, spec=self.spec))
        before, landed = suspected_in(data.entries, day(number)), data.deliveries.of(day(number))
        after = suspected_after(before, quarantined_suspicions(landed), (), {}, day(number))
        place = (day(number) - date(2026, 2, 1)).days
        append_entry(self.lake, "trips", decided_night(place, self.spec, suspected=after))

    @property
    def states(self) -> tuple[SuspicionState, ...]:
        return suspected_in(read_entries(self.lake, "trips"))

    @property
    def questions(self) -> list[PendingAction]:
        pending = pending_actions(read_entries(self.lake, "trips"), self.spec)
        return [one for one in pending if "drifted" in one.what]

    def verdict(self, number: int) -> str:
        return next(one.verdict for one in latest(self.lake, "trips") if one.key == f"{day(number)}.csv")

    def plans(self, number: int) -> set[str]:
        rows = active_rows(self.lake, "trips", "rows")
        return set(self.workspace.features(rows[rows["event_date"] == day(number)])["plan"])


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "trips"
    for name in ("trips", "accounts"):
        (folder / name).mkdir(parents=True)
    (folder / "project.yaml").write_text(yaml.safe_dump(SPEC), encoding="utf-8")
    suite = json.dumps({"name": "trips", "expectations": [AT_LEAST_ZERO]})
    (folder / "expectations.json").write_text(suite, encoding="utf-8")
    spec = read_spec(folder / "project.yaml")
    workspace = Workspace(spec, folder, tmp_path, Lake(str(tmp_path / "lake")), cast("Any", None))
    made = Project(workspace, cast("Any", None))
    made.lands("accounts", 0, accounts(0))
    made.lands("trips", LEARNT - 1, pd.concat([trips(number) for number in range(LEARNT)]))
    made.takes_in(LEARNT - 1)
    history = workspace.features(active_rows(workspace.lake, "trips", "rows"))
    ruler = fit_ruler(history, numbers=["km"], categories=["plan"], booleans=[])
    reference = build_reference([(str(when), profile(part, ruler)) for when, part in history.groupby("event_date")])
    promise = Promise("mean_absolute_error", 1.0, 0.0, len(history))
    baseline = ChampionBaseline(1, reference, promise, day(LEARNT - 1))
    made.champion = cast("Champion", SimpleNamespace(ruler=reference.total.ruler, baseline=baseline))
    return made


def broken_nights(project: Project) -> SuspicionState:
    """Run two nights with recoded values; return what a person is asked."""
    project.lands("accounts", LEARNT, accounts(LEARNT, RECODED))
    for number in (LEARNT, LEARNT + 1):
        project.lands("trips", number, trips(number))
        project.night(number)
        assert project.verdict(number) == "quarantined"
    (state,) = project.states
    return state


def test_rows_with_recoded_values_of_a_feature_table_come_back_with_its_correction(project: Project) -> None:
    state = broken_nights(project)
    assert (state.kind, state.columns, state.open) == ("renamed_category", ("plan",), True)
    (asked,) = project.questions
    assert "it comes from the feature table 'accounts': once that is corrected, the rows are judged again" in asked.how
    project.lands("accounts", LEARNT + 2, accounts(LEARNT))
    project.lands("trips", LEARNT + 2, trips(LEARNT + 2))
    project.night(LEARNT + 2)
    assert [project.verdict(number) for number in range(LEARNT, LEARNT + 3)] == ["released", "released", "accepted"]
    assert [project.plans(number) for number in range(LEARNT, LEARNT + 3)] == [set(PLANS)] * 3
    assert [(one.corrected, one.open, one.answer) for one in project.states] == [(True, False, None)]
    assert suspected_days(project.states, day(LEARNT + 2)) == ()
    assert project.questions == []
    rows = active_rows(project.lake, "trips", "rows")
    assert (len(rows), rows["row_id"].is_unique) == ((LEARNT + 3) * ROWS, True)


def test_the_correction_may_have_the_name_of_the_file_that_was_wrong(project: Project) -> None:
    broken_nights(project)
    project.lands("accounts", LEARNT, accounts(LEARNT))
    project.lands("trips", LEARNT + 2, trips(LEARNT + 2))
    project.night(LEARNT + 2)
    assert [project.verdict(number) for number in range(LEARNT, LEARNT + 3)] == ["released", "released", "accepted"]


def test_rows_wait_until_no_row_of_their_suspicion_is_wrong(project: Project) -> None:
    broken_nights(project)
    only_later = accounts(LEARNT + 1)
    project.lands("accounts", LEARNT + 2, only_later)  # rows of the day before still have the other codes
    project.night(LEARNT + 2)
    assert [project.verdict(number) for number in (LEARNT, LEARNT + 1)] == ["quarantined"] * 2
    project.lands("accounts", LEARNT + 3, accounts(LEARNT))
    project.night(LEARNT + 3)
    assert [project.verdict(number) for number in (LEARNT, LEARNT + 1)] == ["released"] * 2


def test_newer_values_of_a_table_do_not_make_older_rows_right(project: Project) -> None:
    broken_nights(project)
    project.lands("accounts", LEARNT + 2, accounts(LEARNT + 2))
    project.lands("trips", LEARNT + 2, trips(LEARNT + 2))
    project.night(LEARNT + 2)
    expected = ["quarantined", "quarantined", "accepted"]
    assert [project.verdict(number) for number in range(LEARNT, LEARNT + 3)] == expected


def test_a_run_that_was_killed_while_it_released_is_finished_by_the_next(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_nights(project)
    project.lands("accounts", LEARNT + 2, accounts(LEARNT))
    with monkeypatch.context() as killing:
        killing.setattr("flows.steps.corrected_tables.release", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            project.night(LEARNT + 2)
    assert project.verdict(LEARNT) == "quarantined"
    project.lands("trips", LEARNT + 2, trips(LEARNT + 2))
    project.night(LEARNT + 2)
    assert [project.verdict(number) for number in range(LEARNT, LEARNT + 3)] == ["released", "released", "accepted"]


def test_rows_that_the_contract_refused_stay_quarantined_until_a_person_releases_them(project: Project) -> None:
    project.lands("accounts", LEARNT, accounts(LEARNT, RECODED))
    project.lands("trips", LEARNT, trips(LEARNT).assign(km=lambda rows: rows["km"].where(rows.index > 0, -7.0)))
    project.night(LEARNT)
    project.lands("accounts", LEARNT + 1, accounts(LEARNT))
    project.night(LEARNT + 1)
    batch = batch_named(project.spec, project.lake, f"{day(LEARNT)}.csv")
    assert (batch.verdict, batch.rows_accepted, batch.rows_quarantined) == ("released", ROWS - 1, 1)
    moment = datetime.combine(day(LEARNT + 2), datetime.min.time(), UTC)
    assert release(project.lake, project.spec, batch, moment) == 1
    assert release(project.lake, project.spec, latest_named(project, batch.key), moment) == 0
    assert (latest_named(project, batch.key).rows_accepted, batch.rows_in) == (ROWS, ROWS)


def latest_named(project: Project, key: str) -> Batch:
    return next(one for one in latest(project.lake, "trips") if one.key == key)
