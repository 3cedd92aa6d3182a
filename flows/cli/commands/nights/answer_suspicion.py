"""`leeway answer`: say whether what looks broken is a fault of the source, or drift."""

from __future__ import annotations

from collections.abc import Sequence

from flows.cli.commands.project_data.release_batch import release_batch
from flows.cli.console import screen
from flows.cli.session import lake_of
from flows.steps.actor import person
from tasks import clock
from tasks.decide.suspicion_states import quarantined_suspicions
from tasks.errors import DataError
from tasks.lake import Lake, append_entry, latest, read_entries
from tasks.records import AnswerEntry, FaultAnswer, SuspicionState, suspected_in
from tasks.render.safe_text import terminal
from tasks.render.values import counted
from tasks.spec import ProjectSpec


def answer_suspicion(project: str, column: str, answer: FaultAnswer, reason: str) -> None:
    """Record the answer to an open suspicion; drift also releases the deliveries that were quarantined for it."""
    spec, lake = lake_of(project)
    state = _open_state(spec, suspected_in(read_entries(lake, spec.project)), column)
    night, moment = clock.tonight(spec.schedule.time_zone), clock.now()
    entry = AnswerEntry.to(state.name, answer, night, moment, person(), reason)
    append_entry(lake, spec.project, entry)
    screen().print(terminal(f"{state.sentence}: {_consequence(spec, lake, state, answer, reason)}"))


def _consequence(spec: ProjectSpec, lake: Lake, state: SuspicionState, answer: FaultAnswer, reason: str) -> str:
    if answer == "fault" and set(state.columns) - {spec.source.label.column}:
        return "a fault; deliveries are quarantined until the values are as before, and no model learns from them"
    if answer == "fault":
        learned = "" if not state.of_values else ", and no model learns from its rows"
        return f"a fault; it lasts until a delivery without it has come{learned}"
    kept = [batch for batch in latest(lake, spec.project) if batch.night >= state.asked]
    mine = [batch for batch in kept if any(map(state.explains, quarantined_suspicions([batch])))]
    rows = sum(release_batch(spec, lake, batch, reason) for batch in mine)
    released = f"; {counted(rows, 'quarantined row')} released" if mine else ""
    return f"drift; it is expected from now on, and models learn from it{released}"


def _open_state(spec: ProjectSpec, states: Sequence[SuspicionState], column: str) -> SuspicionState:
    """Return the newest open suspicion about a column, or about rows as a whole."""
    unanswered = [state for state in states if state.open]
    mine = [state for state in unanswered if column in (*state.columns, state.where)]
    if mine:
        return mine[-1]
    known = "; ".join(f"{state.where}: {state.sentence}" for state in unanswered) or "nothing"
    raise DataError(
        f"{spec.project} has no open suspicion about {column!r}; under suspicion: {known}. `leeway status "
        f"{spec.project}` shows what needs an answer"
    )
