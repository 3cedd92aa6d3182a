"""Rows that the prediction service answered come back by night: taken in, scored by their version, and proven."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tasks import clock
from tasks.lake import append_entry, read_entries
from tasks.promote import StepTime
from tasks.records import NightEntry, RolloutEntry, ServedAsBatch, ServedProof, SkewedRow, rollouts
from tasks.rollout import GuardrailTerms, RolloutTerms, RolloutVerdict
from tests.coroutines import run_apart
from tests.end_to_end.project_copies import LANDED_AT, NEXT, NIGHT, PROJECT, Copy, batch, cells, signing
from tests.recorded_entries import started_rollout
from tests.unit.serve.packages import counters_of

if TYPE_CHECKING:
    from flows.workspace import Workspace
    from tasks.serve.champions import Serving
    from tasks.serving_store.logged_rows import Arm

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of third parties' own imports


class Service:
    """The champion of a copy, published, and answering in this process with a log."""

    def __init__(self, project: Copy, workspace: Workspace) -> None:
        from flows.serving.publisher import Publisher
        from tasks.registry import PACKAGES, HomeKeys, load_keys
        from tasks.serve.champions import Champions
        from tasks.serve.processes.prediction_log import PredictionLog
        from tasks.serve.service_settings import LogTerms
        from tasks.serving_store import SERVING_FOLDER, ServingStore

        self.folder, self.spec, self.root = workspace.folder, workspace.spec, workspace.home / SERVING_FOLDER
        keys = load_keys(workspace.home, os.environ, pair=PACKAGES)
        store = ServingStore(self.root, keys.trusted, lambda: HomeKeys(workspace.home, os.environ).trusted)
        self.publisher = Publisher(workspace.folder / "project.yaml", workspace.home, keys, store)
        assert self.publisher.publish() == "version 1"
        loaded = Champions(store, [project.project]).load(project.project)
        assert loaded is not None
        self.serving = loaded
        self.log = PredictionLog(self.root, {project.project: LogTerms()}, counters_of(project.project), 0)

    def candidate(self, workspace: Workspace) -> Serving:
        """Return version 2 as a rollout lets it answer: it has the champion's files, and another level."""
        from flows.steps.in_service.rollout_steps import next_step
        from tasks.inference.schema import SCHEMA_FILE
        from tasks.registry import Draft
        from tasks.serve.candidates import Candidates
        from tasks.serve.service_settings import ServiceSettings

        project, registry = workspace.project, signing(workspace)
        first = registry.version(project, 1)
        assert first is not None
        files = registry.fetch(first)
        schema = json.loads(files[SCHEMA_FILE])
        other = json.dumps(schema | {"offset": schema.get("offset", 0.0) + 0.25}).encode()
        second = registry.add_version(project, Draft("second", files | {SCHEMA_FILE: other}))
        append_entry(workspace.lake, project, rollout_of(registry.signed(second).digest, self.serving.version.digest))
        ServiceSettings(projects=(project,), root=str(self.root), trusted=()).write()
        for _ in range(2):
            self.publisher.roll_out()
        shadow = rollouts(read_entries(workspace.lake, project))[-1][-1]
        half = RolloutVerdict("advanced", 0.5, "as promised")
        append_entry(workspace.lake, project, next_step(shadow, half, StepTime(clock.now().date(), clock.now())))
        found = Candidates(self.publisher.store, [project], 0).load(project).fresh
        assert found is not None
        return found.serving

    def answer(self, night: str) -> dict[str, float]:
        """Answer the sales of a night one by one, and let them land as a delivery of it; return the predictions."""
        return self.answer_by([self.serving], night)[0]

    def answer_by(self, versions: list[Serving], night: str) -> list[dict[str, float]]:
        """Let versions answer the sales of a night in turns, and land a delivery of each; return the predictions."""
        from flows.serving.log_carrier import LogCarrier

        rows, predicted = rows_of(night), []
        for place, serving in enumerate(versions):
            own, version = rows[place :: len(versions)], serving.version
            answered = [version.answers([version.reader.read(row)])[0] for row in own]
            run_apart(self._logged(serving, own, answered))
            predicted.append({one.answer["id"]: one.computed.prediction[one.place] for one in answered})
        self.log.start()
        self.log.close()
        assert LogCarrier(self.root, self.spec, self.folder).carry() == len(versions)
        for place, landed in enumerate(sorted((self.folder / "served" / "rows").glob("20[!1]*"))):
            name = f"{night}-{place}.jsonl" if place else f"{night}.jsonl"
            os.utime(landed.rename(landed.with_name(name)), (LANDED_AT, LANDED_AT))
        return predicted

    async def _logged(self, serving: Serving, rows: list[Any], answered: list[Any]) -> None:
        from tasks.serve.service_request import ServiceRequest
        from tasks.serve.service_settings import ServiceSettings
        from tasks.serving_store.logged_rows import Draw

        settings = ServiceSettings(projects=(), root="", trusted=())
        scope = {"method": "POST", "path": "/", "headers": []}
        for row, one in zip(rows, answered, strict=True):
            request = ServiceRequest(scope, None, settings, asyncio.get_running_loop().time())
            arm: Arm = "champion" if serving is self.serving else "candidate"
            self.log.add(request, serving, [(row, one)], Draw(arm, (str(row["id"]),)))


