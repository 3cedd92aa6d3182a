"""The degree of automation in force: what the spec allows, after the evidence of nights and the word of people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import cast

from tasks.inference.automation_degree import Degree, lower_degree
from tasks.records import DegreeEntry, Entry, NightEntry
from tasks.spec import ProjectSpec


def degree_in_force(entries: Sequence[Entry], allowed: Degree) -> Degree:
    """Return the degree of automation: that of the spec, or the lower one that it has fallen to.

    Parameters
    ----------
    entries : sequence of Entry
        The decision record, oldest first.
    allowed : str
        `automation.degree` of the spec, above which no degree is ever.
    """
    highest: Degree = "full"
    for entry in entries:
        if isinstance(entry, DegreeEntry):
            highest = entry.action
        elif isinstance(entry, NightEntry) and entry.audit is not None and entry.audit.falls_to:
            highest = lower_degree(highest, cast("Degree", entry.audit.falls_to))
    return lower_degree(highest, allowed)


def degree_since(entries: Sequence[Entry], degree: Degree) -> date | None:
    """Return the last day on which another degree was in force; None where the record has none."""
    days = [entry.night for entry in entries if isinstance(entry, DegreeEntry)]
    audits = [(entry.night, entry.audit) for entry in entries if isinstance(entry, NightEntry)]
    days += [day for day, audit in audits if audit is not None and (audit.degree != degree or audit.falls_to)]
    return max(days, default=None)


def spec_in_force(spec: ProjectSpec, entries: Sequence[Entry]) -> ProjectSpec:
    """Return a spec with the degree of automation that is in force."""
    degree = degree_in_force(entries, spec.automation.degree)
    if degree == spec.automation.degree:
        return spec
    return spec.model_copy(update={"automation": spec.automation.model_copy(update={"degree": degree})})
