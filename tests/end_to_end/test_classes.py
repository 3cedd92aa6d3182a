"""A project with a label that names one of several classes, from its first delivery to its second champion.

Parcels go by bike, van or truck. From the 13th week on bikes carry more, so the first model's promise does not hold,
and a second one, which answers with it before it is approved, takes its place.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from tasks.lake import active_rows, read_entries, read_nights
from tasks.records import ChallengerInService, NightEntry, PromotionEntry, Recovered

if TYPE_CHECKING:
    from flows.loaded_version import Champion
    from flows.workspace import Workspace

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of third parties' own imports
PROJECT = "parcels"
BEGIN, WEEK = date(2026, 1, 5), timedelta(days=7)
HISTORY_WEEKS, LAST_WEEK, A_WEEK = 12, 20, 140
WAITING = 2  # the version that answers with the champion
SPEC = f"""
project: {PROJECT}
scope: {{owner: ann, objective: Choose a vehicle., metric: log_loss, baseline: majority}}
source:
  uri: landing/rows
  id: [id]
  event_time: sent
  arrival: filename
  label: {{column: vehicle, uri: landing/labels, delay_days: 7}}
features: {{numbers: [weight], categories: [zone], dates: [ordered]}}
split: {{holdout_days: 21, folds: 2, fold_days: 14}}
training:
  task: multiclass
  time_treatments: [all_history, recency]
  half_lives_days: [7.0]
  iterations: [30]
  min_rows: 200
gate: {{min_rows: 100, slices: [zone]}}
monitoring: {{cohort_days: 14, min_rows: 50, cooldown_days: 7}}
automation: {{retrain: ask, target_error: 0.2, degree: partial}}
scoring: {{output: answers, format: csv, shadow: true}}
"""


def week(number: int) -> pd.DataFrame:
    """A week's parcels; what was ordered on a weekend is sent by truck, north needs heavier bikes."""
    rng = np.random.default_rng(number)
    sent = [BEGIN + number * WEEK + timedelta(days=int(day)) for day in np.sort(rng.integers(0, 7, A_WEEK))]
    ordered = [day - timedelta(days=int(ago)) for day, ago in zip(sent, rng.integers(1, 10, A_WEEK), strict=True)]
    weight, zone = rng.uniform(0, 10, A_WEEK).round(2), rng.choice(["north", "south", "west"], A_WEEK)
    lightest = np.where(zone == "north", 4.0, 3.0) + (3.0 if number >= HISTORY_WEEKS else 0.0)
    vehicle = np.where(weight < lightest, "bike", "van")
    vehicle = np.where([day.weekday() > 4 for day in ordered], "truck", vehicle)
    noise = rng.random(A_WEEK) < 0.05
    vehicle = np.where(noise, rng.choice(["bike", "truck", "van"], A_WEEK), vehicle)
    ids = [f"{number}-{place}" for place in range(A_WEEK)]
    return pd.DataFrame(
        {"id": ids, "sent": sent, "ordered": ordered, "weight": weight, "zone": zone, "vehicle": vehicle}
    )


def night(number: int) -> date:
    """The Monday after a week, on which its rows and the labels of the week before have landed."""
    return BEGIN + (number + 1) * WEEK


@pytest.fixture(scope="module")
def workspace(servers: Path) -> Workspace:
    from flows.workspace import open_workspace

    folder = servers / "projects" / PROJECT
    for kind in ("rows", "labels"):
        (folder / "landing" / kind).mkdir(parents=True)
    (folder / "project.yaml").write_text(SPEC, encoding="utf-8")
    (folder / "expectations.json").write_text('{"name": "parcels", "expectations": []}', encoding="utf-8")
    for number in range(LAST_WEEK + 1):
        rows = week(number)
        rows.drop(columns="vehicle").to_csv(folder / f"landing/rows/{night(number)}.csv", index=False)
        rows[["id", "vehicle"]].to_csv(folder / f"landing/labels/{night(number + 1)}.csv", index=False)
    return open_workspace(PROJECT)


