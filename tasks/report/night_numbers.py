"""A night's numbers by name: the page's series, for a chart over time elsewhere (MLflow's metrics)."""

from __future__ import annotations

from tasks.lake import Entry
from tasks.report.entry_reader import NULLS, Measure, amount, bias_of, error_of, estimate_of, measure, number, strains


def night_numbers(entry: Entry) -> dict[str, float]:
    """Return every number that the page draws of a night; one that the night did not measure is left out.

    Examples
    --------
    >>> from datetime import UTC, date, datetime
    >>> moved = [{"column": "a", "strain": 2.0}, {"column": "b", "strain": 0.5}]
    >>> held = {"rows": 10, "quarantined": 1, "moved": moved, "deferred_share": 0.25}
    >>> night = Entry("n", "night", date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), "hold", "", details=held)
    >>> numbers = night_numbers(night)
    >>> numbers["rows"], numbers["worst_strain"], numbers["columns_past"], numbers["automation_rate"]
    (10.0, 2.0, 1.0, 0.75)
    """
    details, moved, nulls = entry.details, strains(entry), strains(entry, NULLS)
    numbers = {key: float(amount(details, key)) for key in ("rows", "labels", "quarantined")}
    if moved:
        numbers |= {"worst_strain": max(moved.values()), "columns_past": float(sum(s > 1 for s in moved.values()))}
    if nulls:
        numbers["worst_null_strain"] = max(nulls.values())
    numbers |= _measured("error", error_of(entry)) | _measured("bias", bias_of(entry))
    numbers |= _measured("error_estimated", estimate_of(entry)) | _measured("speed", measure(details.get("speed")))
    deferred = number(details.get("deferred_share"))
    return numbers if deferred is None else numbers | {"automation_rate": 1 - deferred}


def _measured(name: str, found: Measure | None) -> dict[str, float]:
    if found is None:
        return {}
    parts = {"": found.value, "_low": found.low, "_high": found.high, "_promised": found.expected}
    parts["_tolerated"] = found.tolerated
    return {f"{name}{part}": value for part, value in parts.items() if value is not None}
