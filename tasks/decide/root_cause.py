"""Where drift began and which projects it affects: projects upstream, this project's own steps, projects downstream."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.decide.situation import Situation
from tasks.records import Action, UpstreamState, WhereFirst
from tasks.spec.project_spec import ProjectSpec

ALARMING: frozenset[Action] = frozenset({"hold", "quarantine", "retrain", "ask"})


def with_root_cause(action: Action, reason: str, seen: Situation) -> str:
    """Return the reason of a night with the step at which drift began, and the projects that it affects.

    A project upstream with trouble is named on a quiet night too; on a night with an alarm it is where to look first.

    Examples
    --------
    >>> from datetime import date
    >>> seen = Situation("p", date(2026, 1, 2), first_step="rows as delivered (area)", downstream=("offers",))
    >>> with_root_cause("hold", "area moved", seen)
    'area moved; first in rows as delivered (area); downstream: offers'
    >>> with_root_cause("score", "within leeway", seen)
    'within leeway'
    """
    return "; ".join([reason, *_origins(action, seen)])


def _origins(action: Action, seen: Situation) -> Iterator[str]:
    troubled = [project for project in seen.upstream if project.troubled]
    alarming = action in ALARMING
    if troubled:
        yield f"{'first' if alarming else 'but'} upstream: {', '.join(project.sentence for project in troubled)}"
    elif alarming and action != "quarantine" and seen.first_step:  # the quarantined files are named already
        yield f"first in {seen.first_step}"
    if alarming and seen.downstream:
        yield f"downstream: {', '.join(seen.downstream)}"


def where_first(seen: Situation, _spec: ProjectSpec) -> WhereFirst | None:
    """Return where drift began; None where there is none, and no project up- or downstream."""
    troubled = [project for project in seen.upstream if project.troubled]
    if not (troubled or seen.first_step or seen.upstream or seen.downstream):
        return None
    answer = seen.first_step or "nowhere"
    if troubled:
        answer = f"upstream: {', '.join(project.sentence for project in troubled)}"
    return WhereFirst(answer, first_step=seen.first_step, upstream=seen.upstream, downstream=seen.downstream)


def untrusted(seen: Situation) -> tuple[str, ...]:
    """Return the projects upstream with a newest night that quarantined or asked, or with an open suspicion."""
    doubtful = {"quarantine", "ask"}
    return tuple(state.project for state in seen.upstream if state.action in doubtful or state.suspected)


def doubted(seen: Situation) -> tuple[UpstreamState, ...]:
    """Return the models upstream with answers that may have been wrong for rows by which the champion is judged.

    Examples
    --------
    >>> from datetime import date
    >>> ranker = UpstreamState("ranker", "model", doubted_until=date(2026, 1, 2))
    >>> [state.project for state in doubted(Situation("p", date(2026, 1, 9), upstream=(ranker,)))]
    ['ranker']
    """
    since = seen.performance.start if seen.performance else None
    return tuple(
        state
        for state in seen.upstream
        if state.doubted_until is not None and (since is None or state.doubted_until >= since)
    )
