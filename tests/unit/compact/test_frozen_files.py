"""Files of every protocol answer as they did when they were written, on any machine."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tasks.compact import CompactEvaluator

FROZEN = Path(__file__).parent / "frozen"


@pytest.mark.parametrize("name", ["trees_1", "forest_1", "linear_1", "singles_2"])
def test_a_frozen_file_gives_its_frozen_answers(name: str) -> None:
    known = json.loads((FROZEN / f"{name}.json").read_text())
    rows = np.array([[float.fromhex(value) for value in row] for row in known["rows"]])
    scores = CompactEvaluator((FROZEN / f"{name}.compact").read_bytes(), "demo").run(rows)
    assert [[value.hex() for value in row] for row in scores.tolist()] == known["scores"]
