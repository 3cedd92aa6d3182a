"""A request needs no consent: it is answered, and nothing is learned from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flows.steps.in_service.single_rows import row_terms
from tasks.spec.project_spec import ProjectSpec

SPEC: dict[str, Any] = {
    "project": "clinic",
    "scope": {"owner": "me", "objective": "Days.", "metric": "mean_absolute_error"},
    "source": {"uri": "in", "id": ["patient"], "event_time": "at", "label": {"column": "days"}},
    "features": {"numbers": ["age"]},
    "privacy": {"consent": "agreed"},
}


def test_a_request_may_have_the_consent_and_needs_it_not(tmp_path: Path) -> None:
    rule = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "agreed"}}
    suite = {"name": "clinic", "expectations": [rule]}
    (tmp_path / "expectations.json").write_text(json.dumps(suite), encoding="utf-8")
    spec = ProjectSpec.model_validate(SPEC)
    contract = row_terms(spec, tmp_path).contract
    assert ("agreed" in contract.columns, "agreed" in contract.known_columns) == (False, True)
    assert contract.rules == ()
