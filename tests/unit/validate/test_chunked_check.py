from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.errors import DataError
from tasks.records import Checked, Delivery, Landed
from tasks.spec.project_spec import ProjectSpec
from tasks.validate import ChunkedCheck, Suite, check, read_suite
from tasks.validate.contract.expectations import evaluate
from tasks.validate.contract.gx_lock import quiet_great_expectations
from tasks.validate.verdict.seen_ids import SeenIds

HOUSES = yaml.safe_load(Path(__file__).with_name("houses.yaml").read_text(encoding="utf-8"))
LANDED = Landed("rows", "2026-01-05.csv", 9, date(2026, 1, 5))
ROOMS = {"column": "rooms"}
GRAVE = [
    {"type": "expect_column_values_to_be_between", "kwargs": {**ROOMS, "max_value": 40}},
    {"type": "expect_column_values_to_not_be_null", "kwargs": ROOMS, "severity": "warning"},
]
OF_ALL = [
    {"type": "expect_table_row_count_to_be_between", "kwargs": {"max_value": 9}},
    {"type": "expect_column_mean_to_be_between", "kwargs": {**ROOMS, "max_value": 30}},
    {"type": "expect_column_values_to_be_unique", "kwargs": ROOMS},
    {"type": "expect_column_values_to_be_between", "kwargs": {**ROOMS, "min_value": 2, "mostly": 0.6}},
    {"type": "expect_table_column_count_to_equal", "kwargs": {"value": 3}},
]


def spec_of(**parts: Any) -> ProjectSpec:
    return ProjectSpec.model_validate({**HOUSES, **parts})


@pytest.fixture
def suite_of(tmp_path: Path) -> Callable[[list[dict[str, Any]]], Suite]:
    def write(expectations: list[dict[str, Any]]) -> Suite:
        path = tmp_path / "expectations.json"
        path.write_text(json.dumps({"expectations": expectations}))
        return read_suite(path, spec_of())

    return write


def pieces_of(frame: pd.DataFrame, rows: int) -> list[pd.DataFrame]:
    return [frame.iloc[start : start + rows] for start in range(0, len(frame), rows)]


def in_pieces(frame: pd.DataFrame, rows: int, spec: ProjectSpec, suite: Suite, folder: Path) -> Checked:
    """Check piece by piece, and put together what comes out."""
    folder.mkdir(parents=True)
    checking = ChunkedCheck(LANDED, spec, suite, folder)
    for piece in pieces_of(frame, rows):
        checking.feed(piece)
    ended = checking.finish()
    none = check(Delivery("ab12", LANDED, frame.iloc[:0]), spec, suite)
    accepted = [piece.to_pandas() for piece in ended.accepted()]
    refused = list(ended.refused(lambda: pieces_of(frame, rows)))
    assert ended.rows_accepted == sum(map(len, accepted))
    assert ended.rows_quarantined == sum(map(len, refused))
    return Checked(
        "ab12",
        LANDED,
        ended.verdict,
        pd.concat(accepted, ignore_index=True) if accepted else none.accepted,
        pd.concat(refused, ignore_index=True) if refused else none.refused,
        ended.findings,
    )


def assert_same(pieces: Checked, whole: Checked) -> None:
    assert pieces.verdict == whole.verdict
    assert sorted(pieces.findings, key=repr) == sorted(whole.findings, key=repr)
    assert len(pieces.accepted) == len(whole.accepted)
    if len(whole.accepted):
        pd.testing.assert_frame_equal(pieces.accepted, whole.accepted)
    assert pieces.refused["raw"].tolist() == whole.refused["raw"].tolist()
    codes = [[set(text.split(";")) for text in each.refused["reasons"]] for each in (pieces, whole)]
    assert codes[0] == codes[1]


