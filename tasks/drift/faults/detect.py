"""Distinguishes broken data from drift: recognises known faults of a source from profiles.

Only statistics past their leeway are examined, so that detection adds no false alarms. A population that drifts stays
within its support; broken data leaves it, or moves in a way that no population does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import add

from tasks.drift.faults.broken_categories import vanished
from tasks.drift.faults.column_faults import faults_of_columns
from tasks.drift.faults.displacement import cycle, find_rotation, is_rotated
from tasks.drift.faults.unit_change import (
    GREAT,
    distributions_differ,
    find_unit_change,
    others_moved,
    weighted_values,
)
from tasks.drift.faults.volume import RepeatedRows, repeated_suspicion
from tasks.drift.reference import Reference
from tasks.profiles import CategoryProfile, ColumnProfile, NumberProfile, TableProfile, sum_profiles
from tasks.records import DriftStatistic, Statistic, Suspicion

MOST = 0.5  # of the rows
NULLS = frozenset({"null_burst", "empty_column"})
WRONG = NULLS | {"duplicated_rows", "renamed_category", "rotation", "stuck", "swapped_columns", "unit_change"}


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known in addition to the profiles of a window and of the reference.

    Attributes
    ----------
    repeated : RepeatedRows, optional
        The repeated rows of a delivery, which need not have as many rows as the window.
    repeated_before : float
        Share of repeated rows in the reference.
    recent : callable, optional
        Gives rows that were accepted before the window: the newest, and those of a fortnight before. A fault is a
        break: it must show against the ones or the others too.
    seen : callable, optional
        Gives all rows that were accepted since the reference: what occurs in them is known.
    days : callable, optional
        Gives the rows of each day of that fortnight.
    """

    repeated: RepeatedRows | None = None
    repeated_before: float = 0.0
    recent: Callable[[], Sequence[TableProfile]] | None = None
    seen: Callable[[], TableProfile] | None = None
    days: Callable[[], Sequence[TableProfile]] | None = None


@dataclass(frozen=True, slots=True)
class _Earlier:
    """Accepted rows before a window: those it is compared with, all, those by day, and the share that matters."""

    recent: Sequence[TableProfile]
    seen: Callable[[], TableProfile]
    days: Callable[[], Sequence[TableProfile]]
    effect: float


def find_suspicions(
    reference: Reference,
    window: TableProfile,
    moved: Sequence[DriftStatistic],
    effect: float,
    hints: Hints | None = None,
) -> tuple[Suspicion, ...]:
    """Return the suspected faults of a window, the most certain first.

    Parameters
    ----------
    reference : Reference
        The profile of the training rows.
    window : TableProfile
        The new rows.
    moved : sequence of DriftStatistic
        Result of `compare_window`; only statistics past their leeway are examined.
    effect : float
        Smallest share of rows that matters.
    hints : Hints, optional
        What the profiles of both do not contain.
    """
    past: dict[str, list[DriftStatistic]] = {}
    for item in moved:
        if item.strain > 1:
            past.setdefault(item.column, []).append(item)
    hints = hints or Hints()
    repeated = _repeated(reference, effect, hints)
    if repeated is None:
        return _faults(reference, window, past, effect, hints)
    if cannot_be_scored(repeated):
        return (repeated,)
    # Rows that are there twice may look like a fault of some rows, and hide none of nearly all.
    return (repeated, *filter(cannot_be_scored, _faults(reference, window, past, effect, hints)))


def _repeated(reference: Reference, effect: float, hints: Hints) -> Suspicion | None:
    if hints.repeated is None:
        return None
    return repeated_suspicion(hints.repeated, RepeatedRows(hints.repeated_before, reference.total.rows), effect)


def _faults(
    reference: Reference,
    window: TableProfile,
    past: Mapping[str, list[DriftStatistic]],
    effect: float,
    hints: Hints,
) -> tuple[Suspicion, ...]:
    """Return the faults of columns with statistics past their leeway."""
    recent = hints.recent() if past and hints.recent else ()
    found = faults_of_columns(reference.total, window, past)
    if not recent:
        return _without_mixtures(found, window, (reference.total,), past)
    seen, tables = hints.seen or partial(sum_profiles, recent), (reference.total, window)
    earlier = _Earlier(recent, seen, hints.days or tuple, effect)
    breaks = tuple(each for one in found for each in _as_breaks(one, past, tables, earlier))
    breaks = _without_mixtures(breaks, window, (reference.total, *recent), past)
    explained = {name for one in breaks for name in one.columns}
    left = tuple(name for name in past if name not in explained and name not in window.ruler.dates)
    return (*breaks, *_rotated(tables, left, recent))


def _without_mixtures(
    found: tuple[Suspicion, ...],
    window: TableProfile,
    before: Sequence[TableProfile],
    past: Mapping[str, Sequence[DriftStatistic]],
) -> tuple[Suspicion, ...]:
    """Return faults without units near the old one that rows of a new kind may only seem to have.

    Rows of a new kind, such as another method of measuring, have a category never met, and values of their own: mixed
    with the old ones they look like a small factor. Then a person is asked about their category, and not about the unit
    too. A category that is an old one under another name, or that every row has, is not that of a new kind.
    """
    named = {name for one in found if one.kind in WRONG for name in one.columns}
    others = [moved for name, moved in past.items() if name not in named]
    unknown = (one.distance for moved in others for one in moved if one.statistic == Statistic.UNKNOWN)
    new = min(1.0, sum(unknown))
    return tuple(one for one in found if not (new and _may_be_of_new_rows(one, window, before, new)))


