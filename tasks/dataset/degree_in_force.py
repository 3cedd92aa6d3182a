"""The degree of automation in force: what the spec allows, after the evidence of nights and the word of people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import cast

from tasks.inference.automation_degree import Degree, lower_degree
from tasks.records import DegreeEntry, Entry, NightEntry
from tasks.spec import ProjectSpec
from tasks.spec.spec_sections.answer_sections import Automation


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


def fallen_in(entries: Sequence[Entry]) -> NightEntry | None:
    """Return the night on which the degree fell, if no person has raised it since.

    Parameters
    ----------
    entries : sequence of Entry
        The decision record, oldest first.
    """
    fell: NightEntry | None = None
    for entry in entries:
        if isinstance(entry, DegreeEntry):
            fell = None
        elif isinstance(entry, NightEntry) and entry.audit is not None and entry.audit.falls_to:
            fell = entry
    return fell


def degree_since(entries: Sequence[Entry], automation: Automation) -> date | None:
    """Return the last day on which another degree, or other shares, were in force; None where the record has none.

    Which rows people decided without the answer is drawn by the shares of their day: under other shares people may have
    seen what the model proposed of the same rows.

    Parameters
    ----------
    entries : sequence of Entry
        The decision record, oldest first.
    automation : Automation
        With the degree that is in force now, and today's `blind_share` and `audit_share`.
    """
    days = [entry.night for entry in entries if isinstance(entry, DegreeEntry)]
    days += [entry.night for entry in entries if isinstance(entry, NightEntry) and _ended(entry, automation)]
    return max(days, default=None)


def _ended(night: NightEntry, now: Automation) -> bool:
    """Return whether rows up to a night were decided otherwise than they are now."""
    if night.audit is None:  # of a version in service: nothing was asked of people, so no row was drawn
        return night.champion is not None and bool(now.blind_share or now.audit_share)
    terms = now.degree, now.blind_share, now.audit_share
    return bool(night.audit.falls_to) or not night.audit.has_terms_of(*terms)


def spec_in_force(spec: ProjectSpec, entries: Sequence[Entry]) -> ProjectSpec:
    """Return a spec with the degree of automation that is in force."""
    return limited(spec, degree_in_force(entries, spec.automation.degree))


def limited(spec: ProjectSpec, highest: Degree) -> ProjectSpec:
    """Return a spec with a degree of automation of at most the highest."""
    degree = lower_degree(spec.automation.degree, highest)
    if degree == spec.automation.degree:
        return spec
    return spec.model_copy(update={"automation": spec.automation.model_copy(update={"degree": degree})})
