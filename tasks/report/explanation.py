"""Why a night was decided as it was: one screen, the same for a terminal, a markdown artifact and the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from tasks.records import (
    Answer,
    AnswerEntry,
    ChallengerInService,
    DegreeEntry,
    DriftStatistic,
    Entry,
    Matters,
    MigrationEntry,
    NightEntry,
    PromotionEntry,
    Recovered,
    ReleaseEntry,
    RetrainingEntry,
    RollbackEntry,
    SpecEntry,
    Suspicion,
    SuspicionState,
    WhichKind,
)
from tasks.render.safe_text import visible
from tasks.render.sections import ReportTable, Section
from tasks.render.values import counted, words
from tasks.report.night_readings import headline
from tasks.report.quality_tables import group_differences, interval_coverage, other_metrics, people_section
from tasks.report.root_cause_section import origin, paces, worse_slices
from tasks.report.what_if import how_far
from tasks.spec import ProjectSpec

COLUMNS_SHOWN = 8
BATCHES_SHOWN = 10
FOLLOWED = (
    RetrainingEntry,
    PromotionEntry,
    RollbackEntry,
    ReleaseEntry,
    AnswerEntry,
    SpecEntry,
    DegreeEntry,
    MigrationEntry,
)


@dataclass(frozen=True, slots=True)
class Why:
    """One night's screen; `headline` is the action and what was seen, `reason` the sentence behind it."""

    project: str
    night: str
    headline: str
    reason: str
    sections: tuple[Section, ...]

    def text(self) -> str:
        """Return it as lines of text, without the tables: for a message."""
        lines = [self.reason]
        for section in self.sections:
            if section.lines:
                lines += [_heading(section.title), *(f"- {line}" for line in section.lines)]
        return "\n".join(map(visible, lines))


def _heading(title: str) -> str:
    return title if title.endswith("?") else f"{title}:"


def why_lines(night: NightEntry, spec: ProjectSpec, record: Sequence[Entry] = ()) -> Why:
    """Return what moved, where first, whether it hurts, what was done, and how far the night was from an alarm.

    Parameters
    ----------
    record : sequence of Entry
        The whole record, where available: what followed from the night, and when an obstacle ends, are read from it.
    """
    parts = (
        _moved(night),
        origin(night),
        Section("Does it hurt?", tuple(_hurt(night)), worse_slices(night)),
        other_metrics(night),
        interval_coverage(night),
        group_differences(night),
        people_section(night),
        Section("How quickly", tuple(paces(night))),
        Section("What was done", tuple(_done(night, record))),
        Section("How far from an alarm", how_far(night, spec, record)),
        _questions(night),
    )
    shown = tuple(part for part in parts if part.lines or part.table)
    return Why(spec.project, night.night.isoformat(), headline(night), night.reason, shown)


def _moved(night: NightEntry) -> Section:
    past = {moved.column for moved in night.moved if moved.strain > 1}
    lines = [_suspected(suspicion) for suspicion in night.suspicions]
    lines += [_remembered(state) for state in night.suspected if state.asked < night.night and state.open]
    if night.moved:
        lines.insert(0, f"{counted(len(past), 'column')} past the leeway" if past else "nothing past its leeway")
    rows = tuple(_cells(moved) for moved in night.moved[:COLUMNS_SHOWN])
    table = ReportTable(("column", "statistic", "distance", "leeway", "used"), rows) if rows else None
    return Section("What moved", tuple(lines), table)


def _cells(moved: DriftStatistic) -> tuple[str, ...]:
    used = f"{moved.strain:.0%}" + (" creep" if moved.creep else "")
    distance, leeway = (_measured(moved, value) for value in (moved.distance, moved.leeway))
    return moved.subject, moved.statistic.value, distance, leeway, used


def _measured(moved: DriftStatistic, value: float) -> str:
    """Return a distance with its unit.

    >>> from tasks.records import Statistic
    >>> _measured(DriftStatistic("area", Statistic.NULLS, 0.1, 0.2), 0.125)
    '12.50 % of rows'
    """
    unit = moved.statistic.unit
    return f"{100 * value:.2f} % {unit}" if unit.startswith("of") else f"{value:.4f} {unit}".rstrip()


