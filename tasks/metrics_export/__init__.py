"""Gauges: what a night did and what state it left, in the format Prometheus reads.

In: the facts of a night. Out: `<home>/metrics/<project>.prom` for the node exporter's textfile collector, and the same
sent to a push gateway when LEEWAY_PUSHGATEWAY names one. Labels are names of projects, rooms, tables, actions and error
types; no value of anybody's data is among them.
"""

from tasks.metrics_export.night_facts import (
    NightFacts,
    RowCounts,
    RunTiming,
    TableSize,
    due_after,
    failed_night,
    night_facts,
    taken_in,
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
    "night_facts",
    "taken_in",
]
