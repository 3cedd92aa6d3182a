"""Facts as metrics, and metrics as text; the same facts give the same text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, get_args

from tasks.metrics_export.night_facts import NightFacts
from tasks.records import Action, IntervalCoverage, PersonComparison, SureMean

if TYPE_CHECKING:
    from prometheus_client import Metric

Samples = Mapping[tuple[str, ...], float]
"""Values by the labels after `project`."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """The help text of a metric, and its labels in addition to the project."""

    help: str
    labels: tuple[str, ...] = ()


METRICS: dict[str, Meaning] = {
    "leeway_night_attempted_timestamp_seconds": Meaning("When the last attempt at a night began, as Unix time."),
    "leeway_night_finished_timestamp_seconds": Meaning("When a night last ended in a decision, as Unix time."),
    "leeway_night_due_timestamp_seconds": Meaning("When the next night is to begin by the schedule, as Unix time."),
    "leeway_night_failed": Meaning("1 when the last attempt ended in an error, else 0."),
    "leeway_failures": Meaning("Errors that ended the last attempt, by type.", ("error",)),
    "leeway_night_seconds": Meaning("Wall time of the last night's rooms together."),
    "leeway_room_seconds": Meaning("Wall time of a room in the last night.", ("room",)),
    "leeway_rows": Meaning("Rows and labels of the last night: delivered, accepted, quarantined.", ("state",)),
    "leeway_champion_age_days": Meaning("Days from the newest event in the champion's training data to the night."),
    "leeway_label_lag_days": Meaning("Days from the newest event with a label to the night."),
    "leeway_approvals_waiting": Meaning("Versions that wait for a person's answer."),
    "leeway_approval_oldest_timestamp_seconds": Meaning("Since when the oldest of them waits, as Unix time."),
    "leeway_decision": Meaning("1 for what the last night decided, 0 for what it did not.", ("action",)),
    "leeway_drift_strain": Meaning("Share of its leeway that the worst column uses; above 1 is an alarm."),
    "leeway_drift_alarms": Meaning("Columns past their leeway."),
    "leeway_performance_strain": Meaning("Share of the leeway that the champion's error or bias uses."),
    "leeway_metric": Meaning("A further metric of the champion on the newest labelled cohort.", ("metric",)),
    "leeway_group_difference": Meaning(
        "The largest difference of a group from all other rows, without its sign.", ("measure", "column")
    ),
    "leeway_groups_past_limit": Meaning("Differences between groups that are surely past their limit."),
    "leeway_interval_coverage": Meaning(
        "Share of the newest labels inside their prediction intervals: value, low, high, promised.", ("bound",)
    ),
    "leeway_interval_past_leeway": Meaning("1 where too few labels are inside their intervals, else 0."),
    "leeway_served_rows": Meaning(
        "Logged rows of the last night by what scoring them again has found: equal, differing, unproven.", ("outcome",)
    ),
    "leeway_output_share": Meaning("Share of the answered rows of the newest window, by output metric.", ("output",)),
    "leeway_output_strain": Meaning("Share of its leeway that an output metric uses; above 1 it moved.", ("output",)),
    "leeway_rollout_guardrail_share": Meaning(
        "Share of the users of each version of a rollout, by guardrail: candidate, champion.", ("output", "version")
    ),
    "leeway_rollout_guardrail_strain": Meaning(
        "Share of the evidence that ends a rollout, that a guardrail is worse than allowed; from 1 on it ends.",
        ("output",),
    ),
    "leeway_people_agreement": Meaning(
        "Share of rows on which a person decides as the model, without its answer in view: value, low, high.",
        ("bound",),
    ),
    "leeway_people_error": Meaning(
        "Error of people and of the model on the same rows, by decider: value, low, high.", ("decider", "bound")
    ),
    "leeway_people_rows": Meaning("Rows that people and the model both decided: hidden, labelled, shown.", ("kind",)),
    "leeway_degree": Meaning("1 for the degree of automation of the last night.", ("degree",)),
    "leeway_degree_fell": Meaning("1 when the degree of automation has fallen and was not raised since, else 0."),
    "leeway_audited_error": Meaning("Error of the audited rows: value, low, high, target.", ("bound",)),
    "leeway_audited_rows": Meaning("Audited rows: drawn, known.", ("kind",)),
    "leeway_people_rows_per_day": Meaning("Rows a day that are left to people, and how many they can.", ("kind",)),
    "leeway_memory_peak_bytes": Meaning("Most resident memory that the night's process has used."),
    "leeway_lake_files": Meaning("Files of a lake table's latest commit.", ("table",)),
    "leeway_lake_bytes": Meaning("Size of a lake table's latest commit.", ("table",)),
    "leeway_home_free_bytes": Meaning("Free space on the disk of LEEWAY_HOME."),
    "leeway_home_size_bytes": Meaning("Size of the disk of LEEWAY_HOME."),
}
"""Every metric: what alerts and the dashboard can use."""


def families(facts: NightFacts) -> list[Metric]:
    """Return the metrics that the facts have a value for, in the order of METRICS, with the label `project`.

    Examples
    --------
    >>> from datetime import UTC
    >>> facts = NightFacts("shop", datetime(2026, 1, 2, tzinfo=UTC), room_seconds={"ingest": 1.5, "score": 0.25})
    >>> print(exposition(families(facts)), end="")
    # HELP leeway_night_attempted_timestamp_seconds When the last attempt at a night began, as Unix time.
    # TYPE leeway_night_attempted_timestamp_seconds gauge
    leeway_night_attempted_timestamp_seconds{project="shop"} 1.767312e+09
    # HELP leeway_night_seconds Wall time of the last night's rooms together.
    # TYPE leeway_night_seconds gauge
    leeway_night_seconds{project="shop"} 1.75
    # HELP leeway_room_seconds Wall time of a room in the last night.
    # TYPE leeway_room_seconds gauge
    leeway_room_seconds{project="shop",room="ingest"} 1.5
    leeway_room_seconds{project="shop",room="score"} 0.25
    """
    from prometheus_client.metrics_core import GaugeMetricFamily

    samples = _samples(facts)
    metrics: list[Metric] = []
    for name, meaning in METRICS.items():
        if name in samples:
            family = GaugeMetricFamily(name, meaning.help, labels=("project", *meaning.labels))
            for labels, value in samples[name].items():
                family.add_metric((facts.project, *labels), value)
            metrics.append(family)
    return metrics


def exposition(metrics: Sequence[Metric]) -> str:
    """Return metrics as Prometheus' text format; label values are escaped."""
    from prometheus_client import generate_latest

    return generate_latest(Metrics(metrics)).decode()


