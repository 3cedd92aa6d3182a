"""Incidents: a project's own deliveries in; the same deliveries with something gone wrong in them, and the truth, out.

What a monitor is worth is seen on what is known to have happened: each incident says which verdict is right.
"""

from tasks.fault_scenarios.catalogue import INCIDENTS, Incident
from tasks.fault_scenarios.staged_history import KEY, NIGHT, Stage

__all__ = ["INCIDENTS", "KEY", "NIGHT", "Incident", "Stage"]
