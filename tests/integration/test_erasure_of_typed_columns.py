"""An erasure by a column finds its rows in whatever type the column is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tasks.dataset.erasure_subject import subject_of
from tasks.errors import DataError
from tasks.lake import active_rows
from tasks.spec.project_spec import ProjectSpec
from tests.integration.clinic import MARKER, OTHERS, SPEC, TABLE, Clinic, written


def typed_clinic(folder: Path, kinds: dict[str, list[str]], values: str, stays: str, **source: Any) -> Clinic:
    """A clinic in which a column of a kind is the entity of a feature table."""
    (column,) = {name for names in kinds.values() for name in names}
    features = kinds | {"tables": [TABLE | {"entity": [column]}]}
    spec = ProjectSpec.model_validate(SPEC | {"source": SPEC["source"] | source, "features": features})
    written(folder)
    (folder / "tests" / "2026-01-30.csv").write_text(values)
    (folder / "stays" / "2026-01-30.csv").write_text(stays)
    return Clinic(folder, spec)


def erase(clinic: Clinic, value: str, column: str) -> None:
    clinic.erase(subject_of([value], column, clinic.spec, lambda _, text: text))


@pytest.mark.parametrize(
    ("kind", "own", "other"),
    [("numbers", "7", "8"), ("numbers", "7.5", "-8.25"), ("booleans", "true", "false")],
)
def test_a_column_that_is_stored_as_numbers_or_booleans_finds_its_rows(
    kind: str, own: str, other: str, tmp_path: Path
) -> None:
    rows = f"patient,at,room\n{MARKER},2026-01-03,{own}\np1,2026-01-02,{other}\n"
    values = f"room,since,sugar\n{own},2026-01-01,5\n{other},2026-01-01,6\n"
    clinic = typed_clinic(tmp_path, {kind: ["room"]}, values, rows)
    assert clinic.names("rows") == {MARKER, "p1"}
    erase(clinic, own, "room")
    assert clinic.names("rows") == {"p1"}
    assert MARKER not in clinic.names("labels") | clinic.names("predictions")
    assert active_rows(clinic.lake, "clinic", "features")["entity"].tolist() == [other]


def test_of_several_ids_one_may_be_no_number(tmp_path: Path) -> None:
    rows = f"patient,at,room\n{MARKER},2026-01-03,7\np1,2026-01-02,8\n"
    values = "room,since,sugar\n7,2026-01-01,5\n8,2026-01-01,6\n"
    clinic = typed_clinic(tmp_path, {"numbers": ["room"]}, values, rows)
    clinic.erase(subject_of(["Ann", "7"], "room", clinic.spec, lambda _, text: text))
    assert clinic.names("rows") == {"p1"}


def test_an_id_that_is_a_number_too_is_found_by_its_digits(tmp_path: Path) -> None:
    """As a number, 0042 and 42 are the same; as ids they are not."""
    written(tmp_path)
    (tmp_path / "stays" / "2026-01-30.csv").write_text("patient,at,ward\n0042,2026-01-03,A\n42,2026-01-02,A\n")
    spec = ProjectSpec.model_validate(SPEC | {"features": {"numbers": ["patient"], "categories": ["ward"]}})
    clinic = Clinic(tmp_path, spec)
    assert clinic.names("rows") == {"0042", "42"}
    erase(clinic, "42", "patient")
    assert clinic.names("rows") == {"0042"}


def test_a_day_that_is_a_part_of_the_id_finds_its_rows(tmp_path: Path) -> None:
    written(tmp_path)
    spec = ProjectSpec.model_validate(SPEC | {"source": SPEC["source"] | {"id": ["patient", "at"]}})
    clinic = Clinic(tmp_path, spec)
    erase(clinic, "2026-01-03", "at")
    assert clinic.names("rows") == clinic.names("labels") == set(OTHERS) - {"p2"}


def test_an_erasure_that_cannot_be_carried_out_is_refused_before_it_is_recorded(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    for path in (tmp_path / "lake" / "clinic" / "profiles").glob("*.parquet"):
        path.rename(path.with_suffix(".lost"))
    with pytest.raises(DataError, match=r"(?s)profiles cannot be searched: .*; expected its files to be there"):
        erase(clinic, MARKER, "patient")
    assert clinic.lake.get("clinic", "erasure.json") is None
    assert MARKER in clinic.names("rows")
    for path in (tmp_path / "lake" / "clinic" / "profiles").glob("*.lost"):
        path.rename(path.with_suffix(".parquet"))
    erase(clinic, "p1", "patient")
    assert "p1" not in clinic.names("rows")