def run(kind: str, number: int) -> dict[str, Any]:
    from importlib import import_module

    flow = getattr(import_module(f"flows.{kind}"), kind)
    result: dict[str, Any] = flow(PROJECT, night(number))
    return result


def last_night(workspace: Workspace) -> NightEntry:
    return read_nights(workspace.lake, PROJECT)[-1]


@pytest.fixture(scope="module")
def first(workspace: Workspace) -> Workspace:
    """The first champion, and the weeks in which bikes carry more."""
    run("nightly", HISTORY_WEEKS)
    run("retrain", HISTORY_WEEKS)
    workspace.registry.set_tag(PROJECT, 1, "approval", "approved")
    run("promote", HISTORY_WEEKS)
    for number in range(HISTORY_WEEKS, HISTORY_WEEKS + 5):
        run("nightly", number)
    return workspace


def test_labels_keep_their_names_and_answers_name_a_class(first: Workspace) -> None:
    labels = active_rows(first.lake, PROJECT, "labels")
    assert set(labels["label"]) == {"bike", "truck", "van"}
    champion = first.champion()
    assert champion is not None
    assert champion.model.schema.classes == ("bike", "truck", "van")
    made = active_rows(first.lake, PROJECT, "predictions", where=[("version", "=", 1)])
    assert set(made["predicted_class"]) == {"bike", "truck", "van"}
    best = np.stack(made["probabilities"].to_list()).argmax(axis=1)
    assert (np.array(champion.model.schema.classes)[best] == made["predicted_class"]).all()
    assert made["confidence"].to_numpy() == pytest.approx(np.stack(made["probabilities"].to_list()).max(axis=1))


def test_the_date_is_a_feature_of_the_exported_model(first: Workspace) -> None:
    champion = first.champion()
    assert champion is not None
    assert champion.model.schema.format == "onnx"
    importances = dict(champion.importances)
    assert importances["ordered"] > importances["zone"]
    assert set(champion.ruler.ages) == {"ordered"}  # watched by its age
    row = pd.DataFrame({"weight": [1.0], "zone": ["south"]})
    saturday, monday = (row.assign(ordered=pd.Timestamp(day)) for day in ("2026-03-14", "2026-03-16"))
    said = [np.argmax(champion.model.predict(each)[0]) for each in (saturday, monday)]
    assert [champion.model.schema.classes[place] for place in said] == ["truck", "bike"]


def test_files_of_answers_hold_the_names(first: Workspace) -> None:
    files = sorted((first.folder / "answers").iterdir())
    assert files
    assert set(pd.read_csv(files[-1])["predicted_class"]) <= {"bike", "truck", "van"}


def test_the_error_of_what_was_automatic_and_of_all_is_measured(first: Workspace) -> None:
    night = last_night(first)
    assert night.automation is not None
    assert night.automation.automated_error is not None
    assert night.performance is not None
    assert night.automation.automated_labelled > 0
    assert night.automation.automated_error > 0.25  # bikes carry more than the model learned
    assert night.performance.loss.value > night.performance.loss.expected


def test_a_release_that_breaks_its_promise_is_reported_once_with_what_can_be_done(first: Workspace) -> None:
    nights = read_nights(first.lake, PROJECT)
    recovered = [answer for night in nights if (answer := night.answer(Recovered))]
    worse = [answer for answer in recovered if answer.verdict == "worse"]
    assert len(worse) == 1
    assert worse[0].answer.startswith("no, version 1: found a loss of")
    asked = [night for night in nights if "does worse than promised" in night.reason]
    assert [each.action for each in asked] == ["ask"]
    assert "there is no earlier version to go back to" in asked[0].reason


@pytest.fixture(scope="module")
def shadowed(first: Workspace) -> Workspace:
    """The second version waits, and answers the same rows as the first."""
    run("retrain", HISTORY_WEEKS + 4)
    for number in (HISTORY_WEEKS + 5, HISTORY_WEEKS + 6):
        run("nightly", number)
    return first


