"""The label report for people, as markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tasks.render.safe_text import markdown
from tasks.render.sections import markdown_table
from tasks.render.values import counted
from tasks.validate.label_quality.consistency import FEWEST_IN_A_SLICE, LabelReport
from tasks.validate.label_quality.duplicate_rows import Disagreement

LISTED = 12
CELL_CHARACTERS = 500


def label_markdown(report: LabelReport) -> str:
    """Return the report as markdown; values of the data cannot break out of it.

    Examples
    --------
    >>> from tasks.validate.label_quality.consistency import Relabelled
    >>> from tasks.validate.label_quality.label_errors import Suspects
    >>> none = Disagreement(0, 0, 0, 0)
    >>> empty = LabelReport(9, 9, 9, {"0": 0.75, "1": 0.25}, none, none, Relabelled(0, 0), (), Suspects(0, 0), ())
    >>> print(label_markdown(empty).splitlines()[2])
    9 of 9 rows have a label: 0 75.0%, 1 25.0%.
    """
    spread = ", ".join(f"{markdown(name)} {_level(value, report)}" for name, value in report.balance.items())
    balance = f"{report.labelled:,} of {counted(report.rows, 'row')} have a label{f': {spread}' if spread else ''}."
    lines = [*_inconsistencies(report), *_likely_wrong(report), *_slices(report), *_notes(report)]
    return "\n".join(["# Labels", "", balance, "", *lines]) + "\n"


def inconsistencies(report: LabelReport) -> list[str]:
    """Return what a person should check, a sentence each; nothing when the labels are consistent."""
    return [*_disagreements(report), *_jumps(report), *_suspects(report), *_thin_slices(report)]


def _disagreements(report: LabelReport) -> Iterator[str]:
    for rows, how in ((report.same, "the same features"), (report.near, "nearly the same features")):
        if rows.groups_apart:
            examples = f", such as {_examples(rows)}" if rows.examples else ""
            yield f"{rows.rows_apart:,} of {rows.rows:,} rows with {how} are labelled differently{examples}"
    again = report.relabelled
    if again.rows_apart:
        yield f"{again.rows_apart:,} of {again.rows:,} rows that were labelled more than once have labels that differ"


def _jumps(report: LabelReport) -> Iterator[str]:
    for jump in report.moved:
        yield (
            f"in the period from {jump.start} the mean label is {jump.level:.4g}; it was {jump.before:.4g} "
            f"({jump.standard_errors:.1f} standard errors away)"
        )


def _suspects(report: LabelReport) -> Iterator[str]:
    if report.wrong.found:
        yield f"{report.wrong.found:,} of {report.wrong.examined:,} examined labels are likely wrong"


def _thin_slices(report: LabelReport) -> Iterator[str]:
    if report.thin:
        named = ", ".join(f"{part.column} {part.value} ({part.rows})" for part in report.thin[:LISTED])
        more = f" and {len(report.thin) - LISTED} more" if len(report.thin) > LISTED else ""
        yield f"slices with fewer than {FEWEST_IN_A_SLICE} labelled rows: {named}{more}"


def _inconsistencies(report: LabelReport) -> list[str]:
    return [f"- {markdown(text)}" for text in inconsistencies(report)] or ["No inconsistency found."]


def _likely_wrong(report: LabelReport) -> list[str]:
    if not report.wrong.listed:
        return []
    rows = [(row.row_id, f"{row.label:.4g}", f"{row.expected:.4g}") for row in report.wrong.listed[:LISTED]]
    return [
        "",
        "## Likely wrong",
        "",
        *markdown_table(("row", "label", "similar rows say"), rows, limit=CELL_CHARACTERS),
    ]


def _slices(report: LabelReport) -> list[str]:
    if not report.slices:
        return []
    rows = [(part.column, part.value, f"{part.rows:,}", f"{part.level:.4g}") for part in report.slices]
    heads = ("column", "value", "rows", "mean label (of several classes: share of the most frequent)")
    return ["", "## Slices", "", *markdown_table(heads, rows, limit=CELL_CHARACTERS)]


def _notes(report: LabelReport) -> Iterator[str]:
    if report.sampled < report.labelled:
        sample = f"a random sample of {counted(report.sampled, 'row')}"
        yield from ("", f"Near duplicates and likely wrong labels were searched for in {sample}.")
    if report.notes:
        yield from ("", "Not checked:", "", *(f"- {markdown(note)}" for note in report.notes))


def _level(value: float, report: LabelReport) -> str:
    quantiles = all(name.endswith("%") for name in report.balance)
    return f"{value:.4g}" if quantiles else f"{value:.1%}"


def _examples(rows: Disagreement) -> str:
    return "; ".join(_joined(group) for group in rows.examples[:2])


def _joined(names: Iterable[str]) -> str:
    return " and ".join(list(names)[:3])
