"""A person is erased from a home in which a night has run: every file of it, and of the servers, is searched."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.cli.commands.project_data.erase import Asked, erase_now
from flows.nightly import nightly
from tasks.lake import Lake, active_rows, latest
from tests.said_by_files import files_with
from tests.servers import Server

PATIENT, OTHER = "Trillian-42", "Arthur-41"
NIGHT = date(2026, 1, 9)
SPEC: dict[str, Any] = {
    "project": "ward",
    "scope": {"owner": "me", "objective": "Days.", "metric": "mean_absolute_error"},
    "source": {
        "uri": "landing",
        "id": ["patient"],
        "event_time": "admitted",
        "arrival": "filename",
        "label": {"column": "days"},
    },
    "features": {"numbers": ["age"]},
    "contract": {"max_bad_share": 0.9},
}


def found(servers: Path, prefect: Server, text: str) -> list[str]:
    return files_with([servers / "home", servers / "prefect", Path(prefect.home)], text)


def test_an_erased_patient_is_in_no_file_of_the_home_and_the_next_night_goes_on(
    servers: Path, prefect_server: Server
) -> None:
    folder = servers / "projects" / "ward"
    (folder / "landing").mkdir(parents=True)
    (folder / "project.yaml").write_text(yaml.safe_dump(SPEC), encoding="utf-8")
    (folder / "expectations.json").write_text('{"name": "ward", "expectations": []}', encoding="utf-8")
    rows = [f"{OTHER},2026-01-02,40,3", f"{PATIENT},2026-01-02,50,4", f"{PATIENT}b,2026-01-02,old,4"]
    (folder / "landing" / "2026-01-05.csv").write_text("\n".join(["patient,admitted,age,days", *rows]) + "\n")
    nightly("ward", NIGHT)
    assert len(found(servers, prefect_server, PATIENT)) > 3
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LEEWAY_PROJECTS", str(servers / "projects"))
        erase_now("ward", Asked((PATIENT, f"{PATIENT}b")), "asked to")
    assert found(servers, prefect_server, PATIENT) == []
    assert len(found(servers, prefect_server, OTHER)) > 1
    assert nightly("ward", date(2026, 1, 10))["rows_in"] == 0
    lake = Lake(os.environ.get("LEEWAY_LAKE") or str(servers / "home" / "lake"))
    assert active_rows(lake, "ward", "rows")["patient"].tolist() == [OTHER]
    (batch,) = latest(lake, "ward")
    assert (batch.rows_in, batch.rows_accepted, batch.rows_quarantined, batch.rows_elsewhere) == (3, 1, 0, 2)
