"""Whether a delivery of a feature table is broken: its values are compared with what the table delivered before.

Rows show a fault of a table late and diluted: only those of the entities that were delivered, mixed with values of
other deliveries. A delivery as a whole is in another unit, or is not. A table has a reference of its own, the newest 90
days that were accepted, because rows have its values in other proportions, and no champion is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import cast

import pandas as pd

from tasks.drift import Leeway, Reference, Suspicion, build_reference, cannot_be_scored
from tasks.monitor.baseline import leeway_of
from tasks.monitor.drift_monitor import DriftMonitor
from tasks.profiles import CategoryProfile, Ruler, TableProfile, added_by_day, fit_ruler, profile, sum_profiles
from tasks.records import COMPARED_DAYS, Finding
from tasks.spec import ProjectSpec
from tasks.spec.spec_sections.feature_sections import FeatureTable

KEPT = timedelta(days=90)
USUAL = timedelta(days=28)
MOST, RARE = 0.5, 0.1  # of the values
Days = dict[date, TableProfile]


def table_ruler(table: FeatureTable, values: pd.DataFrame) -> Ruler:
    """Return the bins of a table's numbers, and its categories and booleans; dates are not compared."""
    columns = table.columns
    return fit_ruler(values, numbers=columns.numbers, categories=columns.categories, booleans=columns.booleans)


def values_by_day(values: pd.DataFrame, ruler: Ruler) -> Days:
    """Return the profiles of a table's values by the day of their event time."""
    return added_by_day((cast("date", day), profile(part, ruler)) for day, part in values.groupby("event_date"))


def broken_values(
    new: Days, known: Mapping[date, TableProfile], usual: Sequence[Days], leeway: Leeway
) -> tuple[Suspicion, ...]:
    """Return in which ways the numbers of a delivery are broken, so that no row can be scored with them.

    A table may be delivered in parts, such as a file of each laboratory: what a delivery of the four weeks before shows
    too, against all of them, is how its source delivers; and each part may have categories of its own, so that these
    are judged in the rows. Nothing is said while fewer than `COMPARED_DAYS` days are known before the first.

    Parameters
    ----------
    new : mapping of date to TableProfile
        The delivery by event date.
    known : mapping of date to TableProfile
        What was accepted before, by event date, with the same ruler.
    usual : sequence of mapping of date to TableProfile
        The accepted deliveries one by one, the newest last.
    leeway : Leeway
        The effect that matters, and the budget of false alarms.
    """
    first = min(new)
    before = {day.isoformat(): each for day, each in known.items() if first - KEPT <= day < first}
    if len(before) < COMPARED_DAYS:
        return ()
    reference = build_reference([*before.items()])
    found = _faults(reference, new, leeway)
    if found and _is_of_another_kind(sum_profiles(list(new.values())), reference.total):
        found = [one for one in found if one.kind != "unit_change"]
    for delivery in reversed([each for each in usual if max(each) >= first - USUAL]):
        if not found:
            break
        shown = _faults(reference, delivery, leeway)
        found = [one for one in found if not any(_is_same(one, other) for other in shown)]
    return tuple(found)


def _is_same(found: Suspicion, other: Suspicion) -> bool:
    """Return whether two deliveries show the same fault; of few values a factor is known up to one of two.

    >>> units = [Suspicion("unit_change", ("crp",), "", {"factor": factor}) for factor in (0.1, 0.15, 0.62)]
    >>> [_is_same(units[0], each) for each in units]
    [True, True, False]
    """
    ratio = float(found.numbers.get("factor", 1.0)) / float(other.numbers.get("factor", 1.0))
    return (found.kind, found.columns) == (other.kind, other.columns) and 0.5 < ratio < 2.0  # noqa: PLR2004 - in words


def _faults(reference: Reference, delivery: Days, leeway: Leeway) -> list[Suspicion]:
    """Return the faults of a delivery's numbers against a reference, if most of its values are wrong."""
    first, values = min(delivery), sum_profiles(list(delivery.values()))
    monitor = DriftMonitor(reference, leeway, (max(delivery) - first).days + 1)
    numbers = set(reference.layout.numbers)
    return [
        one
        for one in monitor.suspicions_of(first, values)
        if cannot_be_scored(one) and one.columns and numbers.issuperset(one.columns)
    ]


def _is_of_another_kind(values: TableProfile, known: TableProfile) -> bool:
    """Return whether most values are of categories that are rare or unknown so far: their unit may be another one."""
    for name, now in values.columns.items():
        before = known.columns[name]
        if isinstance(now, CategoryProfile) and isinstance(before, CategoryProfile):
            rare = (rows for key, rows in now.counts.items() if before.counts.get(key, 0) < RARE * before.rows)
            if sum(rare) > MOST * now.rows:
                return True
    return False


class ValuesCheck:
    """Checks the deliveries of one run in their order; those without a fault are compared with from then on.

    Parameters
    ----------
    spec : ProjectSpec
        For the tables and the leeway.
    earlier : mapping of str to sequence of mapping of date to TableProfile
        By table, each of its accepted deliveries by event date, the newest last, all with one ruler; a table without
        any begins with this run.
    """

    def __init__(self, spec: ProjectSpec, earlier: Mapping[str, Sequence[Days]]) -> None:
        self._spec, self._leeway = spec, leeway_of(spec)
        self._deliveries = {name: list(deliveries) for name, deliveries in earlier.items()}
        self._known = {
            name: added_by_day(each for days in deliveries for each in days.items())
            for name, deliveries in earlier.items()
        }

    def __call__(self, table: FeatureTable, values: pd.DataFrame) -> tuple[Finding, ...]:
        """Return the faults of the accepted values of a delivery, and remember it where it has none.

        A delivery with fewer rows than `monitoring.min_rows` is not checked.
        """
        if len(values) < max(self._spec.monitoring.min_rows, 1) or not checked_columns(table):
            return ()
        known, usual = self._known.setdefault(table.name, {}), self._deliveries.setdefault(table.name, [])
        ruler = next(iter(usual[-1].values())).ruler if usual else table_ruler(table, values)
        new = values_by_day(values, ruler)
        found = tuple(value_finding(one, len(values)) for one in broken_values(new, known, usual, self._leeway))
        if not found:
            usual.append(new)
            known |= {day: known[day] + each if day in known else each for day, each in new.items()}
        return found


def value_finding(found: Suspicion, rows: int) -> Finding:
    """Return the finding for which a delivery of a table is quarantined.

    >>> value_finding(Suspicion("stuck", ("income",), "every row has the value 0"), 9).message
    'stuck in income: every row has the value 0'
    """
    column = ", ".join(found.columns)
    return Finding(
        found.kind, column, "critical", rows, f"{found.kind.replace('_', ' ')} in {column}: {found.evidence}"
    )


def checked_columns(table: FeatureTable) -> list[str]:
    """Return the columns of a table that are checked."""
    columns = table.columns
    return [*columns.numbers, *columns.booleans, *columns.categories]
