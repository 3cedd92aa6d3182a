"""Answers in a table of a real database: each delivery once, the newest answer of each version, whatever ends a run."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest

from tasks import clock
from tasks.databases.postgresql_writer import PostgresWriter
from tasks.databases.sqlite_writer import SqliteWriter
from tasks.errors import SourceError, Unreachable
from tasks.lake import Lake
from tasks.score import AnswerTable, answer_destination
from tasks.score.answer_rows import AnswerRows
from tasks.score.task import Scorer, score_batches
from tests.integration.test_score import BATCHES, SCHEMA, Constant
from tests.postgres_server import Database, running_postgres
from tests.unit.score.test_output_files import spec_of

DAY = date(2026, 1, 1)
ENGINES = ["postgresql", "sqlite"]


@pytest.fixture(scope="module")
def server() -> Iterator[Database]:
    with running_postgres() as database:
        yield database


class Base:
    """A database of a test's own."""

    def __init__(self, engine: str, server: Database, folder: Path, name: str) -> None:
        self.engine, self.address = engine, f"sqlite:///{folder}/answers.db"
        if engine == "postgresql":
            with psycopg.connect(server.address(), autocommit=True) as connection:
                connection.execute(f'CREATE DATABASE "{name}"')
            self.address = server.address(name=name)

    @property
    def table(self) -> AnswerTable:
        return AnswerTable(self.address, "predictions", "mine")

    def run(self, text: str) -> list[tuple[Any, ...]]:
        connect: Callable[[], Any] = (
            (lambda: psycopg.connect(self.address, autocommit=True))
            if self.engine == "postgresql"
            else (lambda: sqlite3.connect(self.address.removeprefix("sqlite:///"), isolation_level=None))
        )
        with closing(connect()) as connection:
            cursor = connection.execute(text)
            return list(cursor.fetchall()) if cursor.description else []

    def answers(self) -> list[tuple[Any, ...]]:
        return self.run("SELECT row_id, version, prediction FROM predictions ORDER BY 1, 2")


@pytest.fixture(params=ENGINES)
def base(server: Database, tmp_path: Path, request: pytest.FixtureRequest) -> Base:
    return Base(request.param, server, tmp_path, re.sub(r"\W", "_", request.node.name)[-60:])


@pytest.fixture
def scorer(tmp_path: Path, base: Base) -> Scorer:
    lake = Lake(str(tmp_path / "lake"))
    for each in BATCHES:
        rows = pd.DataFrame({"row_id": [f"{each.batch_id}1", f"{each.batch_id}2"], "event_date": DAY})
        lake.append_if_absent("mine", "rows", rows.assign(batch_id=each.batch_id, revision=1), each.write_key)
    return Scorer(lake, "mine", Constant(SCHEMA), 1, lambda rows: rows, clock.now(), base.table)


def made(row_id: str = "a", prediction: float = 1.0, later: int = 0, **changes: Any) -> pd.DataFrame:
    """Return answers of one row, as the lake has them."""
    answer = {"row_id": row_id, "version": 1, "event_date": DAY, "prediction": prediction, "score": 0.25}
    answer |= {"confidence": 0.5, "deferred": False, "reasons": None, "probabilities": [[0.25, 0.75]]}
    answer |= {"predicted_class": "yes", "batch_id": "x", "time": pd.Timestamp("2026-01-02T03:04:05.000006Z")}
    frame = pd.DataFrame({**answer, **changes}, index=[0])
    return frame.assign(time=frame["time"] + timedelta(hours=later))


def test_the_answers_for_each_delivery_are_written_once_and_what_a_run_left_out_is_made_good(
    scorer: Scorer, base: Base
) -> None:
    assert score_batches(replace(scorer, files=None), BATCHES[:1]) == 2  # as if it had ended after its commit
    assert score_batches(scorer, BATCHES[:2]) == 2
    assert base.answers() == [("a1", 1, 1.0), ("a2", 1, 1.0), ("b1", 1, 1.0), ("b2", 1, 1.0)]
    assert scorer.hand_out(BATCHES) == 0
    base.run("DELETE FROM predictions WHERE row_id = 'a1'")  # by a reader that takes answers away
    assert score_batches(replace(scorer, version=2), BATCHES) == 6
    assert base.answers() == [("a2", 1, 1.0), ("b1", 1, 1.0), ("b2", 1, 1.0), ("c1", 2, 1.0), ("c2", 2, 1.0)]
    assert sorted(base.run("SELECT delivery, project, answers FROM predictions_deliveries")) == [
        ("a/1", "mine", 2),
        ("b/1", "mine", 2),
        ("c/1", "mine", 2),
    ]


