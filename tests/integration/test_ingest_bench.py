"""The bench of ingest runs: with few rows, so that it is not the figures that are looked at."""

from __future__ import annotations

import io

from rich.console import Console

from tests.bench.ingest import bench_ingest


def test_the_bench_of_ingest_runs() -> None:
    said = io.StringIO()
    figures = bench_ingest(Console(file=said, width=120), rows=2_000)
    assert [line.what for line in figures.lines if line.what.startswith("csv: Leeway, held")]
    assert "parquet in pieces: the process grew by" in said.getvalue()
