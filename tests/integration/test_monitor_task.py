"""The way of the data in a real lake: rows as delivered, errors by slice, and projects that are made of each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from flows.steps.lineage import downstream, upstream, upstream_states
from flows.workspace import Workspace
from tasks.dataset.night_data import NightData
from tasks.drift import RepeatedRows, build_reference
from tasks.lake import TABLES, Batch, Lake, RowPart, RowReader, add_batches, append_entry, read_nights, row_files
from tasks.monitor import Promise, Slices, slices
from tasks.monitor.baseline import ChampionBaseline
from tasks.monitor.cohorts.cohort_rows import CohortRows
from tasks.monitor.profiling.task import BatchSummaries, profile_batches, profile_refused
from tasks.monitor.suspicion_watch import LAG_DAYS
from tasks.monitor.task import measure_drift, night_inputs, suspect
from tasks.profiles import TableProfile, fit_ruler, from_bytes, profile, with_dates
from tasks.records import Action, DriftKind, MonitoringResult, UpstreamState
from tasks.registry import Registry
from tasks.spec import ProjectSpec, parse_spec, read_spec
from tasks.spec.spec_sections.source_sections import UpstreamProject
from tasks.validate.acceptance.quarantine_rows import as_delivered
from tests.deliveries import accepted_batch
from tests.recorded_entries import decided_night, moved, performance

FIRST, LEARNT, NIGHTS, ROWS = date(2026, 1, 5), 28, 14, 200
PROJECT = "offers"
YAML = """
project: {name}
scope: {{owner: me, objective: x, metric: mean_absolute_error}}
source: {{uri: landing, id: [row_id], event_time: seen, label: {{column: label, uri: labels}}}}
features: {{numbers: [area], categories: [plan], dates: [bought]}}
monitoring: {{cohort_days: 14}}
"""


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def rows(number: int, count: int = ROWS) -> pd.DataFrame:
    rng = np.random.default_rng([1, number])
    frame = pd.DataFrame({"area": rng.normal(100, 20, count), "plan": rng.choice(["basic", "pro", "team"], count)})
    names = [f"r{number}-{place}" for place in range(count)]
    seen = pd.Timestamp(day(number)).as_unit("us")
    frame = frame.assign(row_id=names, seen=seen, event_date=day(number), error=rng.normal(size=count))
    return frame.assign(bought=seen - pd.to_timedelta(rng.integers(0, 200, count), unit="D"))


def batch(number: int, accepted: int, held: int = 0, revision: int = 1) -> Batch:
    when = day(number)
    first = when if accepted else None
    verdict = "partly_quarantined" if accepted and held else "accepted" if accepted else "quarantined"
    counts = {"rows_in": accepted + held, "rows_accepted": accepted, "rows_quarantined": held, "event_from": first}
    more = {**counts, "event_until": first, "key": f"{when}.csv", "verdict": verdict, "revision": revision}
    return accepted_batch(f"b{number}", when, accepted, **more)


def raw(frame: pd.DataFrame) -> list[str]:
    """Give rows as a delivery of text would have them, as the quarantine keeps them."""
    plain = frame[["row_id", "seen", "area", "plan", "bought"]].astype("str")
    return plain.to_json(orient="records", lines=True).splitlines()


@pytest.fixture
def spec() -> ProjectSpec:
    return parse_spec(YAML.format(name=PROJECT), "offers")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def land(
    lake: Lake, number: int, frame: pd.DataFrame, refused: pd.DataFrame | None = None, reach: float | None = None
) -> Batch:
    """Write a day as the contract would have left it."""
    held = 0 if refused is None else len(refused)
    landed = batch(number, len(frame), held)
    named: dict[str, Any] = {"batch_id": landed.batch_id, "revision": 1}
    lake.append_if_absent(PROJECT, "rows", frame.drop(columns="error").assign(**named), landed.write_key)
    if refused is not None:
        quarantined = pd.DataFrame({"raw": raw(refused), "reasons": "out_of_range:area", "batch_id": landed.batch_id})
        lake.append_if_absent(
            PROJECT, "quarantine", quarantined.assign(kind="rows", arrival=day(number)), landed.write_key
        )
    answers: dict[str, Any] = {"version": 1, "role": "champion", "prediction": 0.0, "time": datetime.now(UTC)}
    answers |= {} if reach is None else {"lower": -reach, "upper": reach}
    answered = frame[["row_id", "event_date"]].assign(**named, **answers)
    columns = [name for name, _ in TABLES["predictions"].columns]
    unsaid = dict.fromkeys([name for name in columns if name not in answered])
    lake.append_if_absent(PROJECT, "predictions", answered.assign(**unsaid)[columns], landed.write_key)
    labels = frame[["row_id"]].assign(label=frame["error"], **named, arrival=day(number))
    lake.append_if_absent(PROJECT, "labels", labels, landed.write_key)
    add_batches(lake, PROJECT, [landed])
    return landed


@pytest.fixture(scope="module")
def baseline() -> ChampionBaseline:
    history = pd.concat([rows(number) for number in range(LEARNT)], ignore_index=True)
    ruler = fit_ruler(history, numbers=["area"], categories=["plan"], booleans=[])
    ruler = with_dates(ruler, history, ["bought"])
    reference = build_reference([(str(when), profile(part, ruler)) for when, part in history.groupby("event_date")])
    features = parse_spec(YAML.format(name=PROJECT), "offers").features
    losses = history["error"].abs().to_numpy()
    promise = Promise("mean_absolute_error", float(losses.mean()), 0.0, len(losses))
    return ChampionBaseline(1, reference, promise, day(LEARNT - 1), slices=slices(history, losses, features, 5))


def plain_summaries(lake: Lake, spec: ProjectSpec, baseline: ChampionBaseline) -> BatchSummaries:
    return BatchSummaries(lake, PROJECT, baseline.reference.total.ruler, lambda frame: frame, spec.features)


def looked(lake: Lake, spec: ProjectSpec, baseline: ChampionBaseline, batches: Iterable[Batch]) -> MonitoringResult:
    ruler, known = baseline.reference.total.ruler, list(batches)
    summaries = plain_summaries(lake, spec, baseline)
    profile_batches(known, summaries)
    held = [each for each in known if each.rows_quarantined]
    profile_refused(lake, PROJECT, held, ruler, read=partial(as_delivered, spec=spec))
    last = max(each.night for each in known)
    return measure_drift(NightData.read(lake, spec, last), baseline, summaries=summaries)


def test_quarantined_rows_are_summarised_once_and_with_the_accepted_ones_are_what_was_delivered(
    lake: Lake, spec: ProjectSpec, baseline: ChampionBaseline
) -> None:
    ruler, whole = baseline.reference.total.ruler, rows(LEARNT)
    landed = land(lake, LEARNT, whole[:150], whole[150:])
    read = partial(as_delivered, spec=spec)
    assert profile_refused(lake, PROJECT, [landed], ruler, read=read) == 50
    assert profile_refused(lake, PROJECT, [landed], ruler, read=read) == 0
    profile_batches([landed], plain_summaries(lake, spec, baseline))
    kept = lake.read(PROJECT, "profiles")
    assert sorted(kept["source"]) == ["refused", "rows"]
    both = sum((from_bytes(each) for each in kept["profile"]), TableProfile.empty(ruler))
    assert both == profile(whole, ruler)


def test_a_quarantined_row_without_a_date_is_counted_on_the_day_of_its_arrival(
    lake: Lake, spec: ProjectSpec, baseline: ChampionBaseline
) -> None:
    timeless = rows(LEARNT, 3).assign(seen=["soon", "2999-01-01", str(day(LEARNT - 2))])
    landed = land(lake, LEARNT, rows(LEARNT)[10:], timeless)
    profile_refused(lake, PROJECT, [landed], baseline.reference.total.ruler, read=partial(as_delivered, spec=spec))
    kept = lake.read(PROJECT, "profiles")
    assert dict(zip(kept["event_date"], kept["row_count"], strict=True)) == {day(LEARNT - 2): 1, day(LEARNT): 2}


def test_what_the_contract_held_back_shows_in_the_rows_as_delivered_and_raises_no_alarm(
    lake: Lake, spec: ProjectSpec, baseline: ChampionBaseline
) -> None:
    days = range(LEARNT, LEARNT + 7)
    wild = {n: rows(n, 60).assign(area=900_000.0, row_id=[f"wild {n} {at}" for at in range(60)]) for n in days}
    view = looked(lake, spec, baseline, [land(lake, n, rows(n), wild[n]) for n in days])
    assert not [each for each in view.moved if each.strain > 1]
    delivered, accepted = view.steps[:2]
    assert (delivered.name, delivered.rows, delivered.moved) == ("rows as delivered", 7 * 260, ("area from 125.5",))
    assert (accepted.name, accepted.rows, accepted.moved) == ("rows accepted", 7 * 200, ())


def test_what_a_person_let_in_since_is_counted_as_accepted_only(
    lake: Lake, spec: ProjectSpec, baseline: ChampionBaseline
) -> None:
    days = range(LEARNT, LEARNT + 7)
    batches = [land(lake, n, rows(n)[50:], rows(n)[:50]) for n in days]
    assert looked(lake, spec, baseline, batches).steps[0].rows == 7 * ROWS
    for each in batches:
        add_batches(lake, PROJECT, [replace(each, revision=2, rows_quarantined=0, verdict="released")])
    last = day(LEARNT + 6)
    assert measure_drift(NightData.read(lake, spec, last), baseline).steps[0].rows == 7 * (ROWS - 50)


def test_a_slice_that_is_answered_worse_is_found_named_and_the_kind_of_the_night(
    lake: Lake, spec: ProjectSpec, baseline: ChampionBaseline
) -> None:
    days = range(LEARNT, LEARNT + NIGHTS)
    worse = {n: rows(n).assign(error=lambda x: x["error"] * np.where(x["plan"] == "pro", 2.0, 1.0)) for n in days}
    view = looked(lake, spec, baseline, [land(lake, n, worse[n]) for n in days])
    worst = view.worse[0]
    assert (view.kind, worst.where, worst.alone, worst.rows > 500) == ("slice", "plan is 'pro'", True, True)
    assert not [each for each in view.moved if each.strain > 1]
    again = measure_drift(NightData.read(lake, spec, day(days[-1])), baseline)
    assert again.worse == ()  # no source of features is given


def test_further_metrics_are_measured_of_the_newest_cohort_and_a_function_that_fails_ends_no_night(
    lake: Lake, spec: ProjectSpec, baseline: ChampionBaseline, tmp_path: Path
) -> None:
    listed = [{"use": "root_mean_squared_error"}, {"use": "nowhere:profit", "higher_is_better": True}]
    spec = ProjectSpec.model_validate(spec.model_dump() | {"metrics": listed})
    for number in range(LEARNT, LEARNT + 5):
        land(lake, number, rows(number))
    data = NightData.read(lake, spec, day(LEARNT + 4))
    squared, failed = measure_drift(data, baseline, folder=tmp_path).metrics
    errors = pd.concat([rows(number) for number in range(LEARNT, LEARNT + 5)])["error"]  # the answer is always 0
    assert squared.value == pytest.approx(np.sqrt((errors**2).mean()))
    assert (squared.low or 0) < (squared.value or 0)
    assert (failed.value, "nowhere" in failed.fault) == (None, True)
    assert measure_drift(data, baseline).metrics == ()  # a night that is decided again needs none


def test_groups_are_measured_of_rows_that_are_read_once_for_their_slices(
    lake: Lake, spec: ProjectSpec, baseline: ChampionBaseline, tmp_path: Path
) -> None:
    fairness = {"groups": ["plan"], "limits": {"error": 0.5}}
    spec = ProjectSpec.model_validate(spec.model_dump() | {"fairness": fairness})
    whole = []
    for number in range(LEARNT, LEARNT + 10):
        worse = rows(number).assign(error=lambda x: x["error"] * np.where(x["plan"] == "pro", 3.0, 1.0))
        land(lake, number, worse)
        whole.append(worse)
    data, every = NightData.read(lake, spec, day(LEARNT + 9)), pd.concat(whole)
    found = measure_drift(data, baseline, folder=tmp_path)
    assert measure_drift(data, baseline).fairness == ()  # a night that is decided again needs none
    error = next(gap for gap in found.fairness if (gap.group, gap.measure) == ("pro", "error"))
    is_pro, sizes = every["plan"] == "pro", every["error"].abs()
    assert error.rows == is_pro.sum()
    assert [error.value, error.others] == pytest.approx([sizes[is_pro].mean(), sizes[~is_pro].mean()])
    assert error.is_past_limit
    assert {gap.group for gap in found.fairness} == {"basic", "pro", "team"}
    read = CohortRows(data, lambda frame: frame, ("plan",))
    cohort = data.matured(data.predictions_of(1, after=day(LEARNT - 1)), labels_after=day(LEARNT - 1))
    read.tally(cast("Slices", baseline.slices), cohort)
    rmtree(tmp_path / "lake")
    assert read.groups_of(cohort)["plan"].tolist() == every.set_index("row_id").loc[cohort["row_id"], "plan"].tolist()


def test_a_batch_is_read_once_for_every_room_of_a_night_and_its_pieces_add_up(
    lake: Lake, spec: ProjectSpec, baseline: ChampionBaseline, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = rows(LEARNT)
    frame.loc[ROWS - 1, ["area", "plan"]] = frame.loc[0, ["area", "plan"]]  # far apart: in other pieces
    landed = land(lake, LEARNT, frame)
    (whole,) = plain_summaries(lake, spec, baseline).of([landed])
    assert whole.repeated == RepeatedRows(1 / ROWS, ROWS)
    monkeypatch.setattr(row_files, "PIECE_ROWS", ROWS // 10)
    pieces = RowReader.pieces
    sizes: list[int] = []

    def counted(self: RowReader, part: RowPart) -> Iterator[pd.DataFrame]:
        for piece in pieces(self, part):
            sizes.append(len(piece))
            yield piece

    monkeypatch.setattr(RowReader, "pieces", counted)
    summaries = plain_summaries(lake, spec, baseline)
    suspect(NightData.read(lake, spec, day(LEARNT)), baseline, summaries)
    profile_batches([landed], summaries)
    assert night_inputs(NightData.read(lake, spec, day(LEARNT)), baseline, summaries).repeated == (whole.repeated,)
    assert sizes == [ROWS // 20] * 20
    assert summaries.of([landed]) == [whole]


def test_a_delivery_that_lost_its_dates_is_suspected_and_a_night_names_the_column(
    lake: Lake, spec: ProjectSpec, baseline: ChampionBaseline
) -> None:
    broken = rows(LEARNT)
    broken.loc[broken.index % 3 > 0, "bought"] = pd.NaT
    landed = land(lake, LEARNT, broken)
    found = suspect(NightData.read(lake, spec, day(LEARNT)), baseline, plain_summaries(lake, spec, baseline))
    assert [(each.kind, each.columns) for each in found[landed.batch_id]] == [("null_burst", ("bought",))]
    view = looked(lake, spec, baseline, [landed])
    assert (view.kind, view.moved[0].column, view.moved[0].statistic) == ("quality", "bought", "nulls")
    assert view.steps[0].sentence == "rows as delivered (bought)"


def test_quarantined_rows_are_known_from_a_week_before_a_suspicion_on(
    lake: Lake, spec: ProjectSpec, baseline: ChampionBaseline
) -> None:
    # The suspicion begins on the first day after training, so rows of a week before it may be under it.
    late = rows(LEARNT, 60).assign(seen=pd.Timestamp(day(LEARNT - 1 - LAG_DAYS)).as_unit("us"))
    landed = land(lake, LEARNT, rows(LEARNT), late)
    ruler = baseline.reference.total.ruler
    profile_refused(lake, PROJECT, [landed], ruler, read=partial(as_delivered, spec=spec))
    found = night_inputs(NightData.read(lake, spec, day(LEARNT)), baseline)
    assert {when: each.rows for when, each in found.quarantined.items()} == {day(LEARNT - 1 - LAG_DAYS): 60}


def test_a_quiet_fortnight_has_no_slice_past_its_leeway(
    lake: Lake, spec: ProjectSpec, baseline: ChampionBaseline
) -> None:
    view = looked(lake, spec, baseline, [land(lake, n, rows(n)) for n in range(LEARNT, LEARNT + NIGHTS)])
    assert (view.kind, max(each.strain for each in view.worse) < 1) == ("none", True)
    assert [step.moved for step in view.steps] == [(), (), (), ()]


@pytest.fixture
def houses(tmp_path: Path, lake: Lake) -> dict[str, Workspace]:
    """Give projects that are made of each other: sales, of it ranker and offers, of ranker's answers also offers."""
    uses = {
        "sales": "",
        "ranker": "upstream: [{project: sales}]",
        "offers": "upstream: [{project: sales}, {project: ranker, use: model}]",
        "other": "",
    }
    for name, more in uses.items():
        folder = tmp_path / "projects" / name
        folder.mkdir(parents=True)
        (folder / "project.yaml").write_text(YAML.format(name=name) + more, encoding="utf-8")
    (tmp_path / "projects" / "broken").mkdir()
    (tmp_path / "projects" / "broken" / "project.yaml").write_text("upstream: 3", encoding="utf-8")
    registry = cast("Registry", None)  # nothing here asks it
    return {
        name: Workspace(
            read_spec(tmp_path / f"projects/{name}/project.yaml"),
            tmp_path / "projects" / name,
            tmp_path,
            lake,
            registry,
        )
        for name in uses
    }


