"""A function with a result that depends on more than the row is found, and what it depends on is named."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from tasks.user_code.purity import checked_once
from tasks.user_code.user_modules import module_of


@pytest.mark.parametrize(
    ("body", "match"),
    [
        ("frame['more'] = 1\n    return frame", "changes the frame it is given"),
        ("return frame.assign(more=next(COUNT))", "another more the second time"),
        ("return frame.assign(more=frame['area'] - frame['area'].mean())", "depends on the other rows"),
        ("return pd.concat([frame, pd.get_dummies(frame['zip'])], axis=1)", "depends on the other rows"),
        ("return frame.sort_values('area')", "same rows in the same order"),
        ("return 3", "returned int with no rows"),
        ("return frame.assign(more=pd.Timestamp.now().normalize())", r"asks the clock \(now\)"),
        ("return frame.assign(more=pd.to_datetime('today').normalize())", r"asks the clock \(to_datetime\('today'\)\)"),
        ("return frame.assign(more=[day() for _ in frame['area']])", r"asks the clock \(today\)"),
        ("return frame.assign(more=int(time.time()) // 86_400)", r"asks the clock \(time\)"),
        ("return frame.assign(more=int(seconds()) // 86_400)", r"asks the clock \(seconds\)"),
        ("from time import time\n    return frame.assign(more=int(time()) // 86_400)", r"asks the clock \(time\)"),
        ("import time\n    return frame.assign(more=int(time.time()) // 86_400)", r"asks the clock \(time\)"),
        ("return frame.assign(more=helpers.days())", r"asks the clock \(time_ns\)"),
    ],
)
def test_a_function_that_is_not_pure_is_refused_with_what_it_does(body: str, match: str, tmp_path: Path) -> None:
    head = (
        "import itertools, time, helpers\nfrom datetime import date\nfrom time import time as seconds\n"
        "import pandas as pd\nCOUNT = itertools.count()\n"
    )
    (tmp_path / "helpers.py").write_text("import time as t\ndef days(): return t.time_ns() // 86_400_000_000_000\n")
    source = f"{head}def day():\n    return date.today().toordinal()\ndef add(frame):\n    {body}\n"
    (tmp_path / "features.py").write_text(source)
    rows = pd.DataFrame({"area": [2.0, 1.0], "zip": ["a", "b"]})
    found = checked_once(module_of("features", tmp_path).add, rows)
    assert found is not None
    assert re.search(match, found.text)


@pytest.mark.parametrize(
    "body",
    [
        "return frame.assign(hour=frame['at'].dt.time.map(lambda time: time.hour), today=1)",
        "return frame.assign(hour=pd.to_datetime(frame['today']).dt.hour)",
        "from datetime import time\n    return frame.assign(hour=time(10).hour)",
    ],
    ids=["part of a date", "column of that name", "class of that name"],
)
def test_the_time_of_a_row_is_no_clock(body: str, tmp_path: Path) -> None:
    (tmp_path / "features.py").write_text(f"import pandas as pd\ndef add(frame):\n    {body}\n")
    rows = pd.DataFrame({"at": pd.to_datetime(["2026-01-02 10:30"]), "today": "2026-01-02 10:30"})
    assert checked_once(module_of("features", tmp_path).add, rows) is None
