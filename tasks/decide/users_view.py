"""The questions what users see of the answers, and how people decide next to the model."""

from __future__ import annotations

from tasks.decide.situation import Situation
from tasks.records import DecidedByPeople, HeldDegree, Outputs
from tasks.spec.project_spec import ProjectSpec


def outputs(seen: Situation, _spec: ProjectSpec) -> Outputs | None:
    """Return what users see of the answers; None where the spec has no feedback, or nothing was answered."""
    if not (seen.outputs or seen.guarded):
        return None
    past = [metric for metric in seen.outputs if metric.past_leeway]
    parts = ["; ".join(metric.sentence for metric in (past or seen.outputs)), *(one.sentence for one in seen.guarded)]
    shown = "; ".join(filter(None, parts))
    return Outputs(f"{'moved' if past else 'as before'}: {shown}", metrics=seen.outputs, guarded=seen.guarded)


def people(seen: Situation, _spec: ProjectSpec) -> DecidedByPeople | None:
    """Return how people decide next to the model; None where no decision of a person is known."""
    return None if seen.people is None else DecidedByPeople(seen.people.sentence, comparison=seen.people)


def held_degree(seen: Situation, _spec: ProjectSpec) -> HeldDegree | None:
    """Return whether the degree of automation holds; None where the spec has nothing that people decide."""
    return None if seen.audit is None else HeldDegree(seen.audit.sentence, audit=seen.audit)


def fallen(seen: Situation) -> list[str]:
    """Return that the degree of automation falls, and how a person raises it again; nothing if it holds."""
    if seen.audit is None or not seen.audit.falls_to:
        return []
    how = f"`leeway degree {seen.project}` shows the evidence and raises it, as does a tag in MLflow"
    return [f"the degree of automation falls: {seen.audit.sentence}; {how}"]


def moved_outputs(seen: Situation) -> list[str]:
    """Return the output metrics that are past their leeway, in words."""
    return [metric.sentence for metric in seen.outputs if metric.past_leeway]
