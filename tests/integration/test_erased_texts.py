"""What findings say of an erased person in any words is erased, and a withdrawn label also where it was refused."""

from __future__ import annotations

import json
from pathlib import Path

from tasks.lake import latest, remove
from tasks.spec.project_spec import ProjectSpec
from tests.integration.clinic import CELL, MARKER, SPEC, Clinic, balanced, named, stays, written

FUNCTION = """\
def add(rows):
    for name in rows["ward"]:
        if name not in {"A", "B"}:
            raise ValueError(f"there is no ward {name.upper()[:8]}")
    return rows
"""


def with_function(folder: Path) -> Clinic:
    written(folder)
    (folder / "clinic_features.py").write_text(FUNCTION)
    (folder / "stays" / "2026-01-30.csv").write_text(stays().replace(f"44,{CELL},Ann", f"44,{CELL}-x,Ann"))
    features = {"numbers": ["age"], "categories": ["ward", "doctor"], "function": "clinic_features:add"}
    return Clinic(folder, ProjectSpec.model_validate(SPEC | {"features": features}))


def findings(clinic: Clinic) -> str:
    return " ".join(clinic.lake.read("clinic", "batches")["findings"])


def test_what_a_function_of_the_project_says_of_an_erased_row_is_erased(tmp_path: Path) -> None:
    clinic = with_function(tmp_path)
    assert "there is no ward BETELGEU" in findings(clinic)
    clinic.erase(named(MARKER))
    assert "BETELGEU" not in findings(clinic)
    assert clinic.found("BETELGEU") == []
    assert "the project's feature function fails on it: '(erased)'" in findings(clinic)


def test_what_is_quoted_of_refused_rows_that_are_past_their_retention_is_erased(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    remove(clinic.lake, "clinic", "quarantine", "true")
    assert repr(CELL) in findings(clinic)
    clinic.erase(named(MARKER))
    assert clinic.found(CELL, MARKER) == []


def test_an_id_that_a_message_names_without_quotes_is_erased(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    (tmp_path / "stays" / "2026-01-31.csv").write_text(f"{MARKER},2026-01-03\np1,2026-01-04\n")
    clinic.night(later=1)
    assert MARKER in findings(clinic)
    clinic.erase(named(MARKER))
    assert MARKER not in findings(clinic)


def test_a_withdrawn_label_is_erased_from_the_quarantine_and_refused_rows_stay(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    clinic.erase(named(MARKER, labels_only=True))
    refused = clinic.lake.read("clinic", "quarantine")
    assert (refused["kind"] == "labels").sum() == 0
    assert refused.loc[refused["kind"] == "rows", "raw"].str.contains(MARKER).sum() == 1
    of_labels = [batch.findings for batch in latest(clinic.lake, "clinic") if batch.kind == "labels"]
    assert not any(CELL in said or MARKER in said for said in of_labels)
    assert balanced(clinic.lake)


def test_a_label_that_was_refused_with_its_row_is_withdrawn_and_the_row_stays_refused(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "stays" / "2026-01-30.csv").write_text(
        f"patient,at,age,ward,doctor\n{MARKER},2026-01-03,771177,A,Ann\n{MARKER},soon,881188,A,Ann\np1,2026-01-02,3,A,Bo\n"
    )
    source = SPEC["source"] | {"label": {"column": "age"}}
    clinic = Clinic(
        tmp_path, ProjectSpec.model_validate(SPEC | {"source": source, "features": {"categories": ["ward"]}})
    )
    assert clinic.found("881188") != []
    clinic.erase(named(MARKER, labels_only=True))
    assert clinic.found("771177", "881188") == []
    (raw,) = clinic.lake.read("clinic", "quarantine")["raw"]
    assert json.loads(raw)["patient"] == MARKER
    assert balanced(clinic.lake)