def test_a_waiting_version_answers_with_the_champion_and_its_answers_are_not_delivered(shadowed: Workspace) -> None:
    made = active_rows(shadowed.lake, PROJECT, "predictions")
    assert set(made.loc[made["version"] == 2, "role"]) == {"shadow"}
    assert not made.duplicated(["row_id", "version", "role"]).any()
    files = [pd.read_csv(path) for path in (shadowed.folder / "answers").iterdir()]
    assert {int(version) for each in files for version in each["version"]} == {1}


def test_its_error_in_service_is_compared_with_the_champions_on_its_page_and_in_the_report(shadowed: Workspace) -> None:
    found = last_night(shadowed).answer(ChallengerInService)
    assert found is not None
    assert found.loss is not None
    assert found.champion_loss is not None
    assert found.rows >= A_WEEK
    assert found.loss < found.champion_loss
    version = shadowed.registry.version(PROJECT, 2)
    assert version is not None
    assert version.tags["leeway.shadow"] in found.answer
    report = Path(shadowed.lake.root) / PROJECT / "objects" / "report.html"
    assert "how does the challenger do? version 2:" in report.read_text(encoding="utf-8")


def test_a_shadow_that_cannot_be_loaded_keeps_no_night_from_its_end(
    shadowed: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace_type = type(shadowed)
    load = workspace_type.load

    def broken(workspace: Workspace, number: int, *record: Any) -> Champion:
        if number == WAITING:
            raise OSError(f"{workspace.project} {number} is gone")
        return load(workspace, number, *record)

    monkeypatch.setattr(workspace_type, "load", broken)
    result = run("nightly", HISTORY_WEEKS + 7)
    assert result["rows_in"] > 0
    found = last_night(shadowed).answer(ChallengerInService)
    assert found is not None
    assert found.answer == "version 2: it could not answer (OSError: parcels 2 is gone)"


@pytest.fixture(scope="module")
def second(shadowed: Workspace) -> Workspace:
    shadowed.registry.set_tag(PROJECT, 2, "approval.by", "ben")
    shadowed.registry.set_tag(PROJECT, 2, "approval.reason", "it is better in service")
    shadowed.registry.set_tag(PROJECT, 2, "approval", "approved")
    run("promote", LAST_WEEK - 1)
    run("nightly", LAST_WEEK)
    return shadowed


def test_the_second_champion_keeps_its_promise(second: Workspace) -> None:
    assert second.registry.aliases(PROJECT)["champion"] == 2
    found = last_night(second).answer(Recovered)
    assert found is not None
    assert found.verdict in {"as_promised", "better"}
    assert found.answer.startswith("yes, version 2: found a loss of")


@pytest.mark.usefixtures("second")
def test_a_replay_of_several_classes_decides_each_night_as_it_was_decided() -> None:
    from flows.backtest.engine import replay_record
    from flows.backtest.record_check import record_differences
    from flows.backtest.trainer import BacktestTrainer
    from flows.cli.commands.nights.replay import history_of_project

    path, spec, history = history_of_project(PROJECT)
    result = replay_record(spec, BacktestTrainer(history, path.parent))
    assert len(result.decisions) > LAST_WEEK - HISTORY_WEEKS
    assert record_differences(history.entries, result.record) == []
    likeliest = np.stack(result.served["probabilities"].to_list()).argmax(axis=1)
    assert (likeliest == result.served["prediction"]).all()
    assert (likeliest == result.served["label"])[result.served["label"].notna()].mean() > 0.5


def test_every_step_has_a_row_that_says_who_when_and_why(second: Workspace) -> None:
    entries = read_entries(second.lake, PROJECT, "promotion")
    steps = [entry for entry in entries if isinstance(entry, PromotionEntry) and "2" in entry.subject]
    assert [(each.action, each.actor) for each in steps] == [("approved", "ben"), ("promoted", "ben")]
    assert steps[0].reason == steps[1].because == "it is better in service"
    version = second.registry.version(PROJECT, 2)
    assert version is not None
    assert "leeway.to_tell" not in version.tags


def test_what_people_are_asked_names_the_class_that_the_model_would_choose(second: Workspace) -> None:
    from tasks.labeling_queue.task import waiting_rows

    waiting = waiting_rows(second.lake, second.spec).waiting
    assert set(waiting["predicted_class"]) <= {"bike", "truck", "van"}
