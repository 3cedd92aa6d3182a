"""The label report for people, as markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tasks.validate.label_quality.consistency import FEWEST_IN_A_SLICE, LabelReport
from tasks.validate.label_quality.duplicate_rows import Disagreement
from tasks.validate.summary.markdown_safe import cell, table

LISTED = 12


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
    spread = ", ".join(f"{name} {_level(value, report)}" for name, value in report.balance.items())
    told = f"{report.labelled:,} of {report.rows:,} rows have a label{f': {spread}' if spread else ''}."
    return "\n".join(["# Labels", "", told, "", *_findings(report), *_slices(report), *_notes(report)]) + "\n"


def odd(report: LabelReport) -> list[str]:
    """Return in a sentence each what a person should look at; nothing when the labels are consistent."""
    told = []
    for found, how in ((report.same, "the same features"), (report.near, "nearly the same features")):
        if found.groups_apart:
            named = f", such as {_examples(found)}" if found.examples else ""
            told.append(f"{found.rows_apart:,} of {found.rows:,} rows with {how} are labelled differently{named}")
    if report.relabelled.rows_apart:
        rows = report.relabelled
        told.append(
            f"{rows.rows_apart:,} of {rows.rows:,} rows that were labelled more than once have labels that differ"
        )
    told += [
        f"in the period from {jump.start} the mean label is {jump.level:.4g}; it was {jump.before:.4g} "
        f"({jump.standard_errors:.1f} standard errors away)"
        for jump in report.moved
    ]
    if report.wrong.found:
        told.append(f"{report.wrong.found:,} of {report.wrong.examined:,} examined labels are likely wrong")
    if report.thin:
        named = ", ".join(f"{each.column} {each.value} ({each.rows})" for each in report.thin[:LISTED])
        more = f" and {len(report.thin) - LISTED} more" if len(report.thin) > LISTED else ""
        told.append(f"slices with fewer than {FEWEST_IN_A_SLICE} labelled rows: {named}{more}")
    return told


def _findings(report: LabelReport) -> Iterator[str]:
    told = odd(report)
    yield from (f"- {cell(text)}" for text in told)
    if not told:
        yield "Nothing odd was found."
    if report.wrong.listed:
        yield from ("", "## Likely wrong", "")
        rows = ((each.row_id, f"{each.label:.4g}", f"{each.expected:.4g}") for each in report.wrong.listed[:LISTED])
        yield from table(("row", "label", "other rows say"), rows)


def _slices(report: LabelReport) -> Iterator[str]:
    if report.slices:
        yield from ("", "## Slices", "")
        rows = ((each.column, each.value, f"{each.rows:,}", f"{each.level:.4g}") for each in report.slices)
        yield from table(("column", "value", "rows", "mean label, or share of the commonest of several"), rows)


def _notes(report: LabelReport) -> Iterator[str]:
    if report.sampled < report.labelled:
        yield from ("", f"Near duplicates and likely wrong labels were sought in {report.sampled:,} rows, at random.")
    if report.notes:
        yield from ("", "Not looked at:", "", *(f"- {cell(note)}" for note in report.notes))


def _level(value: float, report: LabelReport) -> str:
    quantiles = all(name.endswith("%") for name in report.balance)
    return f"{value:.4g}" if quantiles else f"{value:.1%}"


def _examples(found: Disagreement) -> str:
    return "; ".join(_joined(group) for group in found.examples[:2])


def _joined(names: Iterable[str]) -> str:
    return " and ".join(list(names)[:3])
