"""Every bench runs: so small that it is not the figures that are looked at."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHES = Path(__file__).parents[1] / "bench" / "__main__.py"


@pytest.mark.timeout(900)  # a minute on a machine that does nothing else
def test_every_bench_runs_at_its_smallest_size(prefect_url: str, mlflow_url: str) -> None:
    servers = {"PREFECT_API_URL": prefect_url, "MLFLOW_TRACKING_URI": mlflow_url}
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench"],
        env={**os.environ, **servers, "LEEWAY_BENCH": "small"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    names = re.findall(r'^    "(\w+)": bench_', BENCHES.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(names) >= 20
    assert [line for line in done.stdout.splitlines() if line in names] == names
    assert "csv: Leeway, held" in done.stdout
    assert "parquet in pieces: the process grew by" in done.stdout
