"""Answers as files: the same bytes for the same answers, where the spec says."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from tasks.lake import s3_options
from tasks.lake.schemas.table_schemas import TABLES
from tasks.score import AnswerFiles, answer_destination
from tasks.score.output_files import HIDDEN, file_content
from tasks.spec.project_spec import ProjectSpec
from tasks.spec.spec_sections.answer_sections import ANSWER_FILE_COLUMNS

ANSWERS = pd.DataFrame({"row_id": ["b", "a"], "batch_id": "x", "role": "champion", "prediction": [2.0, 1.0]})


def spec_of(**scoring: Any) -> ProjectSpec:
    return ProjectSpec.model_validate(
        {
            "project": "flats",
            "scope": {"owner": "ann", "objective": "price flats", "metric": "mean_absolute_error"},
            "source": {"uri": "landing", "id": ["id"], "event_time": "day", "label": {"column": "price"}},
            "features": {"numbers": ["area"]},
            "scoring": scoring,
        }
    )


def test_rows_are_in_the_order_of_their_ids_and_parquet_says_the_same() -> None:
    read = pd.read_parquet(io.BytesIO(file_content(ANSWERS, "parquet")))
    assert list(read.columns) == ["row_id", "prediction"]
    assert read["row_id"].tolist() == ["a", "b"]
    turned = ANSWERS.iloc[::-1]
    for written in ("parquet", "csv"):
        assert file_content(turned, written) == file_content(ANSWERS, written)


@pytest.mark.parametrize(
    ("output", "root"),
    [("answers", "/projects/flats/answers"), ("/mnt/out", "/mnt/out"), ("s3://bucket/prefix", "s3://bucket/prefix")],
)
def test_a_relative_place_is_in_the_projects_folder(output: str, root: str) -> None:
    files = answer_destination(spec_of(output=output, format="csv"), Path("/projects/flats"), {})
    assert files == AnswerFiles(root, "csv", options=s3_options({}) if output.startswith("s3:") else {})


def test_columns_have_the_names_that_a_project_downstream_reads_them_by() -> None:
    names = {"row_id": "call", "prediction": "seconds"}
    files = answer_destination(spec_of(output="answers", rename=names), Path("/projects/flats"), {})
    assert isinstance(files, AnswerFiles)
    assert list(pd.read_parquet(io.BytesIO(file_content(ANSWERS, files.format, files.renamed))).columns) == [
        "call",
        "seconds",
    ]
    for wrong, said in (({"rowid": "call"}, "found rowid; expected"), ({"row_id": "score"}, "a name of its own")):
        with pytest.raises(ValidationError, match=said):
            spec_of(output="answers", rename=wrong)


def test_the_spec_may_rename_what_a_file_has() -> None:
    stored = set(TABLES["predictions"].schema.names)
    assert set(ANSWER_FILE_COLUMNS) == stored - set(HIDDEN) | {"proposal"}


def test_without_a_place_there_are_no_files() -> None:
    assert answer_destination(spec_of(), Path("/projects/flats"), {}) is None
