"""Specs, lakes, records and registries that no longer fit each other: what nights do, and what a person reads."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from tasks.errors import SpecError
from tasks.lake import deliveries, read_entries, read_nights
from tests.end_to_end.project_copies import NIGHT, Copy, cells

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of third parties' own imports

Copier = Callable[..., Copy]
Said = Callable[..., str]


def predictions(it: Copy) -> pd.DataFrame:
    found = it.workspace.lake.read(it.project, "predictions", columns=["row_id", "prediction"])
    return found.sort_values("row_id", ignore_index=True)


def a_night(it: Copy, monkeypatch: pytest.MonkeyPatch) -> str:
    from flows.nightly import nightly

    it.enter(monkeypatch)
    it.land("sales", NIGHT, cells("sales"))
    it.land("prices", NIGHT, cells("prices"))
    return str(nightly(it.project, date.fromisoformat(NIGHT))["action"])


def test_a_feature_taken_out_of_the_spec_is_read_for_the_champion_and_not_learned_by_the_next(
    copy: Copier, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.retrain import retrain

    before, after = copy("before"), copy("after", "changed")
    after.replace_in_spec("    - sqft_basement\n", "")
    assert a_night(before, monkeypatch) == a_night(after, monkeypatch)
    pd.testing.assert_frame_equal(predictions(before), predictions(after))
    outcome = retrain(after.project, date.fromisoformat(NIGHT))
    assert "sqft_basement" not in outcome["reason"]
    champion = after.workspace.champion()
    assert champion is not None
    assert "sqft_basement" in champion.model.schema.numbers


def test_a_column_that_privacy_keeps_out_stops_the_night_until_a_version_without_it_is_champion(
    copy: Copier, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.nightly import nightly
    from flows.promote import promote
    from flows.retrain import retrain

    it, night = copy("it", "dropped"), date.fromisoformat(NIGHT)
    it.replace_in_spec("    - sqft_basement\n", "")
    it.replace_in_spec("\ngate:\n", "\nprivacy: {drop: [sqft_basement]}\n\ngate:\n")
    with pytest.raises(SpecError, match="reads 'sqft_basement', which the spec no longer names, and `privacy` keeps"):
        a_night(it, monkeypatch)
    assert deliveries(it.workspace.lake, it.project).of(night) == []
    outcome = retrain(it.project, night)
    assert outcome["action"] == "registered", outcome
    (entry,) = read_entries(it.workspace.lake, it.project, "retraining")[-1:]
    number = int(entry.subject.removeprefix("version "))
    it.workspace.registry.set_tag(it.project, number, "approval", "approved")
    promote(it.project, night)
    assert nightly(it.project, night)["rows_in"] > 0
    champion = it.workspace.champion()
    assert champion is not None
    assert (champion.number, "sqft_basement" in champion.model.schema.numbers) == (number, False)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Return what a command prints about a copy of the project."""

    def printed(it: Copy, *command: str) -> str:
        from flows.cli.app import main

        capsys.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**it.environment, "COLUMNS": "400", "NO_COLOR": "1"}.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["leeway", *command])
            with pytest.raises(SystemExit):
                main()
        return "".join(capsys.readouterr())

    return printed


def test_a_champion_deleted_in_mlflow_is_missed_by_the_night_by_status_and_by_check(
    copy: Copier, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = copy("it", "deleted")
    gone = "version 1 is champion by the decision record, but "
    assert gone not in said(it, "status", it.project)
    it.workspace.registry._server.ask("delete_model_version", it.project, "1")
    for command in ("status", "check"):
        printed = said(it, command, it.project)
        assert f"{gone}MLflow no longer has it, nor any champion before it: no row is answered" in printed
        assert f"`leeway run retrain {it.project}`, and approve the new version" in printed
    assert a_night(it, monkeypatch) == "wait"
    assert f"{gone}the registry no longer has it: restore it" in read_nights(it.workspace.lake, it.project)[-1].reason


def test_a_renamed_project_learns_that_its_history_has_another_name(copy: Copier, said: Said) -> None:
    it = copy("it", "old")
    projects = it.where / "projects"
    (projects / "old").rename(projects / "new")
    spec = projects / "new" / "project.yaml"
    spec.write_text(spec.read_text(encoding="utf-8").replace("project: old", "project: new"), encoding="utf-8")
    renamed = replace(it, project="new")
    for command in ("status", "check"):
        printed = said(renamed, command, "new")
        assert "new has no night yet, but the lake has 'old', which no project.yaml describes" in printed
        assert "`leeway rename old new` brings its history and its champion along" in printed


def test_a_kind_that_was_changed_is_found_by_check_before_a_night_fails_on_it(copy: Copier, said: Said) -> None:
    it = copy("it", "kinds")
    it.replace_in_spec("categories: [zipcode]", "categories: [zipcode, condition]")
    it.replace_in_spec("    - condition # 1..5\n", "")
    printed = said(it, "check", it.project)
    assert (
        "features.categories lists 'condition', which is stored as numbers since the first nights of kinds" in printed
    )


def test_a_changed_spec_is_in_the_record_and_a_night_is_decided_again_by_the_one_that_counted_then(
    copy: Copier, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.backtest.redecide import redecide
    from flows.steps.recorded_spec import record_spec, with_spec_of

    it, night = copy("it", "policy"), date.fromisoformat(NIGHT)
    a_night(it, monkeypatch)
    it.replace_in_spec("cohort_days: 28", "cohort_days: 14")
    it.replace_in_spec("    - sqft_lot15", "    # sqft_lot15")
    for _ in range(2):
        record_spec(it.workspace, night)
    first, changed = read_entries(it.workspace.lake, it.project, "spec")
    assert (first.action, changed.action) == ("recorded", "changed")
    assert first.reason == "the spec as the first run found it"
    assert changed.reason == 'features.numbers: - "sqft_lot15"; monitoring.cohort_days: 28 -> 14'
    record = read_entries(it.workspace.lake, it.project)
    then, now = (with_spec_of(it.workspace, record, entry.time).spec for entry in (first, changed))
    assert (then.monitoring.cohort_days, now.monitoring.cohort_days) == (28, 14)
    assert now == it.workspace.spec
    stored, again = redecide(it.workspace, night)
    assert (again.action, again.answers) == (stored.action, stored.answers)