def carried_over(before: str, metrics: Sequence[Metric]) -> list[Metric]:
    """Return metrics, and those of an earlier text that they lack; names that are not in METRICS are dropped.

    Raises
    ------
    ValueError
        The earlier text is not in the format of Prometheus.
    """
    from prometheus_client.parser import text_string_to_metric_families

    by_name = {metric.name: metric for metric in text_string_to_metric_families(before)}
    by_name |= {metric.name: metric for metric in metrics}
    return [by_name[name] for name in METRICS if name in by_name]


@dataclass(frozen=True, slots=True)
class Metrics:
    """A collector, as prometheus_client expects it."""

    metrics: Sequence[Metric]

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        yield from self.metrics


def _samples(facts: NightFacts) -> dict[str, Samples]:
    samples: dict[str, Samples] = {
        f"leeway_{name}": {(): value}
        for name, value in (
            ("night_attempted_timestamp_seconds", _unix(facts.attempted)),
            ("night_finished_timestamp_seconds", _unix(facts.finished)),
            ("night_due_timestamp_seconds", _unix(facts.due)),
            ("champion_age_days", facts.champion_age_days),
            ("label_lag_days", facts.label_lag_days),
            ("drift_strain", facts.drift_strain),
            ("drift_alarms", facts.drift_alarms),
            ("performance_strain", facts.performance_strain),
            ("groups_past_limit", facts.groups_past_limit),
            ("memory_peak_bytes", facts.memory_peak_bytes),
            ("home_free_bytes", facts.home_free_bytes),
            ("home_size_bytes", facts.home_size_bytes),
        )
        if value is not None
    }
    return (
        samples
        | _several(facts)
        | _coverage(facts.coverage)
        | _outputs(facts)
        | _guardrails(facts)
        | _people(facts.people)
        | _audit(facts)
    )


