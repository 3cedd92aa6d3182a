"""What the service has kept is taken in: of labels the last one of a row, and rows of a log that was switched off."""

from __future__ import annotations

import math
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from flows.serving.controller import carry_last
from flows.serving.fault_log import FaultLog
from flows.serving.log_carrier import LogCarrier
from flows.serving.log_landing import LogLanding
from tasks.dataset.erasure_subject import Subject
from tasks.dataset.label_join import newest_labels, ranked
from tasks.dataset.night_data import NightData
from tasks.ingest.landing.landing_zones import served_zones
from tasks.ingest.task import take_in
from tasks.labeling_queue.task import waiting_rows
from tasks.lake import TABLES, Lake, active_rows, add_batches, deliveries, latest
from tasks.output_metrics import measure_outputs
from tasks.people import audit_answers, compare_with_people
from tasks.records import DayShare, Delivery
from tasks.serve.processes.log_file import LogFile
from tasks.serving_store.sent_files import DECISION_FOLDER, FEEDBACK_FOLDER, keep_sent
from tasks.spec import read_spec
from tasks.validate.acceptance.subject_rows import stored_subject
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts
from tests.deliveries import accepted_batch
from tests.unit.serve.packages import SPEC_TEXT, write_suite

SENT = datetime(2026, 2, 4, 5, tzinfo=UTC)
NIGHT = date(2026, 2, 4)
FROZEN = Path(__file__).parents[1] / "unit" / "serve" / "frozen" / "log_protocol_1.jsonl"


