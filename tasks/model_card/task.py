"""Registers a challenger: the files of the version, its card, and the alias `challenger`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tasks.logs import line, logger
from tasks.model_card.card import model_card
from tasks.model_card.plots import plots
from tasks.model_card.signature import SIGNATURE_FILE, signature_text
from tasks.model_card.version_summary import Details, Request, metrics, params, tags
from tasks.prefect_task import leeway_task
from tasks.registry import Draft, Input, Registry, Version
from tasks.registry.mlflow_names import BARRED, CHALLENGER, PROMOTED

PLOTS = "plots.html"


@dataclass(frozen=True)
class Package:
    """The files of a version: the portable model, its reference profile, the evidence, and how to reproduce it.

    Attributes
    ----------
    model : mapping of str to bytes
        The model's own files and its schema.
    training : mapping
        The recipe, the dates, the importances and the lake's commits.
    analysis : mapping
        Where the errors of the model are, and whether more rows would help.
    answers, slices : bytes, optional
        What its predictions meant on the hold-out, and its error there by slice.
    facts : mapping of str to str
        The kind of model.
    inputs : tuple of Input
        The tables it was trained on, for MLflow's page.
    """

    model: Mapping[str, bytes]
    reference: bytes
    evidence: Mapping[str, Any]
    training: Mapping[str, Any]
    leaderboard: Sequence[Mapping[str, Any]]
    analysis: Mapping[str, Any]
    answers: bytes | None = None
    slices: bytes | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[Input, ...] = ()

    @property
    def schema(self) -> dict[str, Any]:
        """The model's schema, from its file."""
        content: dict[str, Any] = json.loads(self.model["schema.json"])
        return content

    def files(self, title: str = "model") -> dict[str, bytes]:
        """Return the files by name; `title` is the title of the page of plots."""
        optional = {"answers.json": self.answers, "slices.json": self.slices}
        return {
            **{name: content for name, content in optional.items() if content is not None},
            **self.model,
            SIGNATURE_FILE: signature_text(self.schema).encode(),
            PLOTS: plots(title, self.analysis, self.training.get("importances") or {}).encode(),
            "reference.bin": self.reference,
            "evidence.json": _json(self.evidence),
            "training.json": _json(self.training),
            "leaderboard.json": _json(self.leaderboard),
            "analysis.json": _json(self.analysis),
        }


def put_up(registry: Registry, request: Request, package: Package) -> Version:
    """Add the version once for its decision; the alias `challenger` points at it until it is answered."""
    project = request.spec.project
    registry.ensure(project, request.spec.scope.objective)
    links = {"decision": request.decision_link} if request.decision_link else {}
    deferral, interval = (package.schema.get(name) or {} for name in ("deferral", "interval"))
    details = Details(package.analysis, package.facts, deferral, links, interval)
    draft = Draft(
        key=request.decision,
        files=package.files(f"{project}, trained for {request.decision}"),
        description=model_card(package.evidence, request, details),
        tags=tags(package.evidence, request),
        params=params(request) | _made_with(package.training),
        metrics=metrics(package.evidence),
        inputs=package.inputs,
        basis=request.basis,
    )
    version = registry.add_version(project, draft)
    if version.description == draft.description:  # the address of the plots is known only now
        linked = replace(details, links={**links, "plots": registry.file_link(version, PLOTS)})
        registry.set_description(project, version.number, model_card(package.evidence, request, linked))
    if not {PROMOTED, BARRED} & set(version.tags):  # a second call after the answer asks no one again
        registry.set_alias(project, CHALLENGER, version.number)
    logger().info(line("challenger_registered", version=version.number))
    return version


put_up_task = leeway_task("register")(put_up)


def _made_with(training: Mapping[str, Any]) -> dict[str, str]:
    """Return the code that a version was trained with, for the page of its run."""
    code = training.get("code") or {}
    recorded = {name: code.get(name) for name in ("leeway", "commit", "lock_sha256", "python")}
    return {f"code.{name}": str(value) for name, value in recorded.items() if value}


def _json(content: Any) -> bytes:
    return json.dumps(content, indent=1, sort_keys=True).encode() + b"\n"
