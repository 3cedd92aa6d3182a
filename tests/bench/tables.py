"""Rows of a PostgreSQL into the lake, next to `COPY ... TO STDOUT` that Arrow reads."""

from __future__ import annotations

import io
import resource
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pyarrow.csv as pa_csv
from rich.console import Console

from tasks.ingest.task import take_in
from tasks.lake import Lake
from tasks.spec import ProjectSpec, read_spec
from tasks.spec.landing_sections.database_section import Database
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts
from tests.bench.figures import Figures, Time
from tests.bench.history import SPEC, written_project
from tests.bench.sizes import rows
from tests.postgres_server import running_postgres

ROWS = rows(1_000_000)
NUMBERS = ", ".join(f"round(random()::numeric, 4)::float8 AS n{number:02d}" for number in range(25))
CATEGORIES = ", ".join(f"chr(97 + (random() * 4)::int) AS c{number}" for number in range(5))
TABLE = (
    f"CREATE TABLE rides AS SELECT 'ride-' || n AS id, date '2026-05-01' AS at, {NUMBERS}, {CATEGORIES}, "  # noqa: S608
    f"now() AS changed FROM generate_series(1, {ROWS}) n"
)


def bench_tables(_console: Console) -> Figures:
    figures = Figures(f"{ROWS:,} x 30 rows of PostgreSQL, on one machine with it")
    with running_postgres() as server, TemporaryDirectory(prefix="leeway-bench-") as place:
        folder = Path(place) / "rides"
        folder.mkdir()
        with psycopg.connect(server.address(), autocommit=True) as connection:
            connection.execute(TABLE)
            floor = "COPY ... TO STDOUT as csv, read by Arrow"
            figures.add(floor, Time.of(lambda: _copied(connection)))
        spec = _spec(folder, server.address())
        newest = Database(query="SELECT * FROM rides LIMIT 9", changed_at="changed")
        few = spec.source.model_copy(update={"database": newest})
        _night(Lake(str(folder / "lake-few")), spec.model_copy(update={"source": few}), folder)  # pays for the imports
        lake, before = Lake(str(folder / "lake")), _peak_mb()
        whole = Time.of(lambda: _night(lake, spec, folder))
        figures.add(f"taken in, checked and stored: {_peak_mb() - before:,} MB more at the peak", whole, floor)
        figures.add("a night without a changed row", Time.of(lambda: _night(lake, spec, folder)), floor)
    return figures


def _copied(connection: psycopg.Connection) -> None:
    content = io.BytesIO()
    with connection.cursor().copy("COPY rides TO STDOUT (FORMAT csv, HEADER)") as copy:
        for block in copy:
            content.write(block)
    content.seek(0)
    pa_csv.read_csv(content)


def _spec(folder: Path, address: str) -> ProjectSpec:
    source = {
        "uri": address,
        "database": {"table": "rides", "changed_at": "changed"},
        "id": ["id"],
        "event_time": "at",
        "label": {"column": "n24"},
    }
    numbers = [f"n{number:02d}" for number in range(24)]
    features = {"numbers": numbers, "categories": [f"c{number}" for number in range(5)]}
    written_project(folder, {**SPEC, "project": "rides", "source": source, "features": features})
    return read_spec(folder / "project.yaml")


def _night(lake: Lake, spec: ProjectSpec, folder: Path) -> None:
    night, moment = datetime.now(UTC).date(), datetime.now(UTC)
    with TemporaryDirectory(prefix="leeway-bench-") as spool:
        landed = take_in(lake, spec, folder, night, moment, Path(spool) / "landed")
        store(lake, spec, verdicts(landed, spec, folder, Path(spool) / "checked"), night, moment)


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
