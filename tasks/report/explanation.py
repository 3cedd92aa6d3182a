"""Why a night was decided as it was: one screen, the same for a terminal, a markdown artifact and the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.lake import Entry
from tasks.render.safe_text import visible
from tasks.render.sections import ReportTable, Section
from tasks.render.values import words
from tasks.report.entry_reader import amount, drift_of, error_of, estimate_of, mapping, sequence, shifts
from tasks.report.root_cause_section import origin, paces, worse_slices
from tasks.report.what_if import takes
from tasks.spec import ProjectSpec

BESIDE = ("did it recover?", "how does the challenger do?")
COLUMNS_SHOWN = 8
BATCHES_SHOWN = 10
FOLLOWED = ("retraining", "promotion", "rollback", "release")


@dataclass(frozen=True, slots=True)
class Why:
    """One night's screen; `headline` is the action, `reason` the sentence behind it."""

    project: str
    night: str
    headline: str
    reason: str
    sections: tuple[Section, ...]

    def text(self) -> str:
        """Return it as plain lines, without the tables: for a message."""
        told = [
            line for part in self.sections for line in (_heading(part.title), *(f"- {each}" for each in part.lines))
        ]
        kept = [line for line, after in zip(told, [*told[1:], ""], strict=True) if line[:1] == "-" or after[:1] == "-"]
        return "\n".join(map(visible, [self.reason, *kept]))


def _heading(title: str) -> str:
    return title if title.endswith("?") else f"{title}:"


def why_lines(entry: Entry, spec: ProjectSpec, record: Sequence[Entry] = ()) -> Why:
    """Return what moved, where first, whether it hurts, what was done, and what it would have taken to act.

    Parameters
    ----------
    entry : Entry
        A night; one that an older version wrote lacks some of the sections.
    record : sequence of Entry
        The whole record, if at hand: what followed from the night, and when an obstacle ends, are read from it.
    """
    parts = (
        _moved(entry),
        origin(entry),
        Section("Does it hurt?", tuple(_hurt(entry)), worse_slices(entry)),
        Section("How quickly", tuple(paces(entry))),
        Section("What was done", tuple(_done(entry, record))),
        Section("What it would have taken to act", takes(entry, spec, record)),
        _questions(entry),
    )
    headline = f"{entry.action} ({drift_of(entry)})" if entry.drift else entry.action
    shown = tuple(part for part in parts if part.lines or part.table)
    return Why(spec.project, entry.night.isoformat(), headline, entry.reason, shown)


def _moved(entry: Entry) -> Section:
    found = shifts(entry)
    past = [shift for shift in found if shift.strain > 1]
    columns = list(dict.fromkeys(shift.column for shift in past))
    lines = [f"{len(columns)} columns past their leeway" if columns else "nothing past its leeway"] if found else []
    lines += [_suspected(each) for each in sequence(entry.details.get("suspicions"))]
    rows = tuple(
        (
            shift.where or shift.column,
            shift.statistic,
            f"{shift.distance:.4f}",
            f"{shift.leeway:.4f}",
            f"{shift.strain:.0%}" + (" creep" if shift.creep else ""),
        )
        for shift in found[:COLUMNS_SHOWN]
    )
    table = ReportTable(("column", "statistic", "distance", "leeway", "used"), rows) if rows else None
    return Section("What moved", tuple(lines), table)


def _suspected(suspicion: object) -> str:
    """Say in which way a source seems broken: a text, or `kind`, `columns` (or `column`), `evidence` and what is known.

    >>> _suspected({"kind": "unit_change", "columns": ["area"], "evidence": "1000 times as large", "numbers": {"x": 2}})
    'suspected unit change of area: 1000 times as large (x=2)'
    >>> _suspected("the till")
    'suspected: the till'
    """
    held = mapping(suspicion)
    if not held:
        return f"suspected: {words(suspicion)}"
    rest = {
        key: value for key, value in held.items() if key not in {"kind", "columns", "column", "evidence", "numbers"}
    }
    kind, where = words(held.get("kind")).replace("_", " "), words(held.get("columns") or held.get("column"))
    numbers = words({**rest, **mapping(held.get("numbers"))})
    said = " ".join(text for text in ("suspected", kind, where and f"of {where}") if text)
    said += f": {words(held['evidence'])}" if held.get("evidence") else ""
    return said + (f" ({numbers})" if numbers else "")


def _hurt(entry: Entry) -> Iterator[str]:
    for answer in _answers(entry):
        if answer.get("question") in {"does it matter?", "which kind?"} and answer.get("answer") != "none":
            yield str(answer.get("answer", ""))
        elif answer.get("question") in BESIDE:
            yield f"{answer['question']} {answer.get('answer', '')}"
    seen, guessed = error_of(entry), estimate_of(entry)
    if seen is not None and seen.low is not None and seen.high is not None:
        until = words(mapping(entry.details.get("performance")).get("end"))
        yield f"realised error {seen.value:.4g} ({seen.low:.4g} to {seen.high:.4g})" + (
            f" up to {until}" if until else ""
        )
    if guessed is not None:
        span = (
            f" ({guessed.low:.4g} to {guessed.high:.4g})"
            if guessed.low is not None and guessed.high is not None
            else ""
        )
        yield f"estimated without labels: {guessed.value:.4g}{span}"


def _done(entry: Entry, record: Sequence[Entry]) -> Iterator[str]:
    counts = {key: amount(entry.details, key) for key in ("rows", "labels", "quarantined")}
    yield "{rows} rows and {labels} labels taken in, {quarantined} set aside".format(**counts)
    batches = list(mapping(entry.details.get("batches")).items())
    for batch, verdict in batches[:BATCHES_SHOWN]:
        yield f"{batch}: {words(verdict)}"
    if len(batches) > BATCHES_SHOWN:
        yield f"and {len(batches) - BATCHES_SHOWN} batches more"
    for key in ("deferred_share", "waiting"):
        if entry.details.get(key) not in (None, [], {}, ""):
            yield f"{key.replace('_', ' ')}: {words(entry.details[key])}"
    for each in record:
        if each.kind in FOLLOWED and each.night == entry.night:
            yield f"{each.kind}: {each.action} {each.subject} ({each.reason})"


def _questions(entry: Entry) -> Section:
    rows = tuple(
        (str(answer.get("question", "")), str(answer.get("answer", "")), words(answer.get("numbers")))
        for answer in _answers(entry)
    )
    return Section("Every question", (), ReportTable(("question", "answer", "numbers"), rows) if rows else None)


def _answers(entry: Entry) -> list[Mapping[str, Any]]:
    return [mapping(each) for each in sequence(entry.details.get("answers"))]
