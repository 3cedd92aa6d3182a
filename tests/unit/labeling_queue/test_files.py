"""Answers as files: an id of several parts comes back as it was, and each format is what its reader expects."""

from __future__ import annotations

import io
import json
from datetime import date
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import DataError
from tasks.labeling_queue import answers, delivered, landing_file, read_answers
from tasks.render.csv_text import cell, cell_text
from tasks.spec import ProjectSpec
from tasks.spec.cells.entity_keys import joined, parts_of

DAY = date(2026, 1, 2)
TAKEN = pd.DataFrame({"row_id": ["007"], "label": ["12,5"]}, dtype="str")


def spec_of(**label: Any) -> ProjectSpec:
    return ProjectSpec.model_validate(
        {
            "project": "mine",
            "scope": {"owner": "me", "objective": "A test.", "metric": "mean_absolute_error"},
            "source": {
                "uri": "rows",
                "id": ["id"],
                "event_time": "at",
                "label": {"column": "price", "uri": "prices", **label},
            },
            "features": {"numbers": ["size"]},
        }
    )


@given(st.lists(st.text(max_size=8), min_size=2, max_size=4))
def test_parts_of_an_id_are_what_was_joined(parts: list[str]) -> None:
    name = joined([pd.Series([part], dtype="str") for part in parts])[0]
    assert parts_of(name) == parts


@given(st.text(alphabet="'=+-@7.a\t", max_size=6))
def test_an_id_comes_back_as_it_was_whatever_its_cell_looked_like(text: str) -> None:
    assert cell_text(str(cell(text))) == text


def test_a_number_with_an_apostrophe_is_the_number_that_an_earlier_version_wrote() -> None:
    assert read_answers(b"row_id,price\n'-5,1\n-6,2\n", "price")["row_id"].tolist() == ["-5", "-6"]


def test_a_spreadsheet_may_change_the_separator_and_add_a_mark() -> None:
    read = read_answers('\ufeffrow_id;price\r\n"7|a";1\r\n8;\r\n'.encode(), "price")
    assert read.to_numpy().tolist() == [["7|a", "1"], ["8", ""]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe", "is not UTF-8"),
        (b"id,price\n1,2\n", r"lacks \['row_id'\], found \['id', 'price'\]"),
        (b"", r"lacks \['row_id', 'price'\]"),
        (b'row_id,price\n"1,2\n', "is not a csv"),
    ],
)
def test_a_file_without_answers_is_refused_with_the_reason(content: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_answers(content, "price")


def test_two_answers_to_one_row_are_left_to_the_contract() -> None:
    given_twice = pd.DataFrame({"row_id": ["a", "a"], "label": ["1", "2"]})
    assert len(answers(given_twice, {"a"}, {"a"}).taken) == 2


def test_each_format_has_the_ids_and_the_label_as_they_were_written() -> None:
    assert landing_file(TAKEN, spec_of(separator=";"), DAY).content == b"id;price\n007;12,5\n"
    assert json.loads(landing_file(TAKEN, spec_of(format="jsonl"), DAY).content) == {"id": "007", "price": "12,5"}
    parquet = landing_file(TAKEN, spec_of(format="parquet"), DAY)
    assert pd.read_parquet(io.BytesIO(parquet.content)).to_dict("records") == [{"id": "007", "price": "12,5"}]
    assert parquet.key.startswith("review-2026-01-02-")
    assert parquet.key.endswith(".parquet")


@pytest.mark.parametrize(
    ("marker", "key", "expected"),
    [(None, "{}.csv", None), (".done", "{}.csv", "{}.csv.done"), ("_SUCCESS", "{0}/{0}.csv", "{}/_SUCCESS")],
)
def test_a_delivery_that_waits_for_a_marker_gets_its_own(marker: str | None, key: str, expected: str | None) -> None:
    found = landing_file(TAKEN, spec_of(complete_marker=marker), DAY)
    stem = found.key.rsplit("/", maxsplit=1)[-1].removesuffix(".csv")
    assert found.key == key.format(stem)
    assert found.marker == (None if expected is None else expected.format(stem))


def test_a_delivery_is_named_by_its_content() -> None:
    first, again = delivered(TAKEN, spec_of(), DAY), delivered(TAKEN, spec_of(), date(2026, 1, 3))
    assert first.batch_id == again.batch_id
    assert first.landed.kind == "labels"
    assert first.frame.to_dict("records") == [{"id": "007", "price": "12,5"}]