def _may_be_of_new_rows(found: Suspicion, window: TableProfile, before: Sequence[TableProfile], new: float) -> bool:
    """Return whether a unit near the old one may be due to a share of rows with values of their own.

    A great factor takes values out of their range, another sign is not that of a mixture, and where more rows moved
    than are of a new kind, it is another fault next to them.
    """
    factor = float(found.numbers.get("factor", GREAT))
    now, *earlier = (table.columns[found.columns[0]] if found.columns else None for table in (window, *before))
    if found.kind != "unit_change" or not 1 / GREAT < factor < GREAT or not isinstance(now, NumberProfile):
        return False
    share, values = new * now.rows / now.present, weighted_values(now)
    known = (column for column in earlier if isinstance(column, NumberProfile) and column.present)
    return any(not others_moved(weighted_values(column), values, share) for column in known)


def _as_breaks(
    found: Suspicion,
    past: Mapping[str, Sequence[DriftStatistic]],
    tables: tuple[TableProfile, TableProfile],
    earlier: _Earlier,
) -> Iterator[Suspicion]:
    """Yield a fault, of the more certain kind, if newer accepted rows show it too: what came slowly is drift."""
    (reference, window), name = tables, found.columns[0]
    mine = {each: past[each] for each in found.columns}
    effect = earlier.effect
    known = _both(reference.columns[name], earlier.seen().columns[name])
    if isinstance(known, CategoryProfile) and found.numbers.get("new") in known.counts:
        return
    again: tuple[Suspicion, ...]
    for place, recent in enumerate(earlier.recent):
        old, now = recent.columns[name], window.columns[name]
        if found.kind == "missing_slice" and isinstance(old, CategoryProfile) and isinstance(now, CategoryProfile):
            again = (found,) if vanished(old, now) else ()  # of few rows the others need not keep their proportions
        elif found.kind == "unclear":  # what either has is known
            specific = faults_of_columns(recent, window, mine, effect)
            again = tuple(one for one in specific if one.kind != "unclear") or faults_of_columns(
                replace(recent, columns={name: known}), window, mine, effect
            )
        else:
            both = (_surer(found, one) for one in faults_of_columns(recent, window, mine, effect) if one.columns)
            again = tuple(one for one in both if one.kind != "unclear")
        if again:
            if place == 0 or not _is_whole_unit(again[0]) or _same_unit(name, tables, earlier.days()):
                yield again[0]
            return


def _is_whole_unit(found: Suspicion) -> bool:
    return found.kind == "unit_change" and found.numbers.get("share") == 1


def _same_unit(name: str, tables: tuple[TableProfile, TableProfile], days: Sequence[TableProfile]) -> bool:
    """Return whether a unit that is not new tonight explains all rows since it came, which know its factor better.

    A population that moved at once by nearly a factor of units looks as if it were one on some nights.
    """
    before, now = (table.columns[name] for table in tables)
    if not (isinstance(before, NumberProfile) and isinstance(now, NumberProfile)):
        return True
    since = [column for day in days if isinstance(column := day.columns[name], NumberProfile) and column.present]
    values, usual = weighted_values(now), weighted_values(before)
    since = [
        column
        for column in since
        if distributions_differ(usual, weighted_values(column))
        and not distributions_differ(values, weighted_values(column))
    ]
    return find_unit_change(before, reduce(add, since, now), partly=False) is not None


def _surer(found: Suspicion, newer: Suspicion) -> Suspicion:
    """Return the fault against the reference, unless newer rows show another break: only one of the two is of nulls."""
    return found if (found.kind in NULLS) == (newer.kind in NULLS) else newer


def _both(first: ColumnProfile, second: ColumnProfile) -> ColumnProfile:
    if isinstance(first, NumberProfile) and isinstance(second, NumberProfile):
        return first + second
    if isinstance(first, CategoryProfile) and isinstance(second, CategoryProfile):
        return first + second
    return second


def _rotated(
    tables: tuple[TableProfile, TableProfile], names: tuple[str, ...], earlier: Sequence[TableProfile]
) -> Iterator[Suspicion]:
    """Yield the number columns that are rotated, against the reference and newer accepted rows."""
    for name in names:
        before, now = (table.columns[name] for table in tables)
        recent = [column for each in earlier if isinstance(column := each.columns[name], NumberProfile)]
        if not (isinstance(before, NumberProfile) and isinstance(now, NumberProfile)):
            continue
        period = cycle(before)
        turned = find_rotation(before, now, period)
        if turned is not None and not all(is_rotated(before, each, turned) for each in recent):
            words = f"the values are {turned.steps} further than they were, modulo {turned.period}"
            numbers: dict[str, int | float | str] = {
                "steps": turned.steps,
                "period": turned.period,
                "share": turned.share,
            }
            yield Suspicion("rotation", (name,), words, numbers)


def cannot_be_scored(found: Suspicion) -> bool:
    """Whether most of the rows cannot be scored rightly, so that they wait; of other faults a person is asked.

    That counts the rows with a wrong value, without one, or repeated; a row next to rows that are missing is scored as
    any other.

    >>> burst = [Suspicion("null_burst", ("area",), "", {"null_share": share}) for share in (0.2, 0.7)]
    >>> partly = [Suspicion("unit_change", ("area",), "", {"share": share}) for share in (0.2, 0.7)]
    >>> [cannot_be_scored(one) for one in (*burst, *partly)]
    [False, True, False, True]
    """
    if found.kind not in WRONG:
        return False
    return float(found.numbers.get("null_share" if found.kind in NULLS else "share", 1.0)) > MOST