def decided(lake: Lake, project: str, number: int, action: Action, drift: DriftKind, **facts: Any) -> None:
    moment = datetime.combine(day(number), datetime.min.time(), UTC) + timedelta(hours=2)
    entry = replace(decided_night(**facts), name=f"{day(number)}/x", night=day(number), time=moment)
    append_entry(lake, project, replace(entry, action=action, drift=drift))


def test_the_projects_downstream_are_those_that_declare_this_one_and_theirs(houses: dict[str, Workspace]) -> None:
    assert downstream(houses["sales"]) == ("offers", "ranker")
    assert downstream(houses["ranker"]) == ("offers",)
    assert downstream(houses["offers"]) == downstream(houses["other"]) == ()


def test_of_a_data_set_upstream_its_columns_concern_us_and_of_a_model_its_answers(
    houses: dict[str, Workspace], lake: Lake
) -> None:
    area, answers = moved("area", 2.0), moved("prediction", 1.5)
    decided(lake, "sales", 2, "hold", "covariate", moved=(area, moved("plan", 0.5)))
    decided(lake, "ranker", 2, "hold", "covariate", moved=(area,))
    sales, ranker = upstream(houses["offers"], day(2))
    assert (sales.troubled, sales.moved, sales.night) == (True, ("area",), day(2))
    assert (ranker.troubled, ranker.moved) == (False, ())
    decided(lake, "ranker", 3, "hold", "covariate", moved=(area, answers))
    assert upstream(houses["offers"], day(3))[1].moved == ("prediction",)


