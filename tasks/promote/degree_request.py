"""A person's request in MLflow to raise the degree of automation: read from tags of a version, and checked.

The rules are those of an approval: a server with accounts must name a person who may approve, and never Leeway itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.dataset.degree_in_force import degree_in_force
from tasks.errors import nearest
from tasks.inference.automation_degree import DEGREES, lower_degree
from tasks.promote.rules import unattributed
from tasks.records import Entry
from tasks.registry.mlflow_names import RAISE_DEGREE, RAISE_REASON, RAISED_BY
from tasks.spec.project_spec import ProjectSpec

TAGS = (RAISE_DEGREE, RAISED_BY, RAISE_REASON)


@dataclass(frozen=True, slots=True)
class DegreeRequest:
    """A request to raise the degree on the page of a version; `tags` are its tags as they were written."""

    version: int
    asked: str
    by: str
    reason: str
    tags: tuple[str, ...]


def degree_request(version: int, tags: Mapping[str, str]) -> DegreeRequest | None:
    """Return the request on the page of a version; case and outer spaces of names and values are ignored.

    >>> degree_request(3, {" Degree.Raise": "Partial ", "degree.by": "ann", "approval": "approved"})
    DegreeRequest(version=3, asked='partial', by='ann', reason='', tags=(' Degree.Raise', 'degree.by'))
    >>> degree_request(3, {"degree.by": "ann"}) is None
    True
    """
    written = {name: name.strip().casefold() for name in tags if name.strip().casefold() in TAGS}
    said = {known: tags[name].strip() for name, known in written.items()}
    asked = said.get(RAISE_DEGREE, "").casefold()
    if not asked:
        return None
    return DegreeRequest(version, asked, said.get(RAISED_BY, ""), said.get(RAISE_REASON, ""), tuple(written))


def degree_refusals(
    request: DegreeRequest, champion: int | None, account: str | None, entries: Sequence[Entry], spec: ProjectSpec
) -> list[str]:
    """Return why a request is not followed; empty if it is.

    Parameters
    ----------
    champion : int or None
        The recorded champion, of which the page has the evidence.
    account : str or None
        Leeway's own account; None if MLflow has no authentication, and thus no accounts.
    entries : sequence of Entry
        The decision record, oldest first.
    """
    reasons = unattributed(request.by, account, spec, tag=RAISED_BY)
    if request.version != champion:
        reasons.append(f"the champion is version {champion}, and its page has the evidence: set the tag there")
    return [*reasons, *not_raised(request.asked, entries, spec)]


def not_raised(asked: str, entries: Sequence[Entry], spec: ProjectSpec) -> list[str]:
    """Return why the degree of automation cannot be raised to this one; empty if it can."""
    if asked not in DEGREES:
        known = ", ".join(DEGREES)
        return [f"{asked[:80]!r} is no degree of automation; expected one of {known}{nearest(asked, list(DEGREES))}"]
    wanted, allowed = asked, spec.automation.degree
    now = degree_in_force(entries, allowed)
    if lower_degree(wanted, now) == wanted or lower_degree(wanted, allowed) != wanted:
        text = f"{wanted} cannot be raised to: {now} is in force, and automation.degree of the spec allows {allowed}"
        return [f"{text}; a degree above that is set in project.yaml"]
    return []
