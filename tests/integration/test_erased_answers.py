"""Files of answers lose the rows of an erased person, and keep those of all others, whatever the lake still has."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from flows.cli.commands.project_data.erase_subject import ErasureRequest, erase
from tasks.lake import add_batches, latest, remove
from tasks.score import AnswerTable
from tasks.score.output_files import AnswerFiles
from tests.integration.clinic import MARKER, MOMENT, NIGHT, OTHERS, Clinic, named


def patients(folder: Path) -> list[str]:
    """Return the patients with answers in files."""
    ids = [row["row_id"] for path in sorted(folder.iterdir()) for row in pq.read_table(path).to_pylist()]
    return sorted(row_id.partition("|")[0] for row_id in ids)


def test_answers_that_the_lake_has_no_more_stay_in_their_file(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    remove(clinic.lake, "clinic", "predictions", "row_id LIKE 'p1%'")  # past their retention
    clinic.erase(named(MARKER))
    assert patients(tmp_path / "answers") == sorted(OTHERS)
    assert len(list((tmp_path / "answers").iterdir())) == 1


def test_answers_of_rows_that_are_past_their_retention_are_erased_from_their_file(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    for table in ("rows", "predictions", "labels"):
        remove(clinic.lake, "clinic", table, "true")
    (before,) = (tmp_path / "answers").iterdir()
    clinic.erase(named(MARKER))
    assert patients(tmp_path / "answers") == sorted(OTHERS)
    assert [*(tmp_path / "answers").iterdir()] == [before]


def test_files_of_two_revisions_become_one_also_if_their_removal_is_interrupted(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    (first,) = (tmp_path / "answers").iterdir()
    rows = pq.read_table(first)
    (batch,) = [each for each in latest(clinic.lake, "clinic") if each.kind == "rows"]
    released = replace(batch, revision=2, written_at=MOMENT + timedelta(hours=1))
    add_batches(clinic.lake, "clinic", [released])
    pq.write_table(rows.slice(0, 9), first)
    pq.write_table(rows.slice(9), tmp_path / "answers" / clinic.answers.name(released))

    class FailingFiles(AnswerFiles):
        def remove(self, name: str) -> None:
            super().remove(name)
            raise KeyboardInterrupt

    clinic.answers = FailingFiles(clinic.answers.root)
    with pytest.raises(KeyboardInterrupt):
        clinic.erase(named(MARKER))
    clinic.answers = AnswerFiles(clinic.answers.root)
    clinic.erase(named(MARKER))
    assert patients(tmp_path / "answers") == sorted(OTHERS)
    assert [path.name for path in (tmp_path / "answers").iterdir()] == [first.name.replace("-1.", "-3.")]


def test_a_file_with_another_name_for_the_id_loses_the_same_rows(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    (path,) = (tmp_path / "answers").iterdir()
    table = pq.read_table(path)
    pq.write_table(table.rename_columns(["visit" if name == "row_id" else name for name in table.column_names]), path)
    clinic.answers = AnswerFiles(clinic.answers.root, renamed={"row_id": "visit"})
    clinic.erase(named(MARKER))
    (path,) = (tmp_path / "answers").iterdir()
    left = {name.partition("|")[0] for name in pq.read_table(path)["visit"].to_pylist()}
    assert left == set(OTHERS)


def test_a_csv_keeps_its_cells_and_loses_a_row_with_an_escaped_id(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    (path,) = (tmp_path / "answers").iterdir()
    answers = pd.DataFrame({"row_id": ["=7|2026-01-03", "p1|2026-01-02"], "prediction": [3.0, 0.1], "reasons": "a,\rb"})
    clinic.answers = AnswerFiles(clinic.answers.root, "csv")
    path.unlink()
    (batch,) = [each for each in latest(clinic.lake, "clinic") if each.kind == "rows"]
    name = clinic.answers.name(batch)
    clinic.answers.write(name, answers)
    assert b"'=7" in (tmp_path / "answers" / name).read_bytes()
    clinic.erase(named("=7"))
    left = (tmp_path / "answers" / name).read_bytes()
    clinic.answers.write(name, answers.tail(1))
    assert left.replace(b'"', b"") == (tmp_path / "answers" / name).read_bytes().replace(b'"', b"")


def test_files_of_other_deliveries_and_projects_are_not_touched(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    (path,) = (tmp_path / "answers").iterdir()
    others = path.with_name("predictions-2026-01-30-ffffffff-1.parquet")
    others.write_bytes(path.read_bytes())
    before = path.stat().st_mtime_ns, others.read_bytes()
    clinic.erase(named("p99"))
    assert (path.stat().st_mtime_ns, others.read_bytes()) == before
    clinic.erase(named(MARKER), hour=8)
    assert others.read_bytes() == before[1]


def test_answers_in_a_table_are_erased_with_the_rest(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    answers = AnswerTable(f"sqlite:///{tmp_path}/answers.db", "answers", "clinic")
    made = clinic.lake.read("clinic", "predictions")
    (batch,) = [each for each in latest(clinic.lake, "clinic") if each.kind == "rows"]
    answers.write(answers.name(batch), made)
    request = ErasureRequest(named(MARKER), "the officer", "asked to", NIGHT, MOMENT + timedelta(hours=5))
    erase(clinic.lake, clinic.spec, request, answers)
    with closing(sqlite3.connect(tmp_path / "answers.db")) as file:
        left = {row_id.partition("|")[0] for (row_id,) in file.execute("SELECT row_id FROM answers")}
    assert left == set(OTHERS)
    (amended,) = [each for each in latest(clinic.lake, "clinic") if each.kind == "rows"]
    assert amended.base > batch.revision
    assert answers.names() == {answers.name(replace(amended, revision=amended.base))}  # nothing is handed out again