def written(folder: Path, arrival: str, serving: str) -> Path:
    """Write the project of flats; return its project.yaml."""
    path = folder / "flats" / "project.yaml"
    for name in ("landing", "prices"):
        (path.parent / name).mkdir(parents=True)
    write_suite(path.parent)
    text = SPEC_TEXT.format(project="flats").replace("  uri: landing\n", f"  uri: landing\n  arrival: {arrival}\n")
    path.write_text(f"{text}{serving}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("arrival", ["filename", "modified"])
def test_a_label_that_is_set_back_counts_and_a_number_and_its_text_are_one_row(tmp_path: Path, arrival: str) -> None:
    path = written(tmp_path, arrival, "serving: {labels: true}")
    spec, lake, root = read_spec(path), Lake(str(tmp_path / "lake")), tmp_path / "serving"
    carrier = LogCarrier(root, spec, path.parent)
    for minute, price in ((0, 1.0), (20, 2.0), (40, 1.0)):
        sent = SENT + timedelta(minutes=minute)
        for flat, said in ((7, price + 1), ("7", price)):
            keep_sent(root, "flats", [{"flat": flat, "day": "2026-02-03", "price": said}], sent)
            sent += timedelta(seconds=1)
        assert carrier.carry_labels(sent + timedelta(minutes=16)) == 2
    night = NIGHT if arrival == "filename" else datetime.now(UTC).date() + timedelta(days=1)
    landed = take_in(lake, spec, path.parent, night)
    assert len(landed) == 3
    store(lake, spec, verdicts(landed, spec, path.parent), night, SENT + timedelta(days=1))
    known = deliveries(lake, "flats")
    newest = newest_labels(ranked(active_rows(lake, "flats", "labels", known), known))
    assert newest[["row_id", "label"]].to_numpy().tolist() == [["7|2026-02-03", 1.0]]
    assert [(batch.rows_accepted, batch.rows_quarantined) for batch in latest(lake, "flats")] == [(1, 0)] * 3


def test_feedback_that_was_sent_again_counts_once_and_is_measured_by_the_day_of_its_row(tmp_path: Path) -> None:
    serving = "serving: {feedback: true}\nfeedback: {events: {redone: 0.1}, uri: noted}\ncontract: {max_bad_share: 0.5}"
    path = written(tmp_path, "filename", serving)
    spec, lake, root = read_spec(path), Lake(str(tmp_path / "lake")), tmp_path / "serving"
    answer_two_flats(lake)
    carrier, event = LogCarrier(root, spec, path.parent), {"day": "2026-02-03", "event": "redone"}
    for minute, flat in ((0, 7), (1, "7"), (2, 7)):
        moment = SENT + timedelta(minutes=minute)
        line = {"flat": flat, **event, "time": moment.isoformat()}
        keep_sent(root, "flats", [line], moment, FEEDBACK_FOLDER)
    assert carrier.carry_feedback(SENT) == 0, "the oldest has not waited long enough"
    assert carrier.carry_feedback(SENT, at_once=True) == 3
    (landed,) = (path.parent / "served" / "feedback").iterdir()
    assert len(landed.read_bytes().splitlines()) == 1
    noted = path.parent / "noted"
    noted.mkdir()
    rows = ["flat,day,event,time", "7,2026-02-03,redone,2026-02-04 06:00", "8,2026-02-03,sold,2026-02-04 06:00"]
    (noted / "2026-02-04.csv").write_text("\n".join(rows), encoding="utf-8")
    found = verdicts(take_in(lake, spec, path.parent, NIGHT), spec, path.parent)
    assert [(one.landed.kind, one.landed.table, one.rows_refused) for one in found] == [
        ("features", "@feedback", 1),
        ("features", "@served-feedback", 0),
    ]
    assert any("is no event of `feedback.events`" in finding.message for finding in found[0].findings)
    store(lake, spec, found, NIGHT, SENT + timedelta(days=1))
    measured = {metric.name: metric for metric in measure_outputs(NightData.read(lake, spec, date(2026, 2, 5)))}
    assert {name: (one.rows, one.value) for name, one in measured.items()} == {
        "redone": (2, 0.5),
        "null-answers": (2, 0.5),
    }
    own = stored_subject(lake, spec, Subject(None, frozenset({"7|2026-02-03"})))
    assert own.counts["features"] == 2, "the file and the request are about one row"
    other = stored_subject(lake, spec, Subject(None, frozenset({"8|2026-02-03"})))
    assert other.counts["quarantine"] == 1, "refused feedback is of its row too"
    assert measured["redone"].days == (DayShare(date(2026, 2, 3), 2, 1),)


def test_the_newest_decision_of_a_row_is_compared_with_the_answer_and_later_with_the_label(tmp_path: Path) -> None:
    serving = "serving: {decisions: true, labels: true}\ndecisions: {uri: decided}"
    path = written(tmp_path, "filename", f"{serving}\ncontract: {{max_bad_share: 0.5}}")
    text = path.read_text(encoding="utf-8").replace("degree: partial", "degree: shadow")
    path.write_text(text.replace("uri: prices", "uri: prices, delay_days: 7"), encoding="utf-8")
    spec, lake, root = read_spec(path), Lake(str(tmp_path / "lake")), tmp_path / "serving"
    answer_two_flats(lake)
    carrier, row = LogCarrier(root, spec, path.parent), {"day": "2026-02-03"}
    for minute, (flat, decision) in enumerate([(7, 5.0), ("7", 2.0), (8, 1.0)]):
        moment = SENT + timedelta(minutes=minute)
        line = {"flat": flat, **row, "decision": decision, "time": moment.isoformat()}
        keep_sent(root, "flats", [line], moment, DECISION_FOLDER)
    assert carrier.carry_decisions(SENT, at_once=True) == 3
    for flat, price in ((7, 2.0), (8, 9.0)):
        keep_sent(root, "flats", [{"flat": flat, **row, "price": price}], SENT)
    assert carrier.carry_labels(SENT, at_once=True) == 2
    decided = path.parent / "decided"
    decided.mkdir()
    rows = ["flat,day,decision,time", "9,2026-02-03,4,2026-02-04 06:00", "8,2026-02-03,,2026-02-04 06:00"]
    (decided / "2026-02-04.csv").write_text("\n".join(rows), encoding="utf-8")
    found = verdicts(take_in(lake, spec, path.parent, NIGHT), spec, path.parent)
    assert [(one.landed.kind, one.landed.table, one.rows_refused) for one in found] == [
        ("features", "@decisions", 1),
        ("labels", "@served", 0),
        ("features", "@served-decisions", 0),
    ]
    store(lake, spec, found, NIGHT, SENT + timedelta(days=1))
    early = compare_with_people(NightData.read(lake, spec, NIGHT), 1, date(2026, 2, 1))
    assert early is not None
    assert (early.hidden.rows, early.hidden.labelled, early.shown_rows) == (2, 0, 0), "labels mature after a week"
    later = compare_with_people(NightData.read(lake, spec, date(2026, 3, 20)), 1, date(2026, 2, 1))
    assert later is not None
    hidden = later.hidden
    assert hidden.agreement is not None
    assert (hidden.agreement.value, hidden.labelled, hidden.one_right) == (0.5, 2, 1), "2 and 1, against 1; truths 2, 9"
    assert (hidden.person_error, hidden.model_error) == (None, None), "two rows have no interval of a number"
    assert compare_with_people(NightData.read(lake, spec, NIGHT), 2, date(2026, 2, 1)) is None, "another version"
    own = stored_subject(lake, spec, Subject(None, frozenset({"8|2026-02-03"})))
    assert (own.counts["features"], own.counts["quarantine"]) == (1, 1), "a decision is of its row, refused or not"


def test_an_audited_row_waits_without_its_answer_and_a_decision_of_it_is_the_truth_until_a_label_is(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, "filename", "serving: {decisions: true}\ndecisions: {}")
    text = path.read_text(encoding="utf-8")
    degree = "degree: partial, audit_share: 1, target_error: 1.5, people_per_day: 1"
    path.write_text(text.replace("degree: partial", degree), encoding="utf-8")
    spec, lake, root = read_spec(path), Lake(str(tmp_path / "lake")), tmp_path / "serving"
    answer_two_flats(lake)
    waiting = waiting_rows(lake, spec).waiting.set_index("row_id")["prediction"]
    assert waiting["8|2026-02-03"] == 1.0, "the model left it to a person"
    assert math.isnan(waiting["7|2026-02-03"]), "people audit it without the answer"
    since, night = date(2026, 2, 1), date(2026, 2, 5)
    before = audit_answers(NightData.read(lake, spec, night), 1, since)
    assert before is not None
    assert (before.drawn, before.known, before.people_a_day, before.is_overloaded) == (1, 0, 2.0, True)
    line = {"flat": 7, "day": "2026-02-03", "decision": 4.0, "time": SENT.isoformat()}
    keep_sent(root, "flats", [line], SENT, DECISION_FOLDER)
    LogCarrier(root, spec, path.parent).carry_decisions(SENT, at_once=True)
    (landed,) = (path.parent / "served" / "decisions").iterdir()
    landed.rename(landed.with_name("2026-02-04.jsonl"))
    found = verdicts(take_in(lake, spec, path.parent, NIGHT), spec, path.parent)
    store(lake, spec, found, NIGHT, SENT + timedelta(days=1))
    assert waiting_rows(lake, spec).waiting["row_id"].tolist() == ["8|2026-02-03"]
    after = audit_answers(NightData.read(lake, spec, night), 1, since)
    assert after is not None
    assert (after.known, after.evidence > 0, after.falls_to) == (1, True, ""), "an error of 3, twice the target"


def answer_two_flats(lake: Lake) -> None:
    """Write the answers of a champion to two rows of the 3rd of February; one of them is left to a person."""
    empty = dict.fromkeys([name for name, _ in TABLES["predictions"].columns])
    fixed = {"batch_id": "all", "revision": 1, "version": 1, "role": "champion", "event_date": date(2026, 2, 3)}
    own = ({"row_id": f"{flat}|2026-02-03", "deferred": flat == 8, "prediction": 1.0} for flat in (7, 8))
    frame = pd.DataFrame([{**empty, **fixed, "time": SENT, **answer} for answer in own])
    lake.append_if_absent("flats", "predictions", frame, "all/1")
    add_batches(lake, "flats", [accepted_batch("all", date(2026, 2, 3), 2)])


def test_what_was_logged_before_the_log_was_switched_off_is_taken_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEEWAY_LAKE", str(tmp_path / "lake"))
    path, home = written(tmp_path, "filename", ""), tmp_path / "home"
    kept = home / "serving" / "prediction_log" / "flats" / "2026-02-03-0-ab.jsonl"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(FROZEN.read_bytes())
    keep_sent(home / "serving", "flats", [{"flat": 7, "day": "2026-02-03", "price": 5}], SENT)
    LogLanding(path, home / "serving").carry()
    assert not kept.exists()
    (sent,) = (path.parent / "served" / "labels").iterdir()
    sent.rename(sent.with_name("2026-02-03.jsonl"))  # it landed today
    spec = read_spec(path)
    assert not spec.serving.log
    landed = take_in(Lake(str(tmp_path / "lake")), spec, path.parent, NIGHT)
    assert [(each.landed.kind, each.landed.name) for each in landed] == [
        ("rows", "@served/2026-02-03-0-ab.jsonl"),
        ("labels", "@served/2026-02-03.jsonl"),
    ]
    shared = spec.model_copy(update={"source": spec.source.model_copy(update={"uri": "served/rows"})})
    assert served_zones(shared) == []  # that place is another one's


def test_of_a_row_that_was_asked_for_again_the_last_line_is_taken_in_without_consent(tmp_path: Path) -> None:
    path = written(tmp_path, "filename", "serving: {log: true}\nprivacy: {consent: agreed}")
    landed = path.parent / "served" / "rows" / "2026-02-03-0-ab.jsonl"
    landed.parent.mkdir(parents=True)
    first, other = FROZEN.read_bytes().splitlines(keepends=True)
    landed.write_bytes(first + other + first.replace(b'"area":71.5', b'"area":90.0'))
    (delivery,) = take_in(Lake(str(tmp_path / "lake")), read_spec(path), path.parent, NIGHT)
    assert isinstance(delivery, Delivery)
    assert delivery.frame[["flat", "area"]].to_numpy().tolist() == [[7, 90.0], [8, 71.5]]
    assert "@answer" not in delivery.frame
    assert delivery.frame["agreed"].tolist() == [None, None]  # no request has a consent


def test_the_last_carry_waits_until_a_worker_has_closed_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEEWAY_LAKE", str(tmp_path / "lake"))
    path, root = written(tmp_path, "filename", "serving: {log: true}"), tmp_path / "home" / "serving"
    landing, faults = LogLanding(path, root), FaultLog(root)
    file = LogFile(root / "prediction_log" / "flats", "2026-02-03-0-ab.jsonl")
    file.append(FROZEN.read_bytes())
    served = path.parent / "served" / "rows"
    carry_last(landing, faults, until=0.0)  # it has had its time: the next start lands its file
    assert not served.exists()
    looked = threading.Event()

    def close() -> None:
        looked.wait()
        file.close()

    worker = threading.Thread(target=close)
    worker.start()
    carry = landing.carry

    def noted(**how: bool) -> None:
        carry(**how)
        looked.set()

    monkeypatch.setattr(landing, "carry", noted)
    carry_last(landing, faults, until=math.inf)
    worker.join()
    assert [landed.name for landed in served.iterdir()] == ["2026-02-03-0-ab.jsonl"]
