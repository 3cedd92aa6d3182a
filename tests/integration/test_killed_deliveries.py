"""A night killed at any commit, then upkeep days later, then the night again: nothing is lost, nothing counts twice."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tasks.ingest.task import take_in
from tasks.lake import Lake, active_rows, latest
from tasks.spec.project_spec import ProjectSpec
from tasks.upkeep.task import Moment, keep_up
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts

NIGHT = date(2026, 1, 31)
MOMENT = datetime(2026, 2, 1, tzinfo=UTC)
TABLE = {
    "name": "weather",
    "uri": "weather",
    "entity": ["zone"],
    "event_time": "since",
    "columns": {"numbers": ["rain"]},
}
SPEC: dict[str, Any] = {
    "project": "trips",
    "scope": {"owner": "me", "objective": "fares", "metric": "mean_absolute_error"},
    "source": {"uri": "trips", "id": ["id"], "event_time": "at", "arrival": "filename", "label": {"column": "fare"}},
    "features": {"numbers": ["km"], "tables": [TABLE]},
    "contract": {"max_bad_share": 0.5},
}
APART = {"column": "fare", "uri": "fares"}
TRIPS = "id,zone,at,km,fare\n" + "".join(
    f"{n},z{n},2026-01-{n % 28 + 1:02},{n if n % 5 else 'far'},{n}\n" for n in range(1, 41)
)
FARES = "id,fare\n" + "".join(f"{n},{n if n % 5 else 'free'}\n" for n in range(1, 41))
RAIN = "zone,since,rain\n" + "".join(f"z{n},2026-01-02,{n if n % 5 else 'much'}\n" for n in range(1, 41))
KINDS = {"rows": ("trips", TRIPS), "labels": ("fares", FARES), "features": ("weather", RAIN)}


class KilledError(Exception):
    """The process died here."""


def written(folder: Path, kind: str) -> ProjectSpec:
    label = APART if kind == "labels" else SPEC["source"]["label"]
    for name in ("trips", "fares", "weather"):
        (folder / name).mkdir(parents=True)
    (folder / "expectations.json").write_text(json.dumps({"name": "trips", "expectations": []}), encoding="utf-8")
    place, content = KINDS[kind]
    for day in (30, 31):  # several deliveries: upkeep leaves a placeholder for each
        (folder / place / f"2026-01-{day}.csv").write_text(
            content.replace("\n", f"{day}\n").replace(f"{day}\n", "\n", 1)
        )
    return ProjectSpec.model_validate(SPEC | {"source": SPEC["source"] | {"label": label}})


def run_night(lake: Lake, spec: ProjectSpec, folder: Path, spool: Path | None) -> int:
    landed = take_in(lake, spec, folder, NIGHT, MOMENT, spool / "landed" if spool else None)
    validated = verdicts(landed, spec, folder, spool / "checked" if spool else None)
    store(lake, spec, validated, NIGHT, MOMENT)
    return len(landed)


def contents(lake: Lake) -> dict[str, list[tuple[str, ...]]]:
    frames = {table: active_rows(lake, "trips", table) for table in ("rows", "labels", "features")}
    frames["quarantine"] = lake.read("trips", "quarantine")
    lines = {
        name: sorted(frame.drop(columns="revision", errors="ignore").map(str).itertuples(index=False, name=None))
        for name, frame in frames.items()
    }
    batches = [batch for batch in latest(lake, "trips") if batch.key]
    counts = [(b.key, b.kind, b.rows_in, b.rows_accepted, b.rows_quarantined, b.rows_elsewhere) for b in batches]
    return {**lines, "batches": [tuple(map(str, batch)) for batch in counts]}


@pytest.mark.parametrize(
    ("kind", "large"),
    [("rows", False), ("rows", True), ("labels", False), ("features", False)],
    ids=["rows", "rows on disk", "labels", "features"],
)
def test_a_delivery_killed_at_any_commit_is_taken_in_again_after_upkeep(
    kind: str, *, large: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        monkeypatch.setattr("tasks.ingest.readers.bounds.HELD_SHARE", 2**-30)
    folder, spools = tmp_path / "project", (tmp_path / f"spool-{number}" if large else None for number in count())
    spec = written(folder, kind)
    undisturbed = Lake(str(tmp_path / "undisturbed"))
    assert run_night(undisturbed, spec, folder, next(spools)) == 2
    expected = contents(undisturbed)
    assert {name for name, lines in expected.items() if lines} == _filled(kind)
    for number in count(1):
        lake = Lake(str(tmp_path / f"killed-{number}"))
        killed = _killed(lake, spec, folder, next(spools), number, monkeypatch)
        keep_up(lake, spec, Moment(NIGHT, datetime.now(UTC) + timedelta(days=2)), {}, dry_run=False)
        run_night(lake, spec, folder, next(spools))
        assert contents(lake) == expected, f"killed at commit {number}"
        assert run_night(lake, spec, folder, next(spools)) == 0
        assert lake.read("trips", "repeats").empty
        keep_up(lake, spec, Moment(NIGHT, datetime.now(UTC) + timedelta(days=4)), {}, dry_run=False)
        assert contents(lake) == expected
        if not killed:
            assert number > 2
            return


def _filled(kind: str) -> set[str]:
    return {"quarantine", "batches", kind} | ({"labels"} if kind == "rows" else set())


def _killed(
    lake: Lake, spec: ProjectSpec, folder: Path, spool: Path | None, number: int, monkeypatch: pytest.MonkeyPatch
) -> bool:
    """Run a night that is killed before its nth write; return whether it was."""
    calls, real = count(1), Lake.append_if_absent

    def append_if_absent(self: Lake, *args: Any) -> bool:
        if next(calls) == number:
            raise KilledError
        return bool(real(self, *args))

    with monkeypatch.context() as patched:
        patched.setattr(Lake, "append_if_absent", append_if_absent)
        try:
            run_night(lake, spec, folder, spool)
        except KilledError:
            return True
    return False
