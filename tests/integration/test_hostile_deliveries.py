"""Deliveries that are small as they land and large in memory: each has its verdict, and the night goes on."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from tests.integration.hostile_deliveries import ATTACKS, MEMORY_MB

SAID = {
    "a dictionary of one long text": "bytes unpack to",
    "lists of one long text": "a row has 9,800,",
    "records of one long text": "bytes unpack to",
    "maps of one long text": "a row has 9,800,",
    "views of one long text": "bytes unpack to",
    "runs of one value": "bytes unpack to",
    "texts that repeat the one before": "bytes unpack to",
    "one list of 10,000,000 numbers": "its lists have 10,000,000 values",
    "a footer that says less than its pages": "its lists have 10,000,000 values",
    "blocks of a megabyte": "bytes unpack to",
    "20,000 columns of parquet": "it has 20,004 columns",
    "50,000 columns of csv": "it has 50,004 columns",
    "500,000 columns of csv": "its header does not end",
    "500,000 columns that repeat": "its header does not end",
    "a header that does not end": "its header does not end",
    "other keys on each line": "bytes unpack to",
    "a wide line and many short ones": "bytes unpack to",
    "a list of 2,500,000 lists": "line 1 has 5,000,010 values in 7,500,073 bytes",
    "long names of many rows": "bytes unpack to",
    "a gzip bomb": "bytes unpack to",
}
LARGE_AND_HONEST = {"lists on each line", "a long row, then empty cells"}


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """Return what became of all hostile deliveries, taken in by one process with a limit on its memory."""
    command = [sys.executable, "-m", "tests.integration.hostile_deliveries", str(tmp_path_factory.mktemp("hostile"))]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found: Mapping[str, Any] = json.loads(done.stdout)
    return found


def test_every_hostile_delivery_is_one_of_those_with_a_verdict_below() -> None:
    assert set(SAID) | LARGE_AND_HONEST == set(ATTACKS)


@pytest.mark.parametrize("name", SAID)
def test_a_delivery_that_would_fill_the_memory_is_refused_as_too_large(name: str, night: Mapping[str, Any]) -> None:
    delivery = night["deliveries"][f"{ATTACKS[name][0]}: {name}"]
    (finding,) = delivery["findings"]
    assert (delivery["verdict"], finding["rule"]) == ("quarantined", "too_large")
    assert SAID[name] in finding["message"]
    assert f"ingest.memory_mb, {MEMORY_MB:,}, allows" in finding["message"]


@pytest.mark.parametrize("name", sorted(LARGE_AND_HONEST))
def test_a_delivery_that_is_read_in_parts_is_judged_by_its_rows(name: str, night: Mapping[str, Any]) -> None:
    delivery = night["deliveries"][f"{ATTACKS[name][0]}: {name}"]
    assert "duplicate_id" in {finding["rule"] for finding in delivery["findings"]}


def test_the_night_goes_on_with_the_other_deliveries(night: Mapping[str, Any]) -> None:
    assert {night["deliveries"][f"{fmt}: good"]["verdict"] for fmt in ("csv", "jsonl", "parquet")} == {"accepted"}


def test_no_hostile_delivery_takes_more_memory_than_the_spec_allows(night: Mapping[str, Any]) -> None:
    assert night["grown_mb"] < MEMORY_MB
