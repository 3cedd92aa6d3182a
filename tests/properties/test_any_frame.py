"""Whatever frame lands, in whatever format: it is read, checked, trained on and answered, or refused with a reason.

LEEWAY_FRAMES=20000 makes so many frames; by default 200. A frame follows from its number, which a failure names.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import traceback
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import DataError
from tasks.features import with_tables
from tasks.ingest import Unreadable
from tasks.model import Predictor
from tasks.profiles import profile
from tasks.records import Landed
from tasks.spec.project_spec import ProjectSpec
from tasks.train import train
from tasks.train.task import refit
from tasks.validate import Suite, check_all
from tests.deliveries import delivered

FRAMES, SHARES = int(os.environ.get("LEEWAY_FRAMES", "200")), 4
AS_OF, FIRST = date(2026, 3, 1), date(2026, 1, 1)
METRICS = {"regression": "mean_absolute_error", "binary": "log_loss", "multiclass": "log_loss"}
LABELS: dict[str, Callable[[Random], Any]] = {
    "regression": lambda random: round(random.gauss(100, 20), 2),
    "binary": lambda random: random.randrange(2),
    "multiclass": lambda random: random.choice(["a", "b", "c"]),
}
KINDS: dict[str, Callable[[Random], Any]] = {
    "area": lambda random: round(random.uniform(1, 99), 1),
    "rooms": lambda random: random.randrange(9),
    "zone": lambda random: random.choice(["north", "south", "ö 7", "NA"]),
    "paid": lambda random: random.choice([True, False]),
    "built": lambda random: FIRST - timedelta(days=random.randrange(9999)),
}
ODD: list[Any] = [
    *(
        None,
        "",
        " ",
        "NA",
        "nan",
        "null",
        "-",
        "?",
        "1,5",
        "1.234,5",
        "1e400",
        "-1e-400",
        "0x10",
        "١٢",
        "½",
        "00",
        "-0",
    ),
    *(
        "2026-13-01",
        "0001-01-01",
        "9999-12-31",
        "2026-03-29T02:30:00",
        "24:00",
        "\ufeff",
        "\u202eabc",
        "=1+1",
        "a" * 300,
    ),
    *(0, -1, 2**53 + 1, 10**20, 1e308, -1e308, 5e-324, float("nan"), float("inf"), True, False, Decimal("1.10")),
    *(date(1, 1, 1), date(9999, 12, 31), datetime(2026, 1, 1, 12), [1], {"a": 1}, b"\x00\xff"),  # noqa: DTZ001 - any value a cell may have
]


def spec_of(task: str, fmt: str) -> ProjectSpec:
    return ProjectSpec.model_validate(
        {
            "project": "any",
            "scope": {"owner": "me", "objective": "Any.", "metric": METRICS[task], "baseline": _baseline(task)},
            "source": {"uri": "rows", "format": fmt, "id": ["id"], "event_time": "at", "label": {"column": "y"}},
            "features": {
                "numbers": ["area", "rooms"],
                "categories": ["zone"],
                "booleans": ["paid"],
                "dates": ["built"],
            },
            "contract": {"max_bad_share": 1.0},
            "split": {"folds": 1, "fold_days": 14},
            "training": {"task": task, "iterations": [2], "min_rows": 20, "time_treatments": ["all_history"]},
        }
    )


def _baseline(task: str) -> str:
    return "median" if task == "regression" else "mean"


def rows_of(random: Random, task: str) -> list[dict[str, Any]]:
    """Return good rows of which some cells, columns, ids, times or labels are odd."""
    count = random.choice([0, 1, 2, 12, 40, 40, 60])
    rows = [
        {
            "id": str(number),
            "at": FIRST + timedelta(days=number),
            **{name: make(random) for name, make in KINDS.items()},
            "y": LABELS[task](random),
        }
        for number in range(count)
    ]
    names = ["id", "at", *KINDS, "y"]
    for name in random.sample(names, random.choice([0, 0, 1, 2, 4])):
        odd, share = random.sample(ODD, random.choice([1, 2, 9])), random.choice([0.02, 0.3, 1.0])
        for row in rows:
            if random.random() < share:
                row[name] = random.choice(odd)
    if random.random() < 0.1:
        dropped = random.choice(names)
        rows = [{key: value for key, value in row.items() if key != dropped} for row in rows]
    if random.random() < 0.1:
        random.shuffle(rows)
    return [*rows, *rows[: random.choice([0, 0, 0, 3])]]


def content_of(rows: list[dict[str, Any]], fmt: str) -> bytes:
    names = list(dict.fromkeys(name for row in rows for name in row)) or ["id", "at"]
    if fmt == "jsonl":
        return "".join(json.dumps(row, default=str) + "\n" for row in rows).encode()
    if fmt == "csv":
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerows([names, *(["" if row.get(name) is None else row.get(name) for name in names] for row in rows)])
        return out.getvalue().encode("utf-8", "replace")
    file = io.BytesIO()
    pq.write_table(pa.table({name: _array([row.get(name) for row in rows]) for name in names}), file)
    return file.getvalue()


def _array(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if value is None else str(value) for value in values])


def went_through(number: int) -> str:
    """Take a frame through every room that a person's data reaches; return how far it came."""
    random = Random(number)
    task, fmt = random.choice(list(METRICS)), random.choice(["csv", "jsonl", "parquet"])
    spec = spec_of(task, fmt)
    content = content_of(rows_of(random, task), fmt)
    landed = Landed("rows", f"{AS_OF}.{fmt}", len(content), AS_OF)
    read = delivered(content, landed, spec)
    if isinstance(read, Unreadable):
        assert read.reason
        assert read.detail
        return "unread"
    (checked,) = check_all([read], spec, Suite(Path("none")))
    assert checked.rows_in == len(checked.accepted) + checked.rows_refused, "a row is neither accepted nor refused"
    rows = with_tables(checked.accepted, spec, lambda *_: pd.DataFrame())
    known = rows[rows["y"].notna()].sort_values("at", kind="stable", ignore_index=True)
    try:
        trained = train(known, spec, AS_OF)
        released = refit(trained, known, known.tail(20), spec, None)
    except DataError:
        return "refused"
    answered(released.fitted.portable, rows)
    assert profile(rows, released.reference.total.ruler).rows == len(rows)
    return "answered"


def answered(model: Predictor, rows: pd.DataFrame) -> None:
    if len(rows):
        answers = model.predict(rows)
        assert len(answers) == len(rows)
        assert all(math.isfinite(each) for each in answers.ravel())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(36_000)
@pytest.mark.parametrize("share", range(SHARES))
def test_any_frame_is_answered_or_refused_with_a_reason(share: int) -> None:
    ends, faults = dict[str, int](), dict[str, int]()
    for number in range(share, FRAMES, SHARES):
        try:
            end = went_through(number)
            ends[end] = ends.get(end, 0) + 1
        except Exception as error:  # noqa: BLE001 - every kind of fault is collected, with its first frame
            place = traceback.extract_tb(error.__traceback__)[-1]
            faults.setdefault(f"{type(error).__name__} at {place.filename}:{place.lineno}: {str(error)[:120]}", number)
    assert faults == {}
    assert len(ends) > 1, f"frames of one kind only: {ends}"
