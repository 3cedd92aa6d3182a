"""Answers in a Delta table: each delivery once, the newest answer of each version, whatever ends a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from deltalake import DeltaTable, Field, write_deltalake
from deltalake.schema import PrimitiveType
from deltalake.table import TableMerger

from tasks.errors import SourceError
from tasks.score import DeltaAnswers, answer_destination
from tasks.score.answer_rows import AnswerRows
from tasks.score.task import Scorer, score_batches
from tests.integration.test_answer_table import made
from tests.integration.test_score import BATCHES, scorer
from tests.unit.score.test_output_files import spec_of

__all__ = ["scorer"]  # a fixture


class KilledError(Exception):
    """The process died here."""


@pytest.fixture
def table(tmp_path: Path) -> DeltaAnswers:
    return DeltaAnswers(str(tmp_path / "answers"), "mine", AnswerRows())


def answers(table: DeltaAnswers) -> list[tuple[Any, ...]]:
    stored = DeltaTable(table.uri).to_pyarrow_table(columns=["row_id", "version", "prediction"]).to_pylist()
    return sorted(tuple(row.values()) for row in stored)


def test_the_answers_for_each_delivery_are_written_once_and_what_a_run_left_out_is_made_good(
    scorer: Scorer, table: DeltaAnswers
) -> None:
    score_batches(replace(scorer, files=None), BATCHES[:1])  # as if it had ended after its commit
    out = replace(scorer, files=table)
    score_batches(out, BATCHES[:2])
    first = answers(table)
    assert {row for row, _, _ in first} == {"a1", "a2", "b1", "b2"}
    assert out.hand_out(BATCHES) == 0
    DeltaTable(table.uri).delete("row_id = 'a1'")  # by a reader that takes answers away
    score_batches(replace(out, version=2), BATCHES)
    assert {row for row, _, _ in answers(table)} == {"a2", "b1", "b2", "c1", "c2"}


def test_a_newer_answer_of_a_version_replaces_an_older_one_and_never_the_other_way_round(table: DeltaAnswers) -> None:
    table.write("x/1", made())
    table.write("y/1", made(prediction=2.0, later=1))
    table.write("z/1", made(prediction=3.0))
    table.write("z/2", pd.concat([made(version=2, prediction=4.0), made("b")]))
    table.write("y/1", made(prediction=9.0, later=9))  # written already
    assert answers(table) == [("a", 1, 2.0), ("a", 2, 4.0), ("b", 1, 1.0)]
    assert table.lacking(["x/1", "y/1", "z/1", "z/2", "u/1"]) == {"u/1"}


def test_each_value_is_stored_as_it_is_under_the_names_of_the_spec(tmp_path: Path) -> None:
    table = DeltaAnswers(str(tmp_path / "answers"), "mine", AnswerRows(renamed={"row_id": "Call id"}))
    assert table.lacking(["x/1"]) == {"x/1"}
    table.write("x/1", made("it's", prediction=0.1 + 0.2, reasons="a, b"))
    table.write("y/1", made("y", probabilities=None, predicted_class=None, score=None))
    first, second = DeltaTable(table.uri).to_pyarrow_table().sort_by("Call id").to_pylist()
    assert (first["Call id"], first["version"], str(first["event_date"])) == ("it's", 1, "2026-01-01")
    assert (first["prediction"], first["probabilities"], first["proposal"]) == (0.1 + 0.2, [0.25, 0.75], False)
    assert pd.Timestamp(first["time"]) == pd.Timestamp("2026-01-02T03:04:05.000006Z")
    assert (second["score"], second["probabilities"], second["predicted_class"]) == (None, None, None)


def test_a_run_that_ends_before_or_after_its_commit_has_written_all_or_nothing(
    table: DeltaAnswers, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = TableMerger.execute

    def after(self: TableMerger) -> Any:
        commit(self)
        raise KilledError

    def before(_: TableMerger) -> Any:
        raise KilledError

    for name, ends, written in (("x/1", before, []), ("x/1", after, [("a", 1, 1.0)])):
        with monkeypatch.context() as killing:
            killing.setattr(TableMerger, "execute", ends)
            with pytest.raises(KilledError):
                table.write(name, made())
        assert answers(table) == written
        assert table.lacking([name]) == (set() if written else {name})


def test_another_writer_that_is_faster_is_waited_out_and_nothing_is_written_twice(
    table: DeltaAnswers, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.write("w/1", made("w"))
    commit, others = TableMerger.execute, [made("o"), made("x", prediction=7.0, later=1)]

    def late(self: TableMerger) -> Any:
        if others:
            with monkeypatch.context() as other:
                other.setattr(TableMerger, "execute", commit)
                table.write(f"other/{len(others)}", others.pop(0))
        return commit(self)

    monkeypatch.setattr(TableMerger, "execute", late)
    table.write("x/1", made("x"))
    assert answers(table) == [("o", 1, 1.0), ("w", 1, 1.0), ("x", 1, 7.0)]
    assert table.lacking(["x/1", "other/1", "other/2", "w/1"]) == set()


def test_a_table_may_have_more_columns(table: DeltaAnswers) -> None:
    table.write("x/1", made())
    DeltaTable(table.uri).alter.add_columns([Field("seen", PrimitiveType("integer"))])
    table.write("y/1", pd.concat([made(prediction=2.0, later=1), made("b")]))
    table.write("z/1", made(prediction=3.0))
    assert answers(table) == [("a", 1, 2.0), ("b", 1, 1.0)]
    assert table.lacking(["x/1", "y/1", "z/1"]) == set()


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ({"row_id": ["a"], "version": ["one"]}, "version is .*, not int64; prediction is missing|version is"),
        ({"row_id": ["a"], "version": [1]}, "event_date is missing"),
    ],
)
def test_a_table_that_cannot_take_answers_is_left_as_it_is(
    table: DeltaAnswers, there: dict[str, Any], expected: str
) -> None:
    write_deltalake(table.uri, pa.table(there))
    with pytest.raises(SourceError, match=f"cannot take answers: .*({expected})"):
        table.write("x/1", made())
    assert DeltaTable(table.uri).version() == 0


def test_answers_of_another_project_are_refused(table: DeltaAnswers) -> None:
    table.write("x/1", made())
    with pytest.raises(SourceError, match="has answers of the project 'mine'; expected a table of 'yours' alone"):
        replace(table, project="yours").lacking(["y/1"])
    assert replace(table, project="yours", formerly=("mine",)).lacking(["x/1", "y/1"]) == {"y/1"}


def test_a_subject_that_is_erased_is_in_no_file_and_no_log_of_the_table(table: DeltaAnswers) -> None:
    table.write("x/1", pd.concat([made("Zaphod-7"), made("b")]))
    table.write("y/1", made("Zaphod-7", later=1, batch_id="y"))
    table.erase(lambda _, ids: (ids == "Zaphod-7").to_numpy(), {})
    assert answers(table) == [("b", 1, 1.0)]
    data = {path.name: path.read_bytes() for path in Path(table.uri).rglob("*.*") if path.is_file()}
    assert {Path(name).suffix for name in data} >= {".parquet", ".json"}
    assert [name for name, content in data.items() if b"Zaphod-7" in content] == []


def test_the_spec_names_the_table(tmp_path: Path) -> None:
    spec = spec_of(output="answers", format="delta", rename={"row_id": "call"})
    found = answer_destination(spec, tmp_path, {})
    assert isinstance(found, DeltaAnswers)
    assert (found.uri, found.rows.column("row_id")) == (str(tmp_path / "answers"), "call")
    assert found.described() == f"{tmp_path / 'answers'} is not there yet; the first night with answers makes it"
    found.write("x/1", made())
    assert found.described().endswith("takes answers; its version is 1")