def test_trouble_upstream_counts_as_long_as_the_window_holds_it(houses: dict[str, Workspace], lake: Lake) -> None:
    decided(lake, "sales", 2, "quarantine", "quality")
    decided(lake, "sales", 3, "score", "none")
    found = upstream(houses["ranker"], day(8))[0]
    assert (found.night, found.action, found.troubled) == (day(2), "quarantine", True)
    assert upstream(houses["ranker"], day(9))[0].action == "score"
    assert upstream(houses["ranker"], day(20))[0].night is None


def test_answers_of_a_model_are_doubted_until_labels_of_a_whole_window_say_that_they_are_right(
    houses: dict[str, Workspace], lake: Lake
) -> None:
    def doubted(number: int) -> date | None:
        return upstream(houses["offers"], day(number))[1].doubted_until

    right, wrong = (replace(performance(loss), start=day(-11), end=day(3)) for loss in (1.0, 2.0))
    decided(lake, "ranker", 2, "hold", "covariate", moved=(moved("area", 2.0),))
    assert doubted(2) is None, "its rows moved, its answers did not"
    decided(lake, "ranker", 3, "hold", "covariate", moved=(moved("prediction", 2.0),))
    decided(lake, "ranker", 4, "hold", "covariate", moved=(moved("prediction", 2.0),), performance=right)
    assert doubted(4) == day(4), "no labels since they moved"
    cleared = replace(right, end=day(10))
    decided(lake, "ranker", 12, "hold", "virtual", moved=(moved("prediction", 2.0),), performance=cleared)
    assert doubted(12) == day(4)
    decided(lake, "ranker", 13, "hold", "both", performance=wrong)
    decided(lake, "ranker", 14, "score", "none", performance=right)
    assert doubted(14) == day(13)
    assert upstream(houses["offers"], day(13 + 13))[1].night == day(13), "the offers are judged by rows of that day"
    assert upstream(houses["offers"], day(13 + 14))[1].doubted_until is None


