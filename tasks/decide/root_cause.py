"""Where a movement came from and where it goes to: projects upstream, this one's own steps, projects downstream."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.decide.situation import Situation
from tasks.records import Action, WhereFirst
from tasks.spec.project_spec import ProjectSpec

ALARMING: frozenset[Action] = frozenset({"hold", "quarantine", "retrain", "ask"})


def told(action: Action, reason: str, seen: Situation) -> str:
    """Return a night's reason with where it began, and whom it concerns.

    A project upstream that is in trouble is named on a quiet night too; where there is an alarm, it is where to look
    first.

    Examples
    --------
    >>> from datetime import date
    >>> seen = Situation("p", date(2026, 1, 2), first_step="rows as delivered (area)", downstream=("offers",))
    >>> told("hold", "area moved", seen)
    'area moved; first in rows as delivered (area); downstream: offers'
    >>> told("score", "within leeway", seen)
    'within leeway'
    """
    return "; ".join([reason, *_beside(action, seen)])


def _beside(action: Action, seen: Situation) -> Iterator[str]:
    troubled = [each for each in seen.upstream if each.troubled]
    alarming = action in ALARMING
    if troubled:
        yield f"{'first' if alarming else 'but'} upstream: {', '.join(each.sentence for each in troubled)}"
    elif alarming and action != "quarantine" and seen.first_step:  # what is set aside is named, and is not what moved
        yield f"first in {seen.first_step}"
    if alarming and seen.downstream:
        yield f"downstream: {', '.join(seen.downstream)}"


def where_first(seen: Situation, _spec: ProjectSpec) -> WhereFirst | None:
    """Tell where something moved first; None where nothing did and there are no projects up- or downstream."""
    troubled = [project for project in seen.upstream if project.troubled]
    if not (troubled or seen.first_step or seen.upstream or seen.downstream):
        return None
    said = seen.first_step or "nowhere"
    if troubled:
        said = f"upstream: {', '.join(project.sentence for project in troubled)}"
    return WhereFirst(said, first_step=seen.first_step, upstream=seen.upstream, downstream=seen.downstream)


def untrusted(seen: Situation) -> tuple[str, ...]:
    """Return the projects upstream whose newest night set something aside or asked a person: not to be learned from."""
    return tuple(each.project for each in seen.upstream if each.action in {"quarantine", "ask"})
