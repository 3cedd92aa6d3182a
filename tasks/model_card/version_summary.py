"""The short facts of a version that its page and the list of versions show: tags, parameters, metrics."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tasks.registry import Basis
from tasks.registry import mlflow_names as names
from tasks.render.values import number
from tasks.spec.project_spec import ProjectSpec

NUMBERS = (
    *("rows", "challenger_loss", "challenger_low", "challenger_high", "challenger_bias"),
    *("champion_loss", "champion_bias", "baseline_loss", "difference", "difference_low", "difference_high"),
    *("latency_ms", "size_mb"),
)
"""The numbers of the evidence that are charted over versions."""


@dataclass(frozen=True, slots=True)
class Request:
    """Why and how a challenger was trained.

    Attributes
    ----------
    decision, reason, kind : str
        The decision to train it, its reason, and the kind of drift.
    trained_from, trained_until : date
        Event dates, inclusive.
    champion : int, optional
        The version it was compared with, and would replace.
    decision_link : str
        Address of the page about the decision.
    basis : Basis
        What the training rests on; it is signed with the version's files.
    """

    spec: ProjectSpec
    decision: str
    reason: str
    kind: str
    recipe: str
    trained_from: date
    trained_until: date
    champion: int | None = None
    decision_link: str = ""
    basis: Basis = field(default_factory=Basis)


@dataclass(frozen=True, slots=True)
class Details:
    """Further facts for an approver; each part may be missing.

    Attributes
    ----------
    analysis : mapping
        As the version's analysis.json: `errors`, `learning_curve`, `labels`, `selection`.
    facts : mapping of str to str
        The model's `format`, `estimator` and `size_mb`, in words.
    deferral : mapping
        The rule in the model's schema: the rows it defers to people, and the error it promises for the others.
    links : mapping of str to str
        Addresses in the MLflow UI: of the `decision`, and of the version's `plots`.
    interval : mapping
        How far intervals reach, in the model's schema; empty without any.
    """

    analysis: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    deferral: Mapping[str, Any] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    interval: Mapping[str, Any] = field(default_factory=dict)


def tags(evidence: Mapping[str, Any], request: Request) -> dict[str, str]:
    """Return the tags of the version's page."""
    loss, champion = number(evidence.get("challenger_loss")), evidence.get("champion_loss")
    return {
        names.VERDICT: str(evidence.get("verdict", "unknown")),
        names.DECISION: request.decision,
        names.KIND: request.kind,
        names.RECIPE: request.recipe,
        names.LOSS: loss if champion is None else f"{loss} (champion {number(champion)})",
        names.COMPARED_WITH: "none" if request.champion is None else str(request.champion),
    }


def params(request: Request) -> dict[str, str]:
    """Return the parameters of the version's run."""
    return {
        "decision": request.decision,
        "kind": request.kind,
        "recipe": request.recipe,
        "trained_from": request.trained_from.isoformat(),
        "trained_until": request.trained_until.isoformat(),
    }


def metrics(evidence: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers that the evidence has.

    >>> metrics({"challenger_loss": 0.13, "champion_loss": None, "verdict": "first"})
    {'challenger_loss': 0.13}
    """
    measured = {name: float(evidence[name]) for name in NUMBERS if _is_number(evidence.get(name))}
    for found in evidence.get("metrics") or []:
        mine = found["challenger"]
        pairs = {f"metric.{mine['name']}": mine["value"], f"metric.{mine['name']}_champion": found["champion"]}
        measured |= {name: float(value) for name, value in pairs.items() if _is_number(value)}
    return measured


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
