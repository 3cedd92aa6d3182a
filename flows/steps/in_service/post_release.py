"""After a training: the waiting version answers in shadow mode, and the champion's first cohort is measured."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

from flows.loaded_version import Champion
from flows.steps.executor import executor
from flows.workspace import Workspace
from tasks import clock
from tasks.dataset.feature_assembly import assembled_features
from tasks.dataset.night_data import NightData
from tasks.dataset.night_source import NightSource
from tasks.decide import ReleaseOutcome, ShadowOutcome, Situation
from tasks.evaluate import compare_in_service, first_cohort
from tasks.evaluate.task import realised_losses
from tasks.logs import line, logger
from tasks.records import NightEntry, Recovered, nights_of
from tasks.registry.mlflow_names import CHALLENGER, DEGREE, PEOPLE, PREVIOUS, SHADOW
from tasks.score.task import Scorer
from tasks.spec.champion_inputs import read_by

SEEN_TO = {"ask", "retrain"}  # actions of a night that show a release that did worse to a person
LONGEST = 200


def shadow_scored(workspace: Workspace, champion: Champion, data: NightData) -> str:
    """Let the version that waits for approval answer what it has not answered yet, in shadow mode.

    Its answers are not served, and an error of it does not fail the night.

    Returns
    -------
    str
        Why it could not answer; empty where it did, where none waits, or where the spec does not ask for it.
    """
    number = _waiting(champion, data)
    if number is None:
        return ""
    try:
        waiting = workspace.load(number, data.entries)
        spec = read_by(workspace.spec, waiting.model.schema)
        features = partial(assembled_features, spec=spec, lake=workspace.lake, folder=workspace.folder)
        with executor(workspace.spec.compute) as spread:
            scorer = Scorer(
                workspace.lake, workspace.project, waiting.model, number, features, clock.now(), spread=spread
            )
            rows = scorer.write(scorer.unanswered(data.deliveries.accepted(after=waiting.trained_until)), "shadow")
    except Exception as error:  # noqa: BLE001 - no error of a shadow fails the champion's night
        why = f"{type(error).__name__}: {' '.join(str(error).split())}"[:LONGEST]
        logger().warning(line("shadow_not_scored", version=number, why=why))
        return why
    logger().info(line("shadow_scored", rows=rows, version=number))
    return ""


def shadowed(
    champion: Champion, data: NightSource, load: Callable[[int], Champion], fault: str = ""
) -> ShadowOutcome | None:
    """Return how the version that waits compares with the champion, on rows with labels that have matured by a night.

    Parameters
    ----------
    load : callable
        From the number of a version to the version.
    fault : str
        Why it could not answer this night, as `shadow_scored` gave it.
    """
    number = _waiting(champion, data)
    if number is None:
        return None
    if fault:
        return ShadowOutcome(number, f"it could not answer ({fault})", failed=True)
    try:
        waiting = load(number)
        outcome = compare_in_service(
            realised_losses(data, waiting.answering), realised_losses(data, champion.answering), data.spec
        )
    except Exception as error:  # noqa: BLE001 - a night of the champion goes on without the judgement of its shadow
        why = f"{type(error).__name__}: {' '.join(str(error).split())}"[:LONGEST]
        logger().warning(line("shadow_not_judged", version=number, why=why))
        return ShadowOutcome(number, f"its answers could not be judged ({why})", failed=True)
    if outcome is None:
        return ShadowOutcome(number, "no row that both versions answered has matured yet")
    return ShadowOutcome(number, outcome.sentence, numbers=asdict(outcome))


def show_shadow(workspace: Workspace, outcome: ShadowOutcome | None) -> None:
    """Show on the page of the waiting version how it compares."""
    if outcome is not None:
        workspace.registry.set_tag(workspace.project, outcome.version, SHADOW, outcome.sentence)


def show_people(workspace: Workspace, facts: Situation) -> None:
    """Show on the page of the champion how people decide next to it, and whether its degree of automation holds."""
    for tag, shown in ((PEOPLE, facts.people), (DEGREE, facts.audit)):
        if shown is not None and facts.champion is not None:
            workspace.registry.set_tag(workspace.project, facts.champion, tag, shown.sentence)


def released(champion: Champion, data: NightSource) -> ReleaseOutcome | None:
    """Return the outcome of the champion's first matured cohort; None once an earlier night has reported it."""
    if any(_judged(night, champion.number) for night in nights_of(data.entries) if night.night < data.night):
        return None
    own = None if champion.promise.evidence is None else champion.promise.evidence.loss
    outcome = first_cohort(realised_losses(data, champion.answering), champion.promised, data.spec, own)
    numbers = {name: getattr(outcome, name) for name in ("loss", "low", "high", "promised_low", "promised_high")}
    finite = {name: round(value, 6) for name, value in numbers.items() if math.isfinite(value)}
    return ReleaseOutcome(
        version=champion.number,
        verdict=outcome.verdict,
        sentence=outcome.sentence,
        back_to=data.aliases.get(PREVIOUS),
        numbers={"rows": outcome.rows, **finite},
    )


def _judged(night: NightEntry, version: int) -> bool:
    """Return whether a night judged a version's first cohort; where it did worse, a person must have seen that."""
    recovered = night.answer(Recovered)
    if recovered is None or recovered.version != version:
        return False
    return recovered.verdict != "too_early" and (recovered.verdict != "worse" or night.action in SEEN_TO)


def _waiting(champion: Champion, data: NightSource) -> int | None:
    """Return the version that answers in shadow mode, if the spec asks for one and one waits."""
    if not data.spec.scoring.shadow:
        return None
    number = data.aliases.get(CHALLENGER)
    return None if number == champion.number else number
