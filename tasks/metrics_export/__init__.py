"""Metrics export: what a night did and the state after it, in the format that Prometheus reads.

In: the facts of a night. Out: `<home>/metrics/<project>.prom` for the node exporter's textfile collector, and the same
sent to a push gateway when LEEWAY_PUSHGATEWAY names one. Labels are names of projects, rooms, tables, actions and error
types; no label has a value from the data.
"""

from tasks.metrics_export.night_facts import (
    NightFacts,
    RowCounts,
    RunTiming,
    TableSize,
    due_after,
    failed_night,
    ingested_night,
    night_facts,
)
from tasks.metrics_export.prometheus_text import METRICS, carried_over, exposition, families

__all__ = [
    "METRICS",
    "NightFacts",
    "RowCounts",
    "RunTiming",
    "TableSize",
    "carried_over",
    "due_after",
    "exposition",
    "failed_night",
    "families",
    "ingested_night",
    "night_facts",
]
