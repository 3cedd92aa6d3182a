"""The suspicions of a project, night after night: a suspicion lasts until its column is back, or is called drift."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

from tasks.drift import cannot_be_scored
from tasks.lake import Batch
from tasks.records import FAULT_KINDS, Suspicion, SuspicionState


def suspected_after(
    before: Sequence[SuspicionState],
    quarantined: Iterable[Suspicion],
    found: Iterable[Suspicion],
    back: Mapping[str, date],
    night: date,
) -> tuple[SuspicionState, ...]:
    """Return the suspicions after a night: those before it, some of them ended, and the new ones.

    What is found again belongs to the suspicion that is open already: a question is asked once.

    Parameters
    ----------
    before : sequence of SuspicionState
        Those before the night, with the answers of people.
    quarantined, found : iterable of Suspicion
        What looks broken that night: in deliveries that were quarantined for it, and in accepted rows.
    back : mapping of str to date
        The suspicions with columns that are as they were before, by name, with the last date of the rows in doubt.

    Examples
    --------
    >>> first, second, third = (date(2026, 1, day) for day in (5, 6, 7))
    >>> stuck = Suspicion("stuck", ("area",), "one value")
    >>> once = suspected_after((), [], [stuck], {}, first)
    >>> again = suspected_after(once, [], [stuck], {}, second)
    >>> again == once, again[0].asked.day, again[0].open
    (True, 5, True)
    >>> suspected_after(again, [], [], {again[0].name: second}, third)[0].until.day
    6
    """
    raised = [*((one, True) for one in quarantined), *((one, cannot_be_scored(one)) for one in found)]
    states = [
        replace(state, until=back[state.name])
        if state.name in back and not any(state.explains(one) for one, _ in raised)
        else state
        for state in before
    ]
    for one, kept in raised:
        if not any(state.explains(one) for state in states):
            since = one.since or night
            states.append(SuspicionState(one.kind, one.columns, since, night, one.evidence, quarantined=kept))
    return tuple(states)


def quarantined_suspicions(landed: Iterable[Batch]) -> Iterator[Suspicion]:
    """Yield what made monitoring quarantine deliveries of rows; what broke the contract is no suspicion.

    A delivery of a feature table is judged by itself: while it is quarantined, the rows have no value of it.
    """
    for batch in landed:
        if batch.verdict == "quarantined" and batch.kind == "rows":
            yield from _found(batch)


def quarantined_batch(batch: Batch) -> str:
    """Return the name of a quarantined delivery; of a feature table, with what is broken in it."""
    faults = [f"{one.kind.replace('_', ' ')} in {', '.join(one.columns)}" for one in _found(batch) if one.columns]
    return f"{batch.key} ({'; '.join(faults)})" if batch.kind == "features" and faults else batch.key


def _found(batch: Batch) -> Iterator[Suspicion]:
    for finding in json.loads(batch.findings):
        if finding["rule"] in FAULT_KINDS:
            columns = tuple(finding["column"].split(", ")) if finding["column"] else ()
            yield Suspicion(finding["rule"], columns, finding["message"])