def rollout_of(candidate: str, champion: str) -> RolloutEntry:
    """Return the first step of a rollout of version 2, by the digests of both versions."""
    guardrails = (GuardrailTerms("redone", "higher", 0.1),)
    terms = RolloutTerms((0.5,) * 6, 0.01, 10, 0.5, 1.0, 1.0, entity="id", guardrails=guardrails)
    return started_rollout(candidate, champion, terms, clock.now())


def feedback_of(row_ids: Sequence[str]) -> list[list[str]]:
    """Return a file of feedback: rows that were redone on their day."""
    parts = [row_id.split("|") for row_id in row_ids]
    return [["id", "date", "event", "time"], *([*part, "redone", f"{part[1]} 20:00"] for part in parts)]


def rows_of(night: str) -> list[dict[str, str]]:
    """Return the sales of a night."""
    header, *body = cells("sales", night)
    return [dict(zip(header, row, strict=True)) for row in body]


@pytest.fixture
def project(copy: Callable[..., Copy]) -> Copy:
    made = copy()
    made.replace_in_spec("scope:\n", "serving: {log: true}\nscope:\n")
    return made


def decided(workspace: Workspace, night: str, project: str = PROJECT) -> tuple[NightEntry, ServedProof]:
    """Run a night; return its entry, and what it has proven."""
    from flows.nightly import nightly
    from tasks.lake import read_nights

    nightly(project, date.fromisoformat(night))
    entry = read_nights(workspace.lake, project)[-1]
    answer = entry.answer(ServedAsBatch)
    assert answer is not None
    return entry, answer.proof


def altered(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))
    os.utime(path, (LANDED_AT, LANDED_AT))


