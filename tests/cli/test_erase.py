"""`leeway erase` finds a person by the id that the source has, also where the lake only has a pseudonym."""

from __future__ import annotations

import fcntl
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.serving.log_carrier import LogCarrier, unlocked
from flows.workspace import open_lake
from tasks.ingest.task import take_in
from tasks.lake import Lake, active_rows, latest
from tasks.serving_store import SERVING_FOLDER
from tasks.serving_store.logged_rows import LOG_FOLDER, LoggedAnswer, log_line, row_text
from tasks.serving_store.sent_files import keep_sent
from tasks.spec import home, read_spec
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts

if TYPE_CHECKING:
    from tests.cli.conftest import Leeway

SPEC = """\
project: clinic
scope: {owner: me, objective: Stay., metric: mean_absolute_error}
source: {uri: landing, id: [patient], event_time: at, arrival: filename, label: {column: days}}
features: {numbers: [age]}
"""
NIGHT, MOMENT = date(2026, 1, 31), datetime(2026, 2, 1, tzinfo=UTC)


@pytest.fixture
def lake(here: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setenv("LEEWAY_PRIVACY_KEY", "0123456789abcdef")
    folder = here / "deployments" / "clinic"
    (folder / "landing").mkdir(parents=True)
    (folder / "project.yaml").write_text(SPEC + "privacy: {pseudonymise: [patient]}\n")
    (folder / "expectations.json").write_text('{"name": "clinic", "expectations": []}')
    (folder / "landing" / "2026-01-05.csv").write_text(
        "patient,at,age,days\n4711,2026-01-02,40,3\n4712,2026-01-02,50,4\n"
    )
    spec, made = read_spec(folder / "project.yaml"), open_lake(home(folder / "project.yaml"))
    store(made, spec, verdicts(take_in(made, spec, folder, NIGHT, MOMENT), spec, folder), NIGHT, MOMENT)
    return made


@pytest.mark.usefixtures("lake")
def test_a_reason_with_a_day_is_kept(leeway: Leeway) -> None:
    said = leeway("erase", "clinic", "--id", " 4711 ", "--id", "01", "--reason", "request of 2026-01-01")
    assert said.out.startswith("clinic: erased: 1 of labels, 1 of rows\n")


@pytest.mark.parametrize("copy", ["replay/{}/policy-1.parquet", "serving/{}/tables-ab.bin", "serving/{}/tables.json"])
def test_a_copy_that_replays_or_the_service_keep_of_a_project_is_removed(copy: str, lake: Lake, leeway: Leeway) -> None:
    kept, other = (Path(lake.root).parent / copy.format(name) for name in ("clinic", "ward"))
    for path in (kept, other):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"4711")
    assert leeway("erase", "clinic", "--id", "4711").code == 0
    assert (kept.exists(), other.exists()) == (False, True)


def ages(lake: Lake) -> list[float]:
    return sorted(active_rows(lake, "clinic", "rows")["age"])


def test_a_patient_is_found_by_the_number_that_the_lake_only_has_as_a_hash(lake: Lake, leeway: Leeway) -> None:
    said = leeway("erase", "clinic", "--id", "4711", "--reason", "asked to")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("clinic: erased: 1 of labels, 1 of rows\n")
    assert "train again, promote the new version, then delete the old one" in said.out
    assert ages(lake) == [50.0]


def test_a_delivery_is_erased_by_the_name_of_its_file(lake: Lake, leeway: Leeway) -> None:
    assert leeway("erase", "clinic", "--delivery", "2026-01-05.csv").code == 0
    assert ages(lake) == []


def test_an_id_that_is_stored_nowhere_changes_nothing(lake: Lake, leeway: Leeway) -> None:
    assert leeway("erase", "clinic", "--id", "4799").out.startswith("clinic: erased: nothing was stored\n")
    assert ages(lake) == [40.0, 50.0]


@pytest.mark.usefixtures("lake")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "expected the ids to erase (--id), or a delivery (--delivery): one of the two"),
        (("--id", "1", "--delivery", "a"), "one of the two"),
        (("--delivery", "other.csv"), "clinic has taken in no delivery 'other.csv'"),
        (("--id", "1", "--column", "age"), "found --column 'age'; expected a column of ids or of entities: patient"),
        (("--id", "4711", "--reason", "patient 4711 has asked"), "the reason has one of the ids, a part of one"),
        (("--id", " 4711 ", "--reason", "patient4711 has asked"), "the reason has one of the ids, a part of one"),
        (("--id", "Ann Lee", "--reason", "Ms LEE has asked"), "the reason has one of the ids, a part of one"),
        (("--id", "7|north", "--reason", "the ward North"), "the reason has one of the ids, a part of one"),
        (("--delivery", "lee.csv", "--reason", "the file of lee"), "or the name of the delivery, and is kept"),
        (("--id", " "), "found an --id without any character"),
        (("--delivery", "a", "--label-only"), "--delivery erases all of a delivery"),
    ],
)
def test_what_cannot_be_meant_is_refused(words: tuple[str, ...], said: str, leeway: Leeway) -> None:
    refused = leeway("erase", "clinic", *words)
    assert refused.code == 1
    assert said in refused.err