def test_a_newer_answer_of_a_version_replaces_an_older_one_and_never_the_other_way_round(base: Base) -> None:
    base.table.write("x/1", made())
    base.table.write("y/1", made(prediction=2.0, later=1))
    base.table.write("z/1", made(prediction=3.0))
    base.table.write("z/2", pd.concat([made(version=2, prediction=4.0), made("b")]))
    base.table.write("y/1", made(prediction=9.0, later=9))  # written already
    assert base.answers() == [("a", 1, 2.0), ("a", 2, 4.0), ("b", 1, 1.0)]


def test_each_value_is_stored_as_it_is(base: Base) -> None:
    base.table.write("x/1", made("it's", prediction=0.1 + 0.2, reasons="a, b"))
    base.table.write("y/1", made("y", probabilities=None, predicted_class=None, score=None))
    (first, second) = base.run("SELECT * FROM predictions ORDER BY row_id")
    in_sqlite = base.engine == "sqlite"
    assert first[:2] == ("it's", 1)
    assert str(first[2]) == "2026-01-01"
    assert first[3] == 0.1 + 0.2
    assert first[8] == ("[0.25, 0.75]" if in_sqlite else [0.25, 0.75])
    assert first[9:12] == ("yes", 0 if in_sqlite else False, "x")
    assert pd.Timestamp(first[12]).tz_convert("UTC") == pd.Timestamp("2026-01-02T03:04:05.000006Z")
    assert (second[4], second[8], second[9]) == (None, None, None)


def test_a_run_that_ends_at_any_statement_has_written_all_or_nothing(
    base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(Exception):
        pass

    base.table.write("x/1", made())
    writer = SqliteWriter if base.engine == "sqlite" else PostgresWriter
    for ends in range(1, 9):
        calls = iter(range(1, 99))

        def dying(do: Callable[..., Any], calls: Iterator[int] = calls, ends: int = ends) -> Callable[..., Any]:
            def call(*args: Any) -> Any:
                result = do(*args)
                if next(calls) == ends:
                    raise KilledError
                return result

            return call

        with monkeypatch.context() as patched:
            for name in ("run", "rows", "give"):
                patched.setattr(writer, name, dying(getattr(writer, name)))
            with pytest.raises(KilledError):
                base.table.write("y/1", made("b"))
        assert base.answers() == [("a", 1, 1.0)]
        assert base.table.names() == {"x/1"}
    base.table.write("y/1", made("b"))
    assert base.table.names() == {"x/1", "y/1"}


KILLED = """
import os, signal, sys
from tasks.databases.{module} import {writer} as Writer
from tests.integration.test_answer_table import made
from tasks.score import AnswerTable
ran = Writer.run
def run(self, text):
    ran(self, text)
    if text.startswith("INSERT"):
        os.kill(os.getpid(), signal.SIGKILL)
Writer.run = run
AnswerTable(sys.argv[1], "predictions", "mine").write("x/1", made())
"""


def test_a_process_that_is_killed_before_its_commit_has_written_nothing(base: Base) -> None:
    names = {"module": "sqlite_writer", "writer": "SqliteWriter"}
    if base.engine == "postgresql":
        names = {"module": "postgresql_writer", "writer": "PostgresWriter"}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED.format(**names), base.address],
        cwd=Path(__file__).parents[2],
        check=False,
        timeout=100,
    )
    assert killed.returncode == -signal.SIGKILL
    assert base.table.names() == set()
    base.table.write("x/1", made())
    assert base.answers() == [("a", 1, 1.0)]


def test_a_table_that_was_dropped_is_made_and_filled_again(scorer: Scorer, base: Base) -> None:
    assert score_batches(scorer, BATCHES) == 6
    before = base.answers()
    base.run("DROP TABLE predictions")
    assert scorer.hand_out(BATCHES) == 3
    assert base.answers() == before
    base.run("DROP TABLE predictions_deliveries")
    assert scorer.hand_out(BATCHES) == 3
    assert base.answers() == before


def test_a_table_with_other_columns_is_refused_with_what_is_expected(base: Base) -> None:
    base.table.write("x/1", made())
    rename = "RENAME COLUMN score TO points"
    base.run(f"ALTER TABLE predictions {rename}")
    with pytest.raises(SourceError, match=r"score is missing. Expected row_id (?i:text) NOT NULL, version") as refused:
        base.table.write("y/1", made())
    assert "PRIMARY KEY (row_id, version). Alter it, or rename it" in str(refused.value)
    base.run("DROP TABLE predictions")
    base.run("CREATE TABLE predictions (row_id integer, version integer, score text)")
    with pytest.raises(SourceError, match=r"event_date is missing; .*row_id is (?i:int\w+); score is (?i:text)"):
        base.table.names()
    with pytest.raises(SourceError, match=r"no unique key is \(row_id, version\)"):
        base.table.described()
    assert base.run("SELECT count(*) FROM predictions") == [(0,)]


