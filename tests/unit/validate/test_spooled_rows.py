"""Rows of a large delivery on disk are in memory a chunk at a time."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.validate.verdict.spooled_rows import SpooledRows

CHUNKS, ROWS, BYTES = 8, 250_000, 8


def resident_kb(path: Path) -> int:
    """Return how much of a file is in the memory of this process."""
    maps = re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text(encoding="ascii"))
    return sum(int(re.findall(r"Rss:\s+(\d+) kB", each)[0]) for each in maps if str(path) in each)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/smaps")
def test_a_chunk_that_was_read_leaves_memory_with_its_pages(tmp_path: Path) -> None:
    path = tmp_path / "rows.arrow"
    spool = SpooledRows(path)
    for number in range(CHUNKS):
        spool.add(pd.DataFrame({"x": np.full(ROWS, float(number))}))
    spool.close()
    resident, sums = [], []
    for chunk in spool.chunks():
        sums.append(chunk.column("x").to_numpy().sum())
        resident.append(resident_kb(path))
    assert sums == [number * ROWS for number in range(CHUNKS)]
    one = ROWS * BYTES / 1024
    assert one <= max(resident) < 3 * one
