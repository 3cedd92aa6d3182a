"""The rim of monitor: stores the profiles of new batches, reads back what the night is judged on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from tasks.drift import Leeway, Reference, Suspicion
from tasks.lake import SUPERSEDED, Batch, Filter, Lake, batch_rows, deliveries, standing
from tasks.logs import line, logger
from tasks.monitor.answers import Answers
from tasks.monitor.fold import Pace, Since, fold
from tasks.monitor.performance import Promise, newest_cohort, performance
from tasks.monitor.short import short_delivery
from tasks.monitor.watch import Watch
from tasks.monitor.window import Window
from tasks.profiles import Ruler, TableProfile, digest, from_bytes, profile, to_bytes
from tasks.records import DriftKind, Estimated, Moved, Performance
from tasks.rim import room
from tasks.spec import ProjectSpec

SOURCE = "rows"


@dataclass(frozen=True, slots=True)
class View:
    """What monitoring saw: the judged window, every column against its leeway, and the realised performance.

    `predictions` and `surprises` are the same for the champion's answers and for what labels say about them; both are
    empty for a champion whose hold-out was not kept. `suspicions` name what looks broken rather than drifted.
    """

    window: Window | None
    moved: tuple[Moved, ...]
    performance: Performance | None
    fresh_rows: int
    predictions: tuple[Moved, ...] = ()
    surprises: tuple[Moved, ...] = ()
    suspicions: tuple[Suspicion, ...] = ()
    kind: DriftKind = "none"
    estimated: Estimated | None = None


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What a night is measured against: the champion's reference and promise, and its last training day.

    `answers` is what its answers meant on its hold-out; `repeated_rows` the share of repeated rows it learned from.
    """

    version: int
    reference: Reference
    promise: Promise
    trained_until: date
    answers: Answers | None = None
    repeated_rows: float = 0.0


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
def look(
    lake: Lake,
    spec: ProjectSpec,
    yardstick: Yardstick,
    night: date,
    nights_per_year: float,
    *,
    repeated: float | None = None,
) -> View:
    """Compare the newest window with the reference, and the newest matured cohort with the promise.

    Parameters
    ----------
    repeated : float, optional
        Share of the newest delivery's rows that repeat another, where it was counted.
    """
    answered, labelled = _answered(lake, spec, yardstick, night)
    policy = spec.monitoring
    leeway = Leeway(policy.effect, policy.false_alarms_per_year, nights_per_year)
    watch = Watch(yardstick.reference, leeway, policy.window_days, yardstick.answers, yardstick.repeated_rows)
    since = Since(yardstick.trained_until, _by_day(lake, spec, yardstick, night), answered, labelled)
    found = fold(watch, since, Pace(policy.window_days, policy.min_rows), repeated=repeated)
    realised = _realised(spec, yardstick, labelled, night, nights_per_year)
    worst = found.seen.moved[0] if found.seen.moved else None
    logger().info(
        line(
            "drift_measured",
            column=worst.column if worst else "-",
            kind=found.kind,
            strain=worst.strain if worst else 0.0,
            error_strain=realised.strain if realised else 0.0,
            window_days=found.window.days if found.window else 0,
            rows=found.window.rows if found.window else 0,
        )
    )
    return View(
        found.window,
        found.seen.moved,
        realised,
        len(labelled),
        predictions=found.seen.predictions,
        surprises=found.learnt.moved if found.learnt else (),
        suspicions=(*_short(lake, spec, night, nights_per_year), *found.seen.suspicions),
        kind=found.kind,
        estimated=found.estimated,
    )


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


def _short(lake: Lake, spec: ProjectSpec, night: date, nights_per_year: float) -> tuple[Suspicion, ...]:
    """Return the suspicion that what came for the night was cut off, by the rows of earlier deliveries."""
    rows: dict[date, int] = {}
    for batch in deliveries(lake, spec.project).latest():
        if batch.kind == "rows" and batch.night <= night and batch.verdict != SUPERSEDED:
            rows[batch.night] = rows.get(batch.night, 0) + batch.rows_in
    found = short_delivery(rows, night, spec.monitoring.false_alarms_per_year / nights_per_year)
    return () if found is None else (found,)


def _by_day(lake: Lake, spec: ProjectSpec, yardstick: Yardstick, night: date) -> dict[date, TableProfile]:
    """Return the profile of every event date since the champion's training; a date's batches are added."""
    inside: list[Filter] = [("event_date", ">", yardstick.trained_until), ("event_date", "<=", night)]
    name = digest(yardstick.reference.total.ruler)
    kept = standing(lake, spec.project, "profiles", where=[*inside, ("ruler", "=", name)])
    found: dict[date, TableProfile] = {}
    for day, stored in zip(kept["event_date"], kept["profile"], strict=True):
        profile = from_bytes(stored)
        found[day] = found[day] + profile if day in found else profile
    return found


def _answered(lake: Lake, spec: ProjectSpec, yardstick: Yardstick, night: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the champion's answers since its training, and those whose labels have matured."""
    until, delivered = spec.matured_until(night), deliveries(lake, spec.project)
    answered = standing(
        lake,
        spec.project,
        "predictions",
        delivered,
        columns=["row_id", "event_date", "prediction"],
        where=[
            ("event_date", ">", yardstick.trained_until),
            ("event_date", "<=", night),
            ("version", "=", yardstick.version),
        ],
    ).sort_values("row_id")
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
    matured = answered[answered["event_date"] <= until]
    return answered, matured.merge(known[["row_id", "label"]], on="row_id")


def _realised(
    spec: ProjectSpec, yardstick: Yardstick, labelled: pd.DataFrame, night: date, nights_per_year: float
) -> Performance | None:
    """Return the champion's performance on its newest matured cohort."""
    policy, until = spec.monitoring, spec.matured_until(night)
    newest = until - timedelta(days=policy.cohort_days * 2)
    recent = labelled[labelled["event_date"] > newest]
    judged = newest_cohort(recent, days=policy.cohort_days)
    return performance(judged, yardstick.promise, policy, nights_per_year)