def test_a_table_of_the_users_own_may_have_more_columns_and_other_names(base: Base) -> None:
    rows = AnswerRows(renamed={"row_id": "Ride", "prediction": "fare"}, proposals=True)
    table = replace(base.table, rows=rows)
    table.write("x/1", made())
    base.run("ALTER TABLE predictions ADD COLUMN seen integer DEFAULT 7")
    table.write("y/1", made("b"))
    proposals = [(each, 7) for each in (1, 1)]
    assert [(int(one), seen) for one, seen in base.run("SELECT proposal, seen FROM predictions")] == proposals
    assert base.run('SELECT "Ride", fare FROM predictions ORDER BY 1') == [("a", 1.0), ("b", 1.0)]
    with pytest.raises(SourceError, match="row_id is missing"):
        base.table.names()


def test_a_table_belongs_to_one_project(base: Base) -> None:
    base.table.write("x/1", made())
    with pytest.raises(SourceError, match=r"has answers of the project 'mine'; expected a table of 'yours' alone"):
        replace(base.table, project="yours").names()
    assert replace(base.table, project="yours", formerly=("mine",)).names() == {"x/1"}


def test_what_is_erased_is_gone_and_the_rest_stays(base: Base) -> None:
    base.table.erase(lambda _, ids: np.ones(len(ids), dtype=bool), {})
    answers = [made(row, batch_id=batch, version=n) for row, batch, n in (("p", "x", 1), ("q", "x", 1), ("p", "y", 2))]
    base.table.write("x/1", pd.concat(answers[:2]))
    base.table.write("y/1", answers[2])
    base.table.erase(lambda batch, ids: (ids == "p").to_numpy() & (batch == "x"), {"x": (1, 3)})
    assert base.answers() == [("p", 2, 1.0), ("q", 1, 1.0)]
    assert base.table.names() == {"x/3", "y/1"}
    base.table.erase(lambda _, ids: (ids == "p").to_numpy(), {"x": (1, 3)})
    assert base.answers() == [("q", 1, 1.0)]


def test_a_table_that_another_transaction_keeps_locked_is_tried_again_later(
    base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.databases.sqlite_file.WAIT_SECONDS", 0.05)
    base.table.write("x/1", made())
    hasty = replace(base.table, timeout_minutes=0.002)
    if base.engine == "postgresql":
        with psycopg.connect(base.address) as other:
            other.execute("LOCK TABLE predictions")
            with pytest.raises(Unreachable, match="timeout"):
                hasty.write("y/1", made("b"))
    else:
        with closing(sqlite3.connect(base.address.removeprefix("sqlite:///"), isolation_level=None)) as file:
            file.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unreachable, match="SQLITE_BUSY"):
                hasty.write("y/1", made("b"))
    base.table.write("y/1", made("b"))
    assert len(base.answers()) == 2


def test_an_account_that_may_not_write_is_refused_without_a_cell(server: Database, tmp_path: Path) -> None:
    base = Base("postgresql", server, tmp_path, "refusing")
    base.table.write("x/1", made())
    base.run("CREATE ROLE onlooker LOGIN")
    base.run("GRANT SELECT ON predictions, predictions_deliveries TO onlooker")
    onlooker = replace(base.table, address=base.address.replace("postgres@", "onlooker@"))
    assert onlooker.names() == {"x/1"}
    with pytest.raises(SourceError, match="permission denied for table predictions"):
        onlooker.write("y/1", made("b"))
    base.run("ALTER TABLE predictions ADD CONSTRAINT small CHECK (row_id <> 'Wilhelmina')")
    with pytest.raises(SourceError) as refused:
        replace(base.table, is_private=True).write("y/1", made("Wilhelmina"))
    assert "Wilhelmina" not in str(refused.value)


def test_no_message_and_no_text_has_the_password(tmp_path: Path) -> None:
    spec = spec_of(output="env:ANSWERS", table="predictions")
    with pytest.raises(SourceError, match="the variable ANSWERS is not set"):
        answer_destination(spec, tmp_path, {})
    given = {"ANSWERS": "postgresql://writer:hunter2@127.0.0.1:1/answers"}
    table = answer_destination(spec, tmp_path, given)
    assert isinstance(table, AnswerTable)
    assert "hunter2" not in repr(table)
    with pytest.raises(Unreachable) as refused:
        table.names()
    assert "hunter2" not in str(refused.value)


def test_the_path_of_a_file_is_relative_to_the_project(tmp_path: Path) -> None:
    table = answer_destination(spec_of(output="sqlite:///out.db", table="answers"), tmp_path, {})
    assert isinstance(table, AnswerTable)
    assert table.described() == "answers is not there yet; the first night with answers makes it"
    table.write("x/1", made())
    assert (tmp_path / "out.db").exists()
    assert table.described() == "answers has the answers for 1 delivery"
