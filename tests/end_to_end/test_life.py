"""A whole life on the house sales, on real servers: first model, quiet nights, drift, retraining, and the way back.

The stages build on each other, each a fixture with its result; what must always hold is asked at the end.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from tasks.lake import accepted, latest, read_entries, read_nights

if TYPE_CHECKING:
    from flows.workspace import Workspace

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of third parties' own imports
PROJECT = "life"
FIRST_NIGHT, LATE_NIGHT = "2014-11-17", "2015-04-06"
QUIET_NIGHTS = ("2014-11-24", "2014-12-01")
LANDING = {
    "sales": {
        "2014-07-14": ("2014-05-05", "2014-07-14"),
        "2014-09-15": ("2014-07-21", "2014-09-15"),
        FIRST_NIGHT: ("2014-09-22", "2014-11-17"),
        **{night: (night, night) for night in QUIET_NIGHTS},
        "2015-03-02": ("2014-12-08", "2015-03-02"),
        LATE_NIGHT: ("2015-03-09", "2015-04-06"),
    },
    "prices": {
        FIRST_NIGHT: ("2014-05-19", "2014-11-17"),
        **{night: (night, night) for night in QUIET_NIGHTS},
        LATE_NIGHT: ("2014-12-08", "2015-04-06"),
    },
}


@pytest.fixture(scope="module")
def workspace(servers: Path, houses: Callable[[Path, Any], None]) -> Workspace:
    from flows.stack.deployments import deploy
    from flows.workspace import open_workspace

    houses(servers / "projects" / PROJECT, LANDING)
    raise_prices(servers / "projects" / PROJECT / "landing" / "prices" / f"{LATE_NIGHT}.csv")
    name_sellers(servers / "projects" / PROJECT)
    opened = open_workspace(PROJECT)
    deploy([opened.spec], servers)
    return opened


def raise_prices(delivery: Path) -> None:
    """Let every price of a delivery be a fifth higher: a change that the spring of 2015 does not explain."""
    prices = pd.read_csv(delivery, dtype={"id": str})
    prices.assign(price=(prices["price"] * 1.2).round()).to_csv(delivery, index=False)


def name_sellers(project: Path) -> None:
    """Let every sale say who sold the house, for groups that no model sees; list further metrics too."""
    for delivery in (project / "landing" / "sales").iterdir():
        sales = pd.read_csv(delivery, dtype=str)
        sales["seller"] = ["agent" if number % 3 else "owner" for number in range(len(sales))]
        sales.to_csv(delivery, index=False)
    with (project / "project.yaml").open("a", encoding="utf-8") as spec:
        spec.write("metrics: [{use: r2}, {use: mean_absolute_percentage_error, max_loss: 0.05}]\n")
        spec.write("fairness: {groups: [seller], limits: {error: 0.05}}\n")


def run_flow(kind: str, night: str) -> dict[str, Any]:
    from flows.stack.run_deployment import run

    result: dict[str, Any] = run(kind, PROJECT, date=night)
    return result


def run_due() -> list[dict[str, Any]]:
    from flows.stack.run_deployment import run_due

    return run_due("retrain", PROJECT)


def click(workspace: Workspace, number: int, answer: str) -> None:
    """Do what the MLflow UI does when a person adds the tag."""
    from mlflow import MlflowClient

    MlflowClient(workspace.registry.url).set_model_version_tag(PROJECT, str(number), "approval", answer)


@pytest.fixture(scope="module")
def history(workspace: Workspace) -> dict[str, Any]:  # noqa: ARG001 - it must be deployed
    return run_flow("nightly", FIRST_NIGHT)


@pytest.fixture(scope="module")
def first_challenger(history: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001 - a stage after the other
    return run_flow("retrain", FIRST_NIGHT)


@pytest.fixture(scope="module")
def first_champion(workspace: Workspace, first_challenger: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001 - as above
    before = run_flow("promote", FIRST_NIGHT)
    click(workspace, 1, "approved")
    return {"before": before, "after": run_flow("promote", FIRST_NIGHT)}


@pytest.fixture(scope="module")
def quiet_nights(first_champion: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: ARG001 - as above
    return [run_flow("nightly", night) for night in QUIET_NIGHTS]


@pytest.fixture(scope="module")
def late_night(quiet_nights: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: ARG001 - as above
    return run_flow("nightly", LATE_NIGHT)


@pytest.fixture(scope="module")
def retrained(late_night: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001 - as above
    again = run_flow("nightly", LATE_NIGHT)  # the decision is found, and starts nothing more
    return {"again": again, "runs": run_due(), "later": run_due()}


@pytest.fixture(scope="module")
def second_champion(workspace: Workspace, retrained: dict[str, Any]) -> dict[str, int]:  # noqa: ARG001 - as above
    click(workspace, 2, "Approved ")
    run_flow("promote", LATE_NIGHT)
    return workspace.registry.aliases(PROJECT)


@pytest.fixture(scope="module")
def rolled_back(workspace: Workspace, second_champion: dict[str, int]) -> dict[str, Any]:  # noqa: ARG001 - as above
    from flows.promote import roll_back_now

    said = roll_back_now(workspace, "offers were too high", date.fromisoformat(LATE_NIGHT))
    aliases = workspace.registry.aliases(PROJECT)
    click(workspace, 2, "approved")
    return {"said": said, "aliases": aliases, "promote": run_flow("promote", LATE_NIGHT)}


def test_the_first_night_takes_in_what_landed_and_waits_for_a_model(
    workspace: Workspace, history: dict[str, Any]
) -> None:
    assert history["action"] == "wait"
    assert history["rows_in"] == 12_527 + 11_757  # sales, and the prices that had landed by then
    assert [batch.verdict for batch in latest(workspace.lake, PROJECT)] == ["accepted"] * 4


def test_the_first_challenger_carries_its_files_its_card_and_its_tags(
    workspace: Workspace, first_challenger: dict[str, Any]
) -> None:
    assert first_challenger["action"] == "registered"
    version = workspace.registry.version(PROJECT, 1)
    assert version is not None
    assert set(workspace.registry.fetch(version)) >= {
        "analysis.json", "answers.json", "evidence.json", "leaderboard.json", "model.compact", "model.onnx",
        "reference.bin", "schema.json", "training.json",
    }  # fmt: skip
    assert "May this version become champion of life?" in version.description
    assert version.tags["leeway.compared_with"] == "none"
    assert version.tags["leeway.verdict"] == "clear_win"


def test_no_version_is_champion_until_a_person_said_so(first_champion: dict[str, Any]) -> None:
    assert first_champion["before"]["action"] == "none"
    assert first_champion["after"]["reason"] == "version 1 is the first champion: approved"


def test_quiet_nights_are_scored(quiet_nights: list[dict[str, Any]]) -> None:
    assert [night["action"] for night in quiet_nights] == ["score", "score"]
    assert [night["reason"] for night in quiet_nights] == ["within leeway", "within leeway"]


def test_the_error_is_measured_on_matured_cohorts_only(
    workspace: Workspace, quiet_nights: list[dict[str, Any]]
) -> None:
    assert len(quiet_nights) == 2
    last = next(entry for entry in read_nights(workspace.lake, PROJECT) if str(entry.night) == QUIET_NIGHTS[-1])
    seen = last.performance
    assert seen is not None
    assert seen.end <= workspace.spec.matured_until(date.fromisoformat(QUIET_NIGHTS[-1]))
    assert 0.08 < seen.loss.value < 0.16
    assert abs(seen.bias.value) < 0.03


def test_prices_that_rose_while_houses_stayed_the_same_are_concept_drift(late_night: dict[str, Any]) -> None:
    assert (late_night["action"], late_night["kind"]) == ("retrain", "concept")
    assert "bias" in late_night["reason"]


def test_one_decision_starts_one_retraining_however_often_its_night_is_run(retrained: dict[str, Any]) -> None:
    assert retrained["again"]["action"] == "retrain"
    assert [run["action"] for run in retrained["runs"]] == ["registered"]
    assert retrained["later"] == []


def test_the_second_challenger_beat_the_champion_on_rows_newer_than_both(
    workspace: Workspace, retrained: dict[str, Any]
) -> None:
    assert "of the champion" in retrained["runs"][0]["reason"]
    version = workspace.registry.version(PROJECT, 2)
    assert version is not None
    assert version.tags["leeway.compared_with"] == "1"
    assert version.tags["leeway.kind"] == "concept"


def test_further_metrics_and_groups_are_in_the_evidence_the_card_and_the_numbers_of_a_version(
    workspace: Workspace, retrained: dict[str, Any]
) -> None:
    assert retrained["runs"]
    version = workspace.registry.version(PROJECT, 2)
    assert version is not None
    files = workspace.registry.fetch(version)
    evidence = json.loads(files["evidence.json"])
    assert [found["challenger"]["name"] for found in evidence["metrics"]] == ["r2", "mean_absolute_percentage_error"]
    assert all(found["difference_low"] is not None for found in evidence["metrics"])
    gaps = [found["challenger"] for found in evidence["fairness"]]
    assert {(gap["group"], gap["measure"]) for gap in gaps} == {
        (group, measure) for group in ("agent", "owner") for measure in ("error", "calibration")
    }
    assert "seller" not in files["schema.json"].decode()
    card = version.description.replace("&#95;", "_")
    assert "Other metrics" in card
    assert "seller = agent" in card


def test_a_night_measures_further_metrics_and_groups_of_its_newest_cohort(
    workspace: Workspace, late_night: dict[str, Any]
) -> None:
    assert late_night["action"] == "retrain"
    last = next(entry for entry in read_nights(workspace.lake, PROJECT) if str(entry.night) == LATE_NIGHT)
    r2, share = last.metrics
    assert 0 < (r2.value or 0) < 1
    assert (share.low or 0) < (share.value or 0) < (share.high or 0)
    assert {gap.group for gap in last.fairness} == {"agent", "owner"}
    assert all(gap.rows > 100 for gap in last.fairness)


def test_approval_makes_it_champion_and_keeps_the_one_before(second_champion: dict[str, int]) -> None:
    assert second_champion == {"champion": 2, "previous": 1}


def test_a_rollback_brings_the_previous_champion_back(rolled_back: dict[str, Any]) -> None:
    assert (
        rolled_back["said"] == "version 1 is champion again; version 2 cannot be promoted again: offers were too high"
    )
    assert rolled_back["aliases"]["champion"] == 1


def test_what_was_rolled_back_is_not_promoted_again_even_if_a_person_approves_it(
    workspace: Workspace, rolled_back: dict[str, Any]
) -> None:
    assert rolled_back["promote"]["action"] == "refused"
    assert "it cannot be promoted (rolled back to version 1: offers were too high)" in rolled_back["promote"]["reason"]
    assert workspace.registry.aliases(PROJECT)["champion"] == 1


@pytest.mark.usefixtures("rolled_back")
class TestWhatMustAlwaysHold:
    """The laws, at the end of this life."""

    def test_each_delivery_is_one_batch_in_one_state(self, workspace: Workspace) -> None:
        landed = {
            ("rows" if kind == "sales" else "labels", f"{day}.csv") for kind, days in LANDING.items() for day in days
        }
        batches = latest(workspace.lake, PROJECT)
        assert {(batch.kind, batch.key) for batch in batches} == landed
        assert len(batches) == len(landed)
        assert {batch.verdict for batch in batches} == {"accepted"}

    def test_what_came_in_was_accepted_or_quarantined(self, workspace: Workspace) -> None:
        batches = latest(workspace.lake, PROJECT)
        assert all(
            batch.rows_in == batch.rows_accepted + batch.rows_quarantined + batch.rows_elsewhere for batch in batches
        )
        for table in ("rows", "labels"):
            written = workspace.lake.read(PROJECT, table)["batch_id"].value_counts().to_dict()
            assert written == {batch.batch_id: batch.rows_accepted for batch in batches if batch.kind == table}

    def test_each_row_newer_than_the_first_champion_was_served_once(self, workspace: Workspace) -> None:
        predictions = workspace.lake.read(PROJECT, "predictions")
        served = predictions.loc[predictions["role"] == "champion", "row_id"]
        rows = workspace.lake.read(PROJECT, "rows")
        newer = rows.loc[rows["event_date"] > workspace.load(1).trained_until, "row_id"]
        assert served.is_unique
        assert set(newer) <= set(served)

    def test_each_version_answered_once_for_a_row(self, workspace: Workspace) -> None:
        predictions = workspace.lake.read(PROJECT, "predictions")
        assert not predictions.duplicated(["row_id", "version"]).any()

    def test_stored_profiles_add_up_to_the_profile_of_the_committed_rows(self, workspace: Workspace) -> None:
        from tasks.lake import batch_rows
        from tasks.profiles import TableProfile, from_bytes, profile, to_bytes

        champion = workspace.champion()
        assert champion is not None
        ruler = champion.ruler
        merged = recomputed = TableProfile.empty(ruler)
        for stored in workspace.lake.read(PROJECT, "profiles")["profile"]:
            merged += from_bytes(stored)
        for batch in accepted(workspace.lake, PROJECT, after=champion.trained_until):
            recomputed += profile(workspace.features(batch_rows(workspace.lake, PROJECT, batch)), ruler)
        assert to_bytes(merged) == to_bytes(recomputed)

    def test_there_is_one_champion_and_its_files_verify(self, workspace: Workspace) -> None:
        champions = [each for each in workspace.registry.versions(PROJECT) if "champion" in each.aliases]
        assert len(champions) == 1
        assert workspace.registry.fetch(champions[0])

    def test_each_decision_to_retrain_was_carried_out_once(self, workspace: Workspace) -> None:
        decided = [entry.name for entry in read_entries(workspace.lake, PROJECT, "night") if entry.action == "retrain"]
        done = [entry.name for entry in read_entries(workspace.lake, PROJECT, "retraining")]
        assert sorted(done) == sorted(["by-hand/2014-11-17", *decided])
        assert len(decided) == 1

    def test_the_report_and_the_chart_of_every_night_are_there(self, workspace: Workspace) -> None:
        from mlflow import MlflowClient

        report = Path(workspace.lake.root) / PROJECT / "objects" / "report.html"
        shown = report.read_text(encoding="utf-8")
        assert LATE_NIGHT in shown
        assert "Inputs, then and now" in shown
        assert shown.count("<div class='dist'>") == len(workspace.spec.features.columns)
        client = MlflowClient(workspace.registry.url)
        experiment = client.get_experiment_by_name(PROJECT)
        runs = client.search_runs([experiment.experiment_id], "tags.`leeway.series` = 'monitoring'")
        assert len(client.get_metric_history(runs[0].info.run_id, "error")) == 3
        assert len(client.get_metric_history(runs[0].info.run_id, "metric.r2")) == 3
        assert len(client.get_metric_history(runs[0].info.run_id, "fairness.error")) == 3
