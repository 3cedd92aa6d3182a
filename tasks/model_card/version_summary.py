"""The short facts of a version: what its page and the list of versions show beside the card."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tasks.registry import mlflow_names as names
from tasks.render.values import number
from tasks.spec.project_spec import ProjectSpec

NUMBERS = (
    *("rows", "challenger_loss", "challenger_low", "challenger_high", "challenger_bias"),
    *("champion_loss", "champion_bias", "baseline_loss", "difference", "difference_low", "difference_high"),
    *("latency_ms", "size_mb"),
)
"""What of the evidence is a number worth charting over versions."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a challenger was made for: the decision behind it, how it was trained, and whom it would replace.

    `trained_from` and `trained_until` are event dates, inclusive; `champion` is the version it was compared with;
    `decision_link` is the address of the page that tells of the decision.
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


@dataclass(frozen=True, slots=True)
class Details:
    """What else an approver may want to know; each part may be missing.

    Attributes
    ----------
    analysis : mapping
        As the version's analysis.json: `errors`, `learning_curve`, `labels`, `selection`.
    facts : mapping of str to str
        The model's `format`, `estimator` and `size_mb`, in words.
    deferral : mapping
        As the model's schema has it: what it passes to people, and what it promises of the rest.
    links : mapping of str to str
        Addresses in the MLflow UI: of the `decision`, and of the version's `plots`.
    """

    analysis: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    deferral: Mapping[str, Any] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


def tags(evidence: Mapping[str, Any], request: Request) -> dict[str, str]:
    """Return the tags of the version's page: few, short, in words."""
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
    """Return the numbers of the evidence, those that are there.

    >>> metrics({"challenger_loss": 0.13, "champion_loss": None, "verdict": "first"})
    {'challenger_loss': 0.13}
    """
    return {name: float(evidence[name]) for name in NUMBERS if _is_number(evidence.get(name))}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