def _several(facts: NightFacts) -> dict[str, Samples]:
    """Return metrics with several values; one that is samples to have none is present and empty."""
    samples: dict[str, Samples] = {}
    if facts.failures is not None:
        samples["leeway_night_failed"] = {(): float(bool(facts.failures))}
        samples["leeway_failures"] = {(error,): count for error, count in sorted(facts.failures.items())}
    if facts.room_seconds is not None:
        samples["leeway_night_seconds"] = {(): sum(facts.room_seconds.values())}
        samples["leeway_room_seconds"] = {(room,): seconds for room, seconds in facts.room_seconds.items()}
    if (rows := facts.rows) is not None:
        states = {"delivered": rows.delivered, "accepted": rows.accepted, "quarantined": rows.quarantined}
        samples["leeway_rows"] = {(state,): count for state, count in states.items()}
    if (since := facts.waiting_since) is not None:
        samples["leeway_approvals_waiting"] = {(): len(since)}
        samples["leeway_approval_oldest_timestamp_seconds"] = {(): min(since).timestamp()} if since else {}
    if facts.action is not None:
        samples["leeway_decision"] = {(action,): float(action == facts.action) for action in get_args(Action)}
    if facts.metrics is not None:
        samples["leeway_metric"] = {(name,): value for name, value in facts.metrics.items()}
    if facts.group_differences is not None:
        samples["leeway_group_difference"] = {(*where,): size for where, size in facts.group_differences.items()}
    if (served := facts.served) is not None:
        found = {"equal": served.rows - served.differing, "differing": served.differing, "unproven": served.unproven}
        samples["leeway_served_rows"] = {(outcome,): count for outcome, count in found.items()}
    if facts.lake is not None:
        samples["leeway_lake_files"] = {(table,): size.files for table, size in facts.lake.items()}
        samples["leeway_lake_bytes"] = {(table,): size.size_bytes for table, size in facts.lake.items()}
    return samples


def _coverage(coverage: Sequence[IntervalCoverage] | None) -> dict[str, Samples]:
    """Return the coverage of intervals; present and empty where a night has none."""
    if coverage is None:
        return {}
    bounds = [{"value": each.value, "low": each.low, "high": each.high, "promised": each.share} for each in coverage]
    return {
        "leeway_interval_coverage": {
            (bound,): value for each in bounds for bound, value in each.items() if value is not None
        },
        "leeway_interval_past_leeway": {(): float(coverage[0].is_past_leeway)} if coverage else {},
    }


def _outputs(facts: NightFacts) -> dict[str, Samples]:
    if facts.outputs is None:
        return {}
    strains = {metric.name: metric.strain for metric in facts.outputs}
    return {
        "leeway_output_share": {(metric.name,): metric.value for metric in facts.outputs},
        "leeway_output_strain": {(name,): strain for name, strain in strains.items() if strain is not None},
    }


def _guardrails(facts: NightFacts) -> dict[str, Samples]:
    """Return the guardrails of a rollout; present and empty where none is under way."""
    if facts.guarded is None:
        return {}
    known = [each for each in facts.guarded if each.users and each.champion_users]
    shares = {"candidate": [each.value for each in known], "champion": [each.champion_value for each in known]}
    level = facts.guardrail_level
    return {
        "leeway_rollout_guardrail_share": {
            (each.name, version): value
            for version, values in shares.items()
            for each, value in zip(known, values, strict=True)
        },
        "leeway_rollout_guardrail_strain": {
            (each.name,): max(0.0, each.evidence / level) for each in known if level is not None
        },
    }


def _people(comparison: PersonComparison | None) -> dict[str, Samples]:
    """Return how people decide next to the model; without decisions there is nothing to show."""
    if comparison is None:
        return {}
    hidden = comparison.hidden
    errors = {"person": hidden.person_error, "model": hidden.model_error}
    counts = {"hidden": hidden.rows, "labelled": hidden.labelled, "shown": comparison.shown_rows}
    return {
        "leeway_people_agreement": {(bound,): value for bound, value in _bounds(hidden.agreement)},
        "leeway_people_error": {
            (decider, bound): value for decider, error in errors.items() for bound, value in _bounds(error)
        },
        "leeway_people_rows": {(kind,): count for kind, count in counts.items()},
    }


def _audit(facts: NightFacts) -> dict[str, Samples]:
    audit = facts.audit
    if audit is None:
        return {}
    target = [] if audit.target is None else [("target", audit.target)]
    days = {"left": audit.people_a_day, "can": audit.people_per_day}
    return {
        "leeway_degree": {(audit.degree,): 1.0},
        "leeway_degree_fell": {(): float(facts.degree_fell)},
        "leeway_audited_error": {(bound,): value for bound, value in [*_bounds(audit.error), *target]},
        "leeway_audited_rows": {("drawn",): audit.drawn, ("known",): audit.known},
        "leeway_people_rows_per_day": {(kind,): rows for kind, rows in days.items() if rows is not None},
    }


def _bounds(mean: SureMean | None) -> Sequence[tuple[str, float]]:
    return [] if mean is None else [("value", mean.value), ("low", mean.low), ("high", mean.high)]


def _unix(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
