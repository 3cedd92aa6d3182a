"""Quarantined rows are read again as their files write them."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from tasks.spec.project_spec import ProjectSpec
from tasks.validate.acceptance.quarantine_rows import readable_ids

SOURCE: dict[str, Any] = {
    "uri": "rows",
    "id": ["house"],
    "event_time": "sold",
    "identity": "id_and_time",
    "time_format": "%d.%m.%Y",
    "label": {"column": "price", "uri": "prices", "time_format": "%m/%d/%Y"},
}


@pytest.mark.parametrize(("kind", "sold"), [("rows", "03.04.2026"), ("labels", "04/03/2026")])
def test_the_time_in_an_id_is_read_in_the_format_of_its_files(kind: str, sold: str) -> None:
    scope = {"owner": "me", "objective": "Prices.", "metric": "mean_absolute_error"}
    spec = ProjectSpec.model_validate(
        {"project": "houses", "scope": scope, "source": SOURCE, "features": {"numbers": ["rooms"]}}
    )
    raw = pd.Series([f'{{"house": "7", "sold": "{sold}", "rooms": "many"}}'])
    assert readable_ids(raw, kind, spec) == {"7|2026-04-03"}
