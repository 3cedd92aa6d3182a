"""What it would have taken to act: the nearest limit and how far it was, or what stood in the way and until when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from tasks.lake import Entry
from tasks.render.values import words
from tasks.report.entry_reader import ColumnDrift, amount, answered, error_of, mapping, number, sequence, shifts
from tasks.spec import ProjectSpec

MONTH_DAYS = 30
UNITS = {"wasserstein": "sd", "null_share": "of the rows to or from null", "total_variation": "of the rows"}


def takes(entry: Entry, spec: ProjectSpec, record: Sequence[Entry] = ()) -> tuple[str, ...]:
    """Return, in sentences, what was missing for another decision.

    Parameters
    ----------
    record : sequence of Entry
        The whole record; with it a hold names the day on which back-off and budget free it.
    """
    if entry.action == "retrain":
        return ("nothing: it acted",)
    if entry.action == "quarantine":
        return (f"a corrected delivery, or a person's word: `leeway release {spec.project} BATCH`",)
    if not shifts(entry) and error_of(entry) is None:
        return _to_judge(entry, spec)
    stood = _obstacles(entry, spec, record)
    if stood:
        return stood
    if entry.action == "ask":
        return (f"a person's look; then `leeway run retrain {spec.project}` if the rows are right",)
    return tuple(text for text in (_nearest_column(entry), *_nearest_error(entry, spec)) if text)


def _to_judge(entry: Entry, spec: ProjectSpec) -> tuple[str, ...]:
    """Say what a night that judged nothing lacked."""
    numbers = mapping(answered(entry, "enough rows?").get("numbers"))
    rows, least = number(numbers.get("rows")), number(numbers.get("min_rows"))
    if "no champion" in entry.reason:
        return (f"a champion: `leeway run retrain {spec.project}`, then an approval",)
    if rows is None or least is None or rows >= least:
        return ()
    return (f"{least - rows:.0f} more rows since the champion's training: there were {rows:.0f} of {least:.0f}",)


def _nearest_column(entry: Entry) -> str:
    """Name the statistic nearest its leeway, or, past it, the one that is furthest."""
    found = shifts(entry)
    if not found:
        return ""
    worst = max(found, key=lambda shift: shift.strain)
    if worst.strain > 1:
        return f"{worst.column} is past its leeway ({worst.strain:.1f} x); drift alone does not retrain, an error must"
    return f"{worst.column} would have had to move another {_far(worst)}; {worst.strain:.0%} of its leeway is used"


def _far(shift: ColumnDrift) -> str:
    """Say how much of a leeway is left, in the statistic's unit.

    >>> _far(ColumnDrift("bathrooms", "wasserstein", 0.17, 0.25, 0.68))
    '0.08 sd (wasserstein)'
    >>> _far(ColumnDrift("age", "null_share", 0.01, 0.02, 0.5))
    '1.0 % of the rows to or from null (null_share)'
    """
    unit = UNITS.get(shift.statistic, "")
    if unit.startswith("of"):
        return f"{100 * shift.left:.1f} % {unit} ({shift.statistic})"
    return f"{shift.left:.2g} {unit}".rstrip() + (f" ({shift.statistic})" if shift.statistic else "")


def _nearest_error(entry: Entry, spec: ProjectSpec) -> tuple[str, ...]:
    seen = error_of(entry)
    if seen is None:
        known = entry.night + timedelta(days=spec.source.label.delay_days)
        return (f"labels: the error of tonight's rows is known from {known} at the earliest",)
    if seen.tolerated is None:
        return ()
    if seen.value <= seen.tolerated:
        gap = seen.tolerated - seen.value
        return (f"the error would have had to rise another {gap:.3g}, from {seen.value:.4g} to {seen.tolerated:.4g}",)
    price, cost = (_worth(entry, key) for key in ("expected_loss", "training_cost"))
    if price is not None and cost is not None and price <= cost:
        return (f"another {cost - price:,.0f} of expected loss in {MONTH_DAYS} days: a retraining costs {cost:,.0f}",)
    return (f"certainty: the error {seen.value:.4g} is past {seen.tolerated:.4g}, but chance explains it still",)


def _worth(entry: Entry, key: str) -> float | None:
    return number(mapping(answered(entry, "worth retraining?").get("numbers")).get(key))


def _obstacles(entry: Entry, spec: ProjectSpec, record: Sequence[Entry]) -> tuple[str, ...]:
    """Name what forbade a retraining that was wanted, each with the day or the number that lifts it."""
    numbers = mapping(answered(entry, "may it retrain?").get("numbers"))
    found = [str(each) for each in sequence(numbers.get("obstacles"))]
    wanted = "not retraining" in entry.reason
    return tuple(_lifted(each, entry, spec, record) for each in found) if wanted else ()


def _lifted(obstacle: str, entry: Entry, spec: ProjectSpec, record: Sequence[Entry]) -> str:
    word = obstacle.partition(":")[0]
    numbers = mapping(answered(entry, "may it retrain?").get("numbers"))
    since = number(numbers.get("days_since_retraining"))
    if word == "cooldown" and since is not None:
        return f"cooldown until {entry.night + timedelta(days=spec.monitoring.cooldown_days - int(since))}"
    refused, registered = (_days(record, action, entry.night) for action in ("refused", "registered"))
    if word == "back-off" and refused:
        return f"back-off until {refused[-1] + timedelta(days=spec.monitoring.backoff_days)}"
    if word == "budget":
        return _budget_frees(registered, entry.night, spec) or obstacle
    if obstacle.startswith("only"):
        fresh = amount(numbers, "fresh_rows")
        return f"{spec.gate.min_rows - fresh} more labelled rows: there are {fresh} of {spec.gate.min_rows}"
    return f"an answer: {words(obstacle)}" if "waits for approval" in obstacle else obstacle


def _days(record: Sequence[Entry], action: str, until: date) -> list[date]:
    done = (entry for entry in record if entry.kind == "retraining" and entry.action == action)
    return sorted(entry.night for entry in done if entry.night <= until)


def _budget_frees(registered: Sequence[date], night: date, spec: ProjectSpec) -> str:
    """Say when the oldest retrainings that count have left the 30 days."""
    counted = [day for day in registered if day > night - timedelta(days=MONTH_DAYS)]
    allowed = spec.monitoring.retrainings_per_month
    if allowed == 0:
        return "a budget: monitoring.retrainings_per_month is 0"
    if len(counted) < allowed:
        return ""
    return f"the budget frees on {counted[len(counted) - allowed] + timedelta(days=MONTH_DAYS)}"