def test_the_first_of_a_chain_is_named_and_its_doubt_passed_on(houses: dict[str, Workspace], lake: Lake) -> None:
    chain = houses["other"].spec.model_copy(update={"upstream": [UpstreamProject(project="offers", use="model")]})
    first = UpstreamState(
        "ranker", "model", day(2), "hold", "both", ("prediction",), troubled=True, began="rows (a) of sales"
    )
    first = replace(first, doubted_until=day(2))
    facts = {"upstream": (first,), "first_step": "rows as delivered (b)"}
    decided(lake, "offers", 3, "hold", "both", moved=(moved("prediction", 2.0),), **facts)
    (seen,) = upstream_states(chain, {"offers": read_nights(lake, "offers")}, day(3))
    assert (seen.began, seen.doubted_until) == ("rows (a) of sales", day(3))
    decided(lake, "offers", 4, "score", "none", **facts)
    (seen,) = upstream_states(chain, {"offers": read_nights(lake, "offers")}, day(4))
    assert seen.doubted_until == day(3), "of a night without trouble of its own, the doubt of the one before it counts"


def test_what_was_decided_upstream_later_is_left_out_when_a_night_is_decided_again(
    houses: dict[str, Workspace], lake: Lake
) -> None:
    decided(lake, "sales", 2, "ask", "unclear")
    before = datetime.combine(day(2), datetime.min.time(), UTC) + timedelta(hours=1)
    assert upstream(houses["ranker"], day(2))[0].troubled
    assert upstream(houses["ranker"], day(2), before)[0].night is None


