"""The rim of register: everything a version must hold, sealed, described, and put up as challenger."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.logs import line, logger
from tasks.register.card import model_card
from tasks.register.facts import Request, metrics, params, tags
from tasks.registry import Draft, Registry, Version
from tasks.registry.names import BARRED, CHALLENGER, PROMOTED
from tasks.rim import room


@dataclass(frozen=True)
class Package:
    """The files of a version: the portable model, what it learned from, the proof, and how to make it again.

    `model` has its own files and the schema; `training` names the recipe, the dates, the importances and the lake's
    commits; `analysis` says where the model is wrong and whether more rows would help; `answers`
    what its answers meant on the hold-out.
    """

    model: Mapping[str, bytes]
    reference: bytes
    evidence: Mapping[str, Any]
    training: Mapping[str, Any]
    leaderboard: Sequence[Mapping[str, Any]]
    analysis: Mapping[str, Any]
    answers: bytes | None = None

    def files(self) -> dict[str, bytes]:
        """Return the files by name."""
        answers = {} if self.answers is None else {"answers.json": self.answers}
        return {
            **answers,
            **self.model,
            "reference.bin": self.reference,
            "evidence.json": _json(self.evidence),
            "training.json": _json(self.training),
            "leaderboard.json": _json(self.leaderboard),
            "analysis.json": _json(self.analysis),
        }


@room("register")
def put_up(registry: Registry, request: Request, package: Package) -> Version:
    """Add the version once for its decision, and point the alias `challenger` at it until it is answered."""
    project = request.spec.project
    registry.ensure(project, request.spec.scope.objective)
    draft = Draft(
        key=request.decision,
        files=package.files(),
        description=model_card(package.evidence, request),
        tags=tags(package.evidence, request),
        params=params(request),
        metrics=metrics(package.evidence),
    )
    version = registry.add_version(project, draft)
    if not {PROMOTED, BARRED} & set(version.tags):  # called again after it was answered, it asks nobody again
        registry.set_alias(project, CHALLENGER, version.number)
    logger().info(line("challenger_registered", version=version.number))
    return version


def _json(content: Any) -> bytes:
    return json.dumps(content, indent=1, sort_keys=True).encode() + b"\n"