CELLS = st.sampled_from(["1", "2", "3", "99", "many", "", "inf"])
IDS = st.sampled_from([*"abcdefgh", ""])
DAYS = st.sampled_from(["2026-01-02", "2026-01-03T10:00", "soon"])


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(IDS, DAYS, CELLS), min_size=1, max_size=12),
    st.integers(1, 5),
    st.sampled_from([[], GRAVE, GRAVE + OF_ALL]),
    st.sampled_from([0.1, 1.0]),
)
def test_a_delivery_in_pieces_gets_the_verdict_it_gets_whole(
    suite_of: Callable[[list[dict[str, Any]]], Suite],
    tmp_path_factory: pytest.TempPathFactory,
    cells: list[tuple[str, str, str]],
    rows: int,
    expected: list[dict[str, Any]],
    max_bad_share: float,
) -> None:
    frame = pd.DataFrame(cells, columns=["id", "sold", "rooms"], dtype="str")
    spec, suite = spec_of(contract={"max_bad_share": max_bad_share}), suite_of(expected)
    whole = check(Delivery("ab12", LANDED, frame), spec, suite)
    assert_same(in_pieces(frame, rows, spec, suite, tmp_path_factory.mktemp("spool") / "own"), whole)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"id": [], "sold": [], "rooms": []}, dtype="str"),
        pd.DataFrame({"id": ["a", "b"], "sold": "2026-01-02"}, dtype="str"),
        pd.DataFrame({"id": ["a", "b"], "sold": "2026-01-02", "rooms": "3", "colour": "red"}, dtype="str"),
        pd.DataFrame(
            {"id": [f"{n}" for n in range(9)], "sold": "2026-01-02", "rooms": ["9", *"12345678"]}, dtype="str"
        ),
    ],
    ids=["empty", "column lost", "column new", "unusual last"],
)
def test_what_is_wrong_with_the_whole_is_found_in_pieces_too(
    frame: pd.DataFrame, suite_of: Callable[[list[dict[str, Any]]], Suite], tmp_path: Path
) -> None:
    spec, suite = spec_of(contract={"new_columns": "refuse"}), suite_of(OF_ALL)
    whole = check(Delivery("ab12", LANDED, frame), spec, suite)
    assert_same(in_pieces(frame, 2, spec, suite, tmp_path / "own"), whole)


def test_rows_named_only_at_the_end_are_refused_as_delivered(
    suite_of: Callable[[list[dict[str, Any]]], Suite], tmp_path: Path
) -> None:
    unique = {"type": "expect_column_values_to_be_unique", "kwargs": ROOMS}
    frame = pd.DataFrame({"id": list("abcdef"), "sold": "2026-01-02", "rooms": list("123145")}, dtype="str")
    done = in_pieces(frame, 2, spec_of(contract={"max_bad_share": 0.5}), suite_of([unique]), tmp_path / "own")
    assert done.verdict == "partly_quarantined"
    assert done.accepted["row_id"].tolist() == list("bcef")
    assert [json.loads(text)["id"] for text in done.refused["raw"]] == ["a", "d"]
    assert done.findings[0].row_ids == ("a", "d")


def test_pieces_that_change_between_two_readings_are_an_error(tmp_path: Path) -> None:
    checking = ChunkedCheck(LANDED, spec_of(), Suite(Path("expectations.json")), tmp_path)
    checking.feed(pd.DataFrame({"id": ["a"], "sold": ["soon"], "rooms": ["3"]}))
    ended = checking.finish()
    assert ended.verdict == "quarantined"
    with pytest.raises(DataError, match="changed meanwhile"):
        list(ended.refused(list))


def test_a_piece_without_a_column_that_others_have_lacks_only_its_values(tmp_path: Path) -> None:
    checking = ChunkedCheck(LANDED, spec_of(), Suite(Path("expectations.json")), tmp_path)
    checking.feed(pd.DataFrame({"id": ["a"], "sold": ["2026-01-02"]}))
    checking.feed(pd.DataFrame({"id": ["b"], "sold": ["2026-01-02"], "rooms": [3]}))
    ended = checking.finish()
    assert (ended.verdict, ended.findings) == ("accepted", ())
    assert np.isnan([piece.to_pandas()["rooms"].iloc[0] for piece in ended.accepted()]).tolist() == [True, False]


def test_ids_that_share_a_hash_by_accident_are_two_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def same(names: pd.Series, **_: Any) -> pd.Series:
        return pd.Series(np.full(len(names), 7, dtype=np.uint64))

    monkeypatch.setattr(pd.util, "hash_pandas_object", same)
    seen = SeenIds(tmp_path)
    found: Iterator[list[bool]] = (seen.again(pd.Series(names)).tolist() for names in (["a", "b"], ["c"], ["b", "d"]))
    assert list(found) == [[False, False], [False], [True, False]]


def test_of_many_rows_an_expectation_is_given_only_the_columns_that_it_reads(
    suite_of: Callable[[list[dict[str, Any]]], Suite], monkeypatch: pytest.MonkeyPatch
) -> None:
    condition = {
        **ROOMS,
        "min_value": 2,
        "row_condition": 'col("id").notnull()',
        "condition_parser": "great_expectations",
    }
    asked = [
        *GRAVE,
        *OF_ALL,
        {"type": "expect_column_values_to_be_between", "kwargs": condition},
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "sold"}},
    ]
    suite = suite_of(asked)
    frame = pd.DataFrame({"id": list("abcd"), "sold": [pd.Timestamp("2026-01-02")] * 3 + [None]})
    frame = frame.assign(rooms=[1.0, np.nan, 99.0, 99.0])
    with quiet_great_expectations():
        together = evaluate(frame, suite)
        monkeypatch.setattr("tasks.validate.contract.expectations.MANY_ROWS", 0)
        apart = evaluate(frame, suite)
    told = [
        [(each.reason, None if each.rows is None else each.rows.tolist()) for each in one] for one in (together, apart)
    ]
    assert told[0] == told[1]
    assert len(told[0]) > 4