@pytest.mark.parametrize(("reach", "is_past"), [(3.0, False), (0.5, True)])
def test_a_night_measures_how_many_labels_are_inside_the_intervals_they_were_answered_with(
    lake: Lake, spec: ProjectSpec, baseline: ChampionBaseline, tmp_path: Path, reach: float, is_past: bool
) -> None:
    asked = spec.model_copy(update={"training": spec.training.model_copy(update={"interval": 0.9})})
    for number in range(LEARNT, LEARNT + 7):
        land(lake, number, rows(number), reach=reach)
    data = NightData.read(lake, asked, day(LEARNT + 7))
    promised = replace(baseline, interval_share=0.9)
    found = measure_drift(data, promised, summaries=plain_summaries(lake, spec, promised), folder=tmp_path).coverage
    assert found is not None
    inside = np.concatenate([rows(number)["error"].abs() <= reach for number in range(LEARNT, LEARNT + 7)])
    assert (found.rows, found.is_past_leeway) == (len(inside), is_past)
    assert (found.value, found.width) == pytest.approx((inside.mean(), 2 * reach))
    plain = NightData.read(lake, spec, day(LEARNT + 7))
    assert (
        measure_drift(plain, promised, summaries=plain_summaries(lake, spec, promised), folder=tmp_path).coverage
        is None
    )


