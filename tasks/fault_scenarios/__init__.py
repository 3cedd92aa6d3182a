"""Fault scenarios: a project's own deliveries in, the same deliveries with a known fault out.

A monitor is tested on faults that are known: each incident names the verdicts that are right.
"""

from tasks.fault_scenarios.catalogue import INCIDENTS, Incident
from tasks.fault_scenarios.staged_history import KEY, NIGHT, Stage

__all__ = ["INCIDENTS", "KEY", "NIGHT", "Incident", "Stage"]