def _suspected(suspicion: Suspicion) -> str:
    """Return in which way a source seems broken.

    >>> _suspected(Suspicion("unit_change", ("area",), "1000 times as large", {"factor": 1000.0}))
    'suspected unit change of area: 1000 times as large (factor=1000)'
    """
    where = f" of {', '.join(suspicion.columns)}" if suspicion.columns else ""
    numbers = f" ({words(suspicion.numbers)})" if suspicion.numbers else ""
    return f"suspected {suspicion.kind.replace('_', ' ')}{where}: {suspicion.evidence}{numbers}"


def _remembered(state: SuspicionState) -> str:
    """Return a suspicion of an earlier night.

    >>> from datetime import date
    >>> _remembered(SuspicionState("stuck", ("area",), date(2026, 1, 4), date(2026, 1, 5), "one value"))
    'under suspicion: stuck in area since 2026-01-04, asked on 2026-01-05, no answer yet (one value)'
    """
    answer = "no answer yet" if state.answer is None else f"a person called it {state.answer}"
    return f"under suspicion: {state.sentence}, asked on {state.asked}, {answer} ({state.evidence})"


def _hurt(night: NightEntry) -> Iterator[str]:
    matters, kind = night.answer(Matters), night.answer(WhichKind)
    if matters is not None:
        yield matters.answer
    if kind is not None and kind.kind != "none":
        yield kind.answer
    for answer in (night.answer(Recovered), night.answer(ChallengerInService)):
        if answer is not None:
            yield f"{answer.question.sentence} {answer.answer}"
    if night.performance is not None:
        loss = night.performance.loss
        equal = night.performance.effective_rows
        weighed = "" if equal is None else f", of weighted rows as certain as {equal:.0f} equal ones"
        end = night.performance.end
        yield f"realised error {loss.value:.4g} ({loss.low:.4g} to {loss.high:.4g}) up to {end}{weighed}"
    if night.estimated is not None:
        yield f"estimated without labels: {night.estimated.loss:.4g} ± {night.estimated.error:.2g}"


def _done(night: NightEntry, record: Sequence[Entry]) -> Iterator[str]:
    accepted = f"{counted(night.rows, 'row')} and {counted(night.labels, 'label')} accepted"
    apart = f", {night.rows_without_consent:,} without consent to learn from" if night.rows_without_consent else ""
    yield f"{accepted}, {counted(night.rows_quarantined, 'row')} quarantined{apart}"
    for batch in night.batches[:BATCHES_SHOWN]:
        yield f"{batch.name}: {batch.verdict.replace('_', ' ')}"
    if len(night.batches) > BATCHES_SHOWN:
        yield f"and {counted(len(night.batches) - BATCHES_SHOWN, 'more batch', 'more batches')}"
    if night.automation is not None and night.automation.deferred_share:
        yield f"{night.automation.deferred_share:.1%} of the served rows go to a person"
    if night.waiting is not None:
        yield f"version {night.waiting} waits for approval"
    for entry in record:
        if isinstance(entry, FOLLOWED) and entry.night == night.night:
            yield f"{entry.kind}: {entry.action.replace('_', ' ')} {entry.subject} ({entry.reason})"


def _questions(night: NightEntry) -> Section:
    rows = tuple((answer.question.sentence, answer.answer, answer_numbers(answer)) for answer in night.answers)
    return Section("Every question", (), ReportTable(("question", "answer", "numbers"), rows) if rows else None)


def answer_numbers(answer: Answer) -> str:
    """Return the numbers of an answer in words; what was not measured is left out.

    >>> from tasks.records import EnoughRows
    >>> answer_numbers(EnoughRows("yes", rows=120, window_days=7, min_rows=50))
    'rows=120 window_days=7 min_rows=50'
    """
    numbers = {name: value for name, value in asdict(answer).items() if name not in {"answer", "question"}}
    if isinstance(answer, Matters):  # the screen has tables of these
        numbers["slices"] = [error.where for error in answer.slices if error.strain > 1]
    return words(numbers)
