from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
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
from tasks.ingest import Content, Spool, delivery
from tasks.records import Delivery, Landed, ValidatedDelivery
from tasks.spec.project_spec import ProjectSpec
from tasks.validate import Suite, check, check_all, read_suite
from tasks.validate.contract.expectations import evaluate
from tasks.validate.verdict.seen_ids import SeenIds

HOUSES = yaml.safe_load(Path(__file__).with_name("houses.yaml").read_text(encoding="utf-8"))
NOTHING_EXPECTED = Suite(Path("expectations.json"))
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


@dataclass(frozen=True)
class FrameChunks:
    """The chunks of a frame, as a delivery on disk has them."""

    frame: pd.DataFrame
    rows: int

    @property
    def row_count(self) -> int:
        return len(self.frame)

    def __call__(self) -> Iterator[pd.DataFrame]:
        for start in range(0, len(self.frame), self.rows):
            yield self.frame.iloc[start : start + self.rows]


def large(frame: pd.DataFrame, rows: int) -> Delivery:
    return Delivery("ab12", LANDED, frame.iloc[:0], FrameChunks(frame, rows))


def in_chunks(frame: pd.DataFrame, rows: int, spec: ProjectSpec, suite: Suite, folder: Path) -> ValidatedDelivery:
    """Check chunk by chunk, and read the result into memory."""
    result = check(large(frame, rows), spec, suite, folder)
    assert result.chunks is not None
    assert (len(result.accepted), len(result.refused)) == (0, 0)
    accepted = [table.to_pandas() for table in result.chunks.accepted()]
    refused = [*result.refused_frames()]
    assert result.rows_accepted == sum(map(len, accepted))
    assert result.rows_refused == sum(map(len, refused))
    return ValidatedDelivery(
        "ab12",
        LANDED,
        result.verdict,
        pd.concat(accepted, ignore_index=True) if accepted else result.accepted,
        pd.concat(refused, ignore_index=True) if refused else result.refused,
        result.findings,
    )


def assert_same(chunks: ValidatedDelivery, whole: ValidatedDelivery) -> None:
    assert chunks.verdict == whole.verdict
    assert sorted(chunks.findings, key=repr) == sorted(whole.findings, key=repr)
    pd.testing.assert_frame_equal(chunks.accepted, whole.accepted)
    assert chunks.refused["raw"].tolist() == whole.refused["raw"].tolist()
    codes = [[set(text.split(";")) for text in each.refused["reasons"]] for each in (chunks, whole)]
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
def test_a_delivery_in_chunks_gets_the_verdict_it_gets_whole(
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
    assert_same(in_chunks(frame, rows, spec, suite, tmp_path_factory.mktemp("spool") / "own"), whole)


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
def test_what_is_wrong_with_the_whole_is_found_in_chunks_too(
    frame: pd.DataFrame, suite_of: Callable[[list[dict[str, Any]]], Suite], tmp_path: Path
) -> None:
    spec, suite = spec_of(contract={"new_columns": "refuse"}), suite_of(OF_ALL)
    whole = check(Delivery("ab12", LANDED, frame), spec, suite)
    assert_same(in_chunks(frame, 2, spec, suite, tmp_path / "own"), whole)


def test_rows_named_only_at_the_end_are_refused_as_delivered(
    suite_of: Callable[[list[dict[str, Any]]], Suite], tmp_path: Path
) -> None:
    unique = {"type": "expect_column_values_to_be_unique", "kwargs": ROOMS}
    frame = pd.DataFrame({"id": list("abcdef"), "sold": "2026-01-02", "rooms": list("123145")}, dtype="str")
    done = in_chunks(frame, 2, spec_of(contract={"max_bad_share": 0.5}), suite_of([unique]), tmp_path / "own")
    assert done.verdict == "partly_quarantined"
    assert done.accepted["row_id"].tolist() == list("bcef")
    assert [json.loads(text)["id"] for text in done.refused["raw"]] == ["a", "d"]
    assert done.findings[0].row_ids == ("a", "d")


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_chunks_that_change_between_two_readings_are_an_error(rows: int, tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": list("abc"), "sold": "soon", "rooms": "3"})
    chunks = FrameChunks(frame.iloc[:2], 9)
    result = check(replace(large(frame, 9), chunks=chunks), spec_of(), NOTHING_EXPECTED, tmp_path)
    assert result.verdict == "quarantined"
    object.__setattr__(chunks, "frame", frame.iloc[:rows])
    with pytest.raises(DataError, match="changed meanwhile"):
        list(result.refused_frames())


def test_a_chunk_without_a_column_that_others_have_lacks_only_its_values(tmp_path: Path) -> None:
    lines = '{"id": "a", "sold": "2026-01-02"}\n{"id": "b", "sold": "2026-01-02", "rooms": 3}\n'
    source = HOUSES["source"] | {"format": "jsonl"}
    content = Content.of("rows.jsonl", lines.encode())
    read = delivery([content], "ab12", LANDED, spec_of(source=source), b"", Spool(tmp_path / "delivered"))
    assert isinstance(read, Delivery)
    result = check(read, spec_of(source=source), NOTHING_EXPECTED, tmp_path / "checked")
    assert (result.verdict, result.findings) == ("accepted", ())
    assert result.chunks is not None
    rooms = [room for table in result.chunks.accepted(["rooms"]) for room in table.to_pandas()["rooms"]]
    assert np.isnan(rooms).tolist() == [True, False]


def test_several_large_deliveries_checked_together_get_the_verdicts_they_get_alone(
    suite_of: Callable[[list[dict[str, Any]]], Suite], tmp_path: Path
) -> None:
    frame = pd.DataFrame({"id": list("abcdef"), "sold": "2026-01-02", "rooms": ["1", "2", "99", "1", "many", ""]})
    frames, spec, suite = [frame, frame.iloc[:3], frame.iloc[:0]], spec_of(), suite_of(GRAVE + OF_ALL)
    deliveries = [replace(large(part, 2), batch_id=str(number)) for number, part in enumerate(frames)]
    deliveries.append(Delivery("small", LANDED, frame))
    together = check_all(deliveries, spec, suite, tmp_path / "together")
    for number, (one, many) in enumerate(zip(deliveries, together, strict=True)):
        alone = check(one, spec, suite, tmp_path / f"alone-{number}")
        assert (many.verdict, many.findings, many.chunks is None) == (alone.verdict, alone.findings, one.chunks is None)
        for refused, expected in zip(many.refused_frames(), alone.refused_frames(), strict=True):
            pd.testing.assert_frame_equal(refused, expected)


def test_ids_that_share_a_hash_by_accident_are_two_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def same(names: pd.Series, **_: Any) -> pd.Series:
        return pd.Series(np.full(len(names), 7, dtype=np.uint64))

    monkeypatch.setattr(pd.util, "hash_pandas_object", same)
    seen = SeenIds(tmp_path)
    repeated: Iterator[list[bool]] = (
        seen.repeated(pd.Series(names)).tolist() for names in (["a", "b"], ["c"], ["b", "d"])
    )
    assert list(repeated) == [[False, False], [False], [True, False]]


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
    together = evaluate(frame, suite)
    monkeypatch.setattr("tasks.validate.contract.expectations.MANY_ROWS", 0)
    separate = evaluate(frame, suite)
    outcomes = [
        [(each.reason, None if each.rows is None else each.rows.tolist()) for each in failures]
        for failures in (together, separate)
    ]
    assert outcomes[0] == outcomes[1]
    assert len(outcomes[0]) > 4
