"""The rim of monitor: stores the profiles of new batches, reads back what the night is judged on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from tasks.drift import Leeway, Reference, compare
from tasks.lake import Batch, Filter, Lake, batch_rows, deliveries, standing
from tasks.logs import line, logger
from tasks.monitor.performance import Promise, cohort, performance
from tasks.monitor.window import Window, newest_window
from tasks.profiles import Ruler, TableProfile, digest, from_bytes, profile, to_bytes
from tasks.records import Moved, Performance
from tasks.rim import room
from tasks.spec import ProjectSpec

SOURCE = "rows"


@dataclass(frozen=True, slots=True)
class View:
    """What monitoring saw: the judged window, every column against its leeway, and the realised performance."""

    window: Window | None
    moved: tuple[Moved, ...]
    performance: Performance | None
    fresh_rows: int


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What a night is measured against: the champion's reference and promise, and its last training day."""

    version: int
    reference: Reference
    promise: Promise
    trained_until: date


@room("profile")
def profile_batches(
    lake: Lake,
    project: str,
    batches: list[Batch],
    ruler: Ruler,
    *,
    features: Callable[[pd.DataFrame], pd.DataFrame],
) -> int:
    """Summarise, by event date, every batch that has no profile under this ruler yet; return how many rows it read."""
    ruler_name = digest(ruler)
    keys = {f"{SOURCE}/{ruler_name}/{batch.write_key}": batch for batch in batches}
    made, read = {}, 0
    for key in lake.missing(project, "profiles", list(keys)):
        rows = features(batch_rows(lake, project, keys[key]))
        made[key] = pd.DataFrame(list(_profiles(rows, ruler, ruler_name)))
        read += len(rows)
    lake.add_each(project, "profiles", made)
    logger().info(line("rows_profiled", rows=read))
    return read


@room("monitor")
def look(lake: Lake, spec: ProjectSpec, yardstick: Yardstick, night: date, nights_per_year: float) -> View:
    """Compare the newest window with the reference, and the newest matured cohort with the promise."""
    window, moved = _drift(lake, spec, yardstick, night, nights_per_year)
    realised, fresh_rows = _realised(lake, spec, yardstick, night, nights_per_year)
    worst = moved[0] if moved else None
    logger().info(
        line(
            "drift_measured",
            column=worst.column if worst else "-",
            strain=worst.strain if worst else 0.0,
            error_strain=realised.strain if realised else 0.0,
            window_days=window.days if window else 0,
            rows=window.rows if window else 0,
        )
    )
    return View(window, moved, realised, fresh_rows)


def _profiles(rows: pd.DataFrame, ruler: Ruler, ruler_name: str) -> Iterator[dict[str, object]]:
    for (batch_id, event_date), part in rows.groupby(["batch_id", "event_date"], sort=True):
        yield {
            "batch_id": batch_id,
            "revision": int(part["revision"].iloc[0]),
            "source": SOURCE,
            "ruler": ruler_name,
            "event_date": event_date,
            "row_count": len(part),
            "profile": to_bytes(profile(part, ruler)),
        }


def _drift(
    lake: Lake, spec: ProjectSpec, yardstick: Yardstick, night: date, nights_per_year: float
) -> tuple[Window | None, tuple[Moved, ...]]:
    policy, ruler = spec.monitoring, yardstick.reference.total.ruler
    inside: list[Filter] = [("event_date", ">", yardstick.trained_until), ("event_date", "<=", night)]
    kept = standing(lake, spec.project, "profiles", where=[*inside, ("ruler", "=", digest(ruler))])
    counts = list(zip(kept["event_date"], kept["row_count"], strict=True))
    window = newest_window(counts, days=policy.window_days, min_rows=policy.min_rows, after=yardstick.trained_until)
    if window is None:
        return None, ()
    merged = TableProfile.empty(ruler)
    for stored in kept.loc[kept["event_date"].between(window.start, window.end), "profile"]:
        merged += from_bytes(stored)
    leeway = Leeway(policy.effect, policy.false_alarms_per_year, nights_per_year)
    return window, compare(yardstick.reference, merged, leeway)


def _realised(
    lake: Lake, spec: ProjectSpec, yardstick: Yardstick, night: date, nights_per_year: float
) -> tuple[Performance | None, int]:
    """Return the champion's performance on its newest matured cohort, and how many labelled rows are newer than it."""
    policy, until = spec.monitoring, spec.matured_until(night)
    newest = until - timedelta(days=policy.cohort_days * 2)
    delivered = deliveries(lake, spec.project)
    answered = standing(
        lake,
        spec.project,
        "predictions",
        delivered,
        columns=["row_id", "event_date", "prediction"],
        where=[
            ("event_date", ">", yardstick.trained_until),
            ("event_date", "<=", until),
            ("version", "=", yardstick.version),
        ],
    )
    known = standing(
        lake,
        spec.project,
        "labels",
        delivered,
        columns=["row_id", "label", "arrival"],
        where=[("arrival", ">", yardstick.trained_until), ("arrival", "<=", night)],
    )
    # The lake gives rows in no certain order, but the same night must come to the same numbers to the last digit.
    known = known.sort_values(["arrival", "label"]).drop_duplicates("row_id", keep="last")
    recent = answered[answered["event_date"] > newest].sort_values("row_id")
    judged = cohort(recent, known, until=until, days=policy.cohort_days)
    fresh = answered[["row_id"]].merge(known[["row_id"]], on="row_id")
    return performance(judged, yardstick.promise, policy, nights_per_year), len(fresh)