def test_a_night_watches_the_intervals_of_each_slice_and_names_the_one_that_holds_too_few_labels(
    lake: Lake, spec: ProjectSpec, baseline: ChampionBaseline, tmp_path: Path
) -> None:
    whole = []
    for number in range(LEARNT, LEARNT + 12):
        worse = rows(number).assign(error=lambda x: x["error"] * np.where(x["plan"] == "pro", 9.0, 1.0))
        land(lake, number, worse, reach=3.0)
        whole.append(worse)
    asked = spec.model_dump(exclude_unset=True)
    asked |= {"training": {**asked.get("training", {}), "interval": 0.9}, "gate": {"slices": ["plan", "area"]}}
    data = NightData.read(lake, ProjectSpec.model_validate(asked), day(LEARNT + 12))
    promised = replace(baseline, interval_share=0.9)
    found = measure_drift(data, promised, summaries=plain_summaries(lake, spec, promised), folder=tmp_path)
    slices = {one.where: one.coverage for one in found.slice_coverage}
    past = {where for where, coverage in slices.items() if coverage.is_past_leeway and where.startswith("plan")}
    assert past == {"plan is 'pro'"}
    every = pd.concat(whole)
    inside = every.loc[every["plan"] == "pro", "error"].abs() <= 3.0
    assert slices["plan is 'pro'"].rows == len(inside)
    assert slices["plan is 'pro'"].value == pytest.approx(inside.mean())
    assert len([where for where in slices if where.startswith("area ")]) == 4  # quarters of the hold-out