@pytest.mark.parametrize("is_open", [False, True])
def test_rows_of_the_prediction_log_that_have_not_landed_are_erased_unless_a_worker_writes_them(
    lake: Lake, leeway: Leeway, *, is_open: bool
) -> None:
    folder = Path(lake.root).parent / SERVING_FOLDER / LOG_FOLDER / "clinic"
    folder.mkdir(parents=True)
    content = b"".join(
        log_line(row_text({"patient": row_id, "age": 4}), answered(row_id)) for row_id in ("4711", "4712")
    )
    (folder / "a.jsonl").write_bytes(content)
    with (folder / "a.jsonl").open() as file:
        if is_open:
            fcntl.flock(file, fcntl.LOCK_EX)
        said = leeway("erase", "clinic", "--id", "4711").out
    assert ("writes to 1 file of its log or its labels: run the same command again" in said) == is_open
    assert (b"4711" in (folder / "a.jsonl").read_bytes()) == is_open
    assert b"4712" in (folder / "a.jsonl").read_bytes()


def test_files_of_the_service_that_vanish_meanwhile_are_no_failure(lake: Lake, leeway: Leeway) -> None:
    folder = Path(lake.root).parent / SERVING_FOLDER / LOG_FOLDER / "clinic"
    folder.mkdir(parents=True)
    (folder / "a.jsonl").symlink_to(folder / "landed.jsonl")
    assert leeway("erase", "clinic", "--id", "4711").code == 0


def test_labels_do_not_land_while_they_are_erased_nor_are_they_erased_while_they_land(
    lake: Lake, leeway: Leeway, here: Path
) -> None:
    root = Path(lake.root).parent / SERVING_FOLDER
    keep_sent(root, "clinic", [{"patient": "4711", "days": 3}], MOMENT)
    project = here / "deployments" / "clinic"
    carrier = LogCarrier(root, read_spec(project / "project.yaml"), project)
    with unlocked(root / "prediction_labels" / "clinic") as free:
        assert free
        assert carrier.carry_labels(datetime(2100, 1, 1, tzinfo=UTC)) == 0
        said = leeway("erase", "clinic", "--id", "4711").out
    assert "writes to 1 file of its log or its labels: run the same command again once they have landed" in said


def test_labels_that_came_over_the_api_and_have_not_landed_are_erased(lake: Lake, leeway: Leeway) -> None:
    root = Path(lake.root).parent / SERVING_FOLDER
    keep_sent(root, "clinic", [{"patient": "4711", "days": 3}, {"patient": "4712", "days": 5}], MOMENT)
    (file,) = (root / "prediction_labels" / "clinic").iterdir()
    written = file.stat().st_mtime_ns
    leeway("erase", "clinic", "--id", "4711")
    assert json.loads(file.read_bytes()) == {"patient": "4712", "days": 5, "@sent_at": MOMENT.isoformat()}
    assert file.stat().st_mtime_ns == written


def test_a_name_of_several_deliveries_is_refused_and_the_id_of_one_is_taken(
    lake: Lake, leeway: Leeway, here: Path
) -> None:
    batch_id = latest(lake, "clinic")[0].batch_id
    folder = here / "deployments" / "clinic"
    path = folder / "landing" / "2026-01-05.csv"
    path.write_text("patient,at,age,days\n4713,2026-01-02,60,3\n4714,2026-01-02,70,4\n")
    spec = read_spec(folder / "project.yaml")
    store(lake, spec, verdicts(take_in(lake, spec, folder, NIGHT, MOMENT), spec, folder), NIGHT, MOMENT)
    refused = leeway("erase", "clinic", "--delivery", "2026-01-05.csv")
    assert refused.code == 1
    assert "clinic has taken in 2 deliveries '2026-01-05.csv'" in refused.err
    assert f"- {batch_id}: rows, 2026-01-05" in refused.err
    assert leeway("erase", "clinic", "--delivery", batch_id).code == 0
    assert ages(lake) == [60.0, 70.0]


def test_a_file_of_labels_of_one_person_only_is_removed(lake: Lake, leeway: Leeway) -> None:
    root = Path(lake.root).parent / SERVING_FOLDER
    keep_sent(root, "clinic", [{"patient": "4711", "days": 3}], MOMENT)
    leeway("erase", "clinic", "--id", "4711")
    assert list((root / "prediction_labels" / "clinic").iterdir()) == []


def answered(row_id: str) -> LoggedAnswer:
    answer: dict[str, Any] = {
        "request": "r",
        "time": "",
        "version": 1,
        "digest": "",
        "inputs": "",
        "bits": "",
        "unsure": False,
    }
    return LoggedAnswer(protocol=1, row_id=row_id, latency_ms=1.0, worker=0, number=1, **answer)