def test_the_night_takes_in_what_was_answered_and_proves_every_bit(
    project: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.lake import active_rows, deliveries

    workspace = project.enter(monkeypatch)
    predicted = Service(project, workspace).answer(NIGHT)
    entry, proof = decided(workspace, NIGHT)
    assert proof == ServedProof(len(predicted), versions=(1,))
    assert entry.rows == len(predicted)
    taken_in = batch(workspace, f"@served/{NIGHT}.jsonl")
    assert (taken_in.rows_accepted, taken_in.verdict) == (len(predicted), "accepted")
    known = deliveries(workspace.lake, PROJECT)
    stored = active_rows(workspace.lake, PROJECT, "predictions", known, where=[("batch_id", "=", taken_in.batch_id)])
    assert set(stored["role"]) == {"champion"}
    assert dict(zip(stored["row_id"], stored["prediction"], strict=True)) == predicted
    # The same questions a week later are the same rows: they are in the lake once.
    served = workspace.folder / "served" / "rows"
    repeated = served / f"{NEXT}.jsonl"
    repeated.write_bytes((served / f"{NIGHT}.jsonl").read_bytes().replace(b'"latency_ms":', b'"latency_ms":1'))
    os.utime(repeated, (LANDED_AT, LANDED_AT))
    _, proof = decided(workspace, NEXT)
    assert proof == ServedProof(len(predicted), versions=(1,))  # and each of the new answers is proven
    assert batch(workspace, f"@served/{NEXT}.jsonl").rows_elsewhere == len(predicted)


def test_the_night_takes_in_the_answers_of_a_bundle_once_however_often_they_are_sent(
    project: Copy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from flows.nightly import nightly
    from flows.serving.bundles.answer_landing import LandedAnswers, land_answers
    from flows.serving.bundles.bundle_version import Signing, bundle_of, version_to_bundle
    from tasks.bundle.runtimes.answer_queue import AnswerQueue
    from tasks.bundle.runtimes.answering_bundle import Bundle
    from tasks.bundle.task import write_bundle
    from tasks.lake import active_rows, deliveries, read_nights
    from tasks.registry import PACKAGES, load_keys

    project.replace_in_spec("serving: {log: true}\n", "")
    workspace, sent, rows = project.enter(monkeypatch), tmp_path / "sent", rows_of(NIGHT)
    key = load_keys(workspace.home, os.environ, pair=PACKAGES).private
    assert key is not None
    version, signing = version_to_bundle(workspace, None), Signing(key, b"", clock.now())
    write_bundle(bundle_of(workspace, version, "python", signing).files, tmp_path / "bundle")
    bundle = Bundle.open(tmp_path / "bundle")
    answers = dict[str, float]()
    for part in (rows[: len(rows) // 2], rows[len(rows) // 2 :]):  # the device was restarted once
        queue = AnswerQueue(bundle, sent)
        answers |= {answer["id"]: answer["prediction"] for answer in map(queue.answer, part)}
        queue.close()

    def land(night: str) -> LandedAnswers:
        landed = land_answers(workspace, files, date.fromisoformat(night))
        for path in (workspace.folder / "served" / "rows").iterdir():
            os.utime(path, (LANDED_AT, LANDED_AT))
        return landed

    files = AnswerQueue(bundle, sent).close()
    contents = {path: path.read_bytes() for path in files}
    files[0].write_bytes(contents[files[0]][:-9])  # the copy of the device was interrupted
    first = land(NIGHT)
    assert [(name, "did not arrive as a whole" in why) for name, why in first.refused] == [(files[0].name, True)]
    for path, content in contents.items():
        path.write_bytes(content)
    undated, link = sent / f"0000-99-99{files[0].name[10:]}", sent / f"{NIGHT}-link.jsonl"
    undated.write_bytes(contents[files[0]])
    link.symlink_to(files[0])
    refused = land_answers(workspace, [undated, link], date.fromisoformat(NIGHT)).refused
    assert [why.split(";")[0] for _, why in refused] == ["its name begins with '0000-99-99'", "it is no regular file"]
    for path in (undated, link):
        path.unlink()
    assert land(NIGHT) == LandedAnswers(len(rows), 2, ())
    assert not any(sent.iterdir())
    _, proof = decided(workspace, NIGHT)
    assert proof == ServedProof(len(rows), versions=(1,))
    known = deliveries(workspace.lake, PROJECT)
    stored = active_rows(workspace.lake, PROJECT, "predictions", known, where=[("role", "=", "champion")])
    found = stored[stored["row_id"].isin(answers)].set_index("row_id")["prediction"]
    assert found.to_dict() == pytest.approx(answers, rel=1e-12)
    for path, content in contents.items():  # the device never heard that they had landed
        path.write_bytes(content)
    assert land(NEXT).rows == len(rows)
    project.land("sales", NEXT, cells("sales", NEXT))
    nightly(PROJECT, date.fromisoformat(NEXT))
    assert read_nights(workspace.lake, PROJECT)[-1].answer(ServedAsBatch) is None, "nothing that was answered is new"
    after = active_rows(workspace.lake, PROJECT, "rows", deliveries(workspace.lake, PROJECT))
    assert after["row_id"].is_unique
    assert after["row_id"].isin(answers).sum() == len(rows)


def test_a_night_over_the_log_of_a_canary_keeps_the_answers_of_both_versions_apart(
    copy: Callable[..., Copy], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the candidate answered was served, and is its own; the champion is measured by its answers to all rows."""
    from flows.nightly import nightly
    from flows.steps.in_service.rollout_guardrails import found_by_nights
    from tasks.dataset.night_data import NightData
    from tasks.evaluate.task import realised_losses
    from tasks.lake import active_rows, deliveries, read_entries, read_nights

    project = copy(project="rolled")
    feedback = "feedback: {events: {redone: 0.1}, uri: landing/feedback}"
    project.replace_in_spec("scope:\n", f"serving: {{log: true}}\n{feedback}\nscope:\n")
    workspace = project.enter(monkeypatch)
    service = Service(project, workspace)
    by_champion, by_candidate = service.answer_by([service.serving, service.candidate(workspace)], NIGHT)
    assert by_champion
    project.land("prices", NIGHT, cells("prices", "2014-07-28"))
    entry, proof = decided(workspace, NIGHT, "rolled")
    rows = len(by_champion) + len(by_candidate)
    assert (entry.rows, entry.champion) == (rows, 1)
    assert proof == ServedProof(rows, versions=(1, 2))
    known = deliveries(workspace.lake, "rolled")
    stored = active_rows(workspace.lake, "rolled", "predictions", known, where=[("event_date", ">=", date(2014, 7, 7))])
    stored = stored[stored["row_id"].isin({**by_champion, **by_candidate})]
    found = {
        key: dict(zip(own["row_id"], own["prediction"], strict=True))
        for key, own in stored.groupby(["version", "role"])
    }
    assert found[1, "champion"] == by_champion
    assert found[2, "champion"] == by_candidate
    assert found[1, "shadow"].keys() == by_candidate.keys()
    assert all(found[1, "shadow"][row] != prediction for row, prediction in by_candidate.items())
    later = NightData.read(workspace.lake, workspace.spec, date(2014, 9, 1), aliases=workspace.registry.aliases)
    champion, candidate = (workspace.load(number, later.entries) for number in (1, 2))
    measured = set(realised_losses(later, champion.answering)["row_id"])
    assert set(realised_losses(later, candidate.answering)["row_id"]) == measured & by_candidate.keys()
    assert measured & by_champion.keys()
    (early,) = entry.guarded
    assert (early.value, early.champion_value) == (0.0, 0.0), "no feedback has come"
    (workspace.folder / "landing" / "feedback").mkdir()
    project.land("feedback", NEXT, feedback_of(sorted(by_candidate)[:3]))
    nightly("rolled", date.fromisoformat(NEXT))
    (redone,) = read_nights(workspace.lake, "rolled")[-1].guarded
    assert (redone.users, redone.champion_users) == (len(by_candidate), len(by_champion))
    assert (round(redone.value * redone.users), redone.champion_value) == (3, 0.0)
    shown = workspace.registry.version("rolled", 2)
    assert shown is not None
    assert shown.tags["leeway.guardrails"] == redone.sentence
    entries = read_entries(workspace.lake, "rolled")
    (found_again,) = found_by_nights(entries, rollouts(entries)[-1][-1])
    assert (found_again.name, found_again.worse, found_again.seen) == ("redone", redone.evidence, redone.sentence)


def test_labels_that_were_sent_are_the_labels_of_their_rows(project: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.nightly import nightly
    from flows.serving.log_carrier import LogCarrier
    from tasks.lake import active_rows, deliveries
    from tasks.serving_store.sent_files import keep_sent

    project.replace_in_spec("serving: {log: true}", "serving: {labels: true, delivery_minutes: 1}")
    workspace = project.enter(monkeypatch)
    header, *body = cells("prices", NIGHT)
    sent = [dict(zip(header, row, strict=True)) for row in body]
    prices = [float(row["price"]) for row in sent]
    labels = [{**row, "price": price} for row, price in zip(sent, prices, strict=True)]
    root = workspace.home / "serving"
    keep_sent(root, PROJECT, labels, clock.now())
    assert LogCarrier(root, workspace.spec, workspace.folder).carry_labels(clock.now() + timedelta(minutes=2)) == 1
    (landed,) = (workspace.folder / "served" / "labels").iterdir()
    os.utime(landed.rename(landed.with_name(f"{NIGHT}.jsonl")), (LANDED_AT, LANDED_AT))
    nightly(PROJECT, date.fromisoformat(NIGHT))
    taken_in = batch(workspace, f"@served/{NIGHT}.jsonl", "labels")
    assert (taken_in.rows_accepted, taken_in.rows_quarantined) == (len(labels), 0)
    known = deliveries(workspace.lake, PROJECT)
    stored = active_rows(workspace.lake, PROJECT, "labels", known, where=[("batch_id", "=", taken_in.batch_id)])
    assert sorted(stored["label"]) == sorted(prices)


def test_an_answer_that_differs_in_a_bit_is_reported_to_a_person(
    project: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.serving_store.logged_rows import bits_of, logged_answers, numbers_of

    workspace = project.enter(monkeypatch)
    service = Service(project, workspace)
    predicted = service.answer(NEXT)
    landed = service.folder / "served" / "rows" / f"{NEXT}.jsonl"
    first = logged_answers(landed.read_bytes())[0]
    score, prediction, sure = numbers_of(first.bits)
    altered(landed, first.bits.encode(), bits_of(score, prediction + 1.0, sure).encode())
    entry, proof = decided(workspace, NEXT)
    assert proof == ServedProof(len(predicted), 1, (SkewedRow(first.row_id, 1, "prediction"),), versions=(1,))
    assert entry.action == "ask"
    found = entry.answer(ServedAsBatch)
    assert found is not None
    assert found.answer.startswith(
        f"no: 1 of {len(predicted)} rows differ, row {first.row_id} of version 1 from its pre"
    )
    assert "the prediction service answers in another way than the batch" in entry.reason


def test_every_line_is_proven_whatever_becomes_of_its_row_and_its_delivery(
    project: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.serving_store.logged_rows import bits_of, logged_answers, numbers_of

    workspace = project.enter(monkeypatch)
    service = Service(project, workspace)
    predicted = service.answer(NIGHT)
    landed = service.folder / "served" / "rows" / f"{NIGHT}.jsonl"
    lines = landed.read_bytes().splitlines(keepends=True)
    # The first row was asked for again and answered rightly then; its first answer is wrong. Most rows have no price
    # column any more, so that the delivery is quarantined.
    answer = logged_answers(lines[0])[0]
    score, prediction, sure = numbers_of(answer.bits)
    wrong = lines[0].replace(answer.bits.encode(), bits_of(score, prediction + 1.0, sure).encode())
    missing = [line.replace(b'"sqft_living":', b'"sqft_living":"?",  "left_out":') for line in lines[1:]]
    landed.write_bytes(b"".join([wrong, *missing, lines[0]]))
    os.utime(landed, (LANDED_AT, LANDED_AT))
    entry, proof = decided(workspace, NIGHT)
    assert batch(workspace, f"@served/{NIGHT}.jsonl").verdict == "quarantined"
    assert (proof.rows, proof.differing, proof.unproven) == (len(predicted) + 1, len(predicted), 0)
    assert proof.skewed[:2] == (
        SkewedRow(answer.row_id, 1, "prediction"),
        SkewedRow(logged_answers(lines[1])[0].row_id, 1, "contract"),
    )
    assert entry.action == "quarantine"
    assert "the prediction service answers in another way than the batch" in entry.reason


def test_answers_under_an_earlier_contract_that_cannot_be_proven_are_counted(
    project: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.workspace import open_workspace

    workspace = project.enter(monkeypatch)
    service = Service(project, workspace)
    predicted = service.answer(NIGHT)
    suite = service.folder / "expectations.json"
    content = json.loads(suite.read_text(encoding="utf-8"))
    limits = {"column": "sqft_living", "max_value": 1_500}
    rule = {"type": "expect_column_values_to_be_between", "kwargs": limits, "severity": "critical"}
    content["expectations"].append(rule)
    suite.write_text(json.dumps(content), encoding="utf-8")
    _, proof = decided(open_workspace(PROJECT), NIGHT)
    larger = sum(float(row["sqft_living"]) > 1_500 for row in rows_of(NIGHT))
    assert 0 < larger < len(predicted)
    assert (proof.rows, proof.differing, proof.unproven) == (len(predicted) - larger, 0, larger)
    assert proof.why == "they were answered under another contract than that of the night"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"digest":"{digest}"', '"digest":"{other}"', "the registry has another version than the one that answered: "),
        ('"version":1', '"version":7', "the registry no longer has the version"),
    ],
)
def test_rows_of_a_version_that_is_gone_or_another_one_are_the_champions_and_not_proven(
    project: Copy, monkeypatch: pytest.MonkeyPatch, old: str, new: str, why: str
) -> None:
    from tasks.registry import Registry

    workspace = project.enter(monkeypatch)
    service = Service(project, workspace)
    predicted = service.answer(NIGHT)
    named = {"digest": service.serving.version.digest, "other": "0" * 64}
    landed = service.folder / "served" / "rows" / f"{NIGHT}.jsonl"
    landed.write_bytes(landed.read_bytes().replace(old.format(**named).encode(), new.format(**named).encode()))
    os.utime(landed, (LANDED_AT, LANDED_AT))
    fetches, right = list[int](), Registry.fetch_sealed

    def counted(registry: Registry, version: Any, digest: str = "") -> Any:
        fetches.append(version.number)
        return right(registry, version, digest)

    monkeypatch.setattr(Registry, "fetch_sealed", counted)
    _, proof = decided(workspace, NIGHT)
    assert (proof.rows, proof.differing, proof.unproven) == (0, 0, len(predicted))
    assert proof.why.startswith(why)
    assert fetches == [1] * (2 if "digest" in old else 1)  # the champion, and what is named as it, once each
