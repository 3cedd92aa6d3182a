"""Findings about the model and its labels as short lines of the card: where the errors are, what would help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.model_card.version_summary import Details
from tasks.profiles.rare_categories import shown_name
from tasks.render.safe_text import Markdown, markdown
from tasks.render.values import number
from tasks.spec.project_spec import ProjectSpec


def shown_value(column: str, part: Mapping[str, Any], value: object, spec: ProjectSpec) -> Markdown:
    """Return a slice's value for display; a category of too few rows stays unnamed, since it may identify a person.

    Parameters
    ----------
    part : mapping
        The slice, with `rows`; without that number, a category is not shown.

    Examples
    --------
    >>> from types import SimpleNamespace as Part
    >>> spec = Part(privacy=Part(min_category_count=5), features=Part(categories=["town"]))
    >>> [shown_value("town", {"rows": rows}, "Ely", spec) for rows in (5, 4)]
    ['Ely', '(rare)']
    """
    rows = part.get("rows")
    if column not in spec.features.categories and rows is None:
        return markdown(value, 40)
    name = str(value)
    counts = {name: rows if isinstance(rows, int) else 0}
    return markdown(shown_name(name, counts, spec.privacy.min_category_count), 40)


def weak_lines(details: Details, spec: ProjectSpec, most: int) -> list[str]:
    """Return the slices with the largest errors, a line each, and how many more there are."""
    weak: Sequence[Mapping[str, Any]] = (details.analysis.get("errors") or {}).get("weak") or []
    lines = [f"- {_weak(part, spec)}" for part in weak[:most]]
    if len(weak) > most:
        lines.append(f"- and {len(weak) - most} more in analysis.json")
    return lines


def _weak(part: Mapping[str, Any], spec: ProjectSpec) -> str:
    where = " and ".join(
        f"{markdown(column, 40)} = {shown_value(str(column), part, value, spec)}" for column, value in part["where"]
    )
    return (
        f"{where}: error {number(part.get('loss'))} on {number(part.get('rows'))} rows, "
        f"{number(part.get('rest_loss'))} on the others; {_percent(part.get('share_of_loss'))} of the total error"
    )


def human_line(details: Details) -> str:
    """Return the human error next to the model's, where the spec gives it."""
    errors = details.analysis.get("errors") or {}
    if errors.get("human_level") is None:
        return ""
    return f"Human error: {number(errors['human_level'])}; error of the model: {number(errors.get('loss'))}."


def learning_line(details: Details) -> str:
    """Return whether more rows would help, in a sentence."""
    return markdown((details.analysis.get("learning_curve") or {}).get("answer") or "", 120)


def label_line(details: Details) -> str:
    """Return what is inconsistent in the labels, in a line."""
    labels = details.analysis.get("labels") or {}
    if not labels:
        return ""
    shares = [
        _share(labels.get("same"), "rows_apart", "rows", "rows with the same features are labelled differently"),
        _share(labels.get("wrong"), "found", "examined", "examined labels are likely wrong"),
        _share(labels.get("relabelled"), "rows_apart", "rows", "relabelled rows have labels that differ"),
        f"periods in which the mean label jumped: {len(labels['moved'])}" if labels.get("moved") else "",
    ]
    inconsistent = "; ".join(share for share in shares if share)
    return f"Labels: {inconsistent or 'no inconsistency found'}."


def consent_line(details: Details) -> str:
    """Return how many rows the version did not learn from because they have no consent, in a sentence."""
    without = details.analysis.get("without_consent") or 0
    return f"Rows without consent, from which it did not learn: {without:,}." if without else ""


def model_line(details: Details) -> str:
    """Return the kind of model, its size and its format."""
    facts = details.facts
    if not facts:
        return ""
    kind = facts.get("estimator", "unknown").rsplit(".", maxsplit=1)[-1]
    size, form = facts.get("size_mb", "n/a"), facts.get("format", "n/a")
    return f"{markdown(kind, 60)}, {markdown(size, 20)} MB, {markdown(form, 80)}."


def interval_line(details: Details, spec: ProjectSpec) -> str:
    """Return how many labels of the hold-out are inside the intervals; empty where the spec asks for none.

    >>> found = {"rows": 200, "value": 0.92, "share": 0.9, "width": 12.5, "low": 0.875, "high": 0.95}
    >>> from types import SimpleNamespace as Part
    >>> interval_line(Details({"interval": found}), Part(training=Part(interval=0.9)))
    'Prediction intervals for 90%: 92% of 200 labels of the hold-out are inside (88% to 95%), mean width 12.5.'
    >>> interval_line(Details(), Part(training=Part(interval=0.9)))
    'Prediction intervals for 90%: none, because validation had too few rows that a fit had not seen.'
    """
    wanted = spec.training.interval
    if wanted is None:
        return ""
    found = details.analysis.get("interval")
    if not found:
        learned = "the hold-out was learned from too, so that only nights can say how many labels are inside"
        why = learned if details.interval else "none, because validation had too few rows that a fit had not seen"
        return f"Prediction intervals for {_percent(wanted)}: {why}."
    sure = "" if found["low"] is None else f" ({_percent(found['low'])} to {_percent(found['high'])})"
    inside = f"{_percent(found['value'])} of {found['rows']:,} labels of the hold-out are inside{sure}"
    return f"Prediction intervals for {_percent(found['share'])}: {inside}, mean width {number(found['width'])}."


def deferral_line(details: Details, spec: ProjectSpec) -> str:
    """Return which rows the model defers to people, and the error it promises for the others."""
    rule, degree = details.deferral, spec.automation.degree
    if not rule:
        return f"It defers no row to people (degree of automation: {degree}; no target error)."
    if rule.get("threshold") is None:
        return (
            f"It defers **every** row to people: for no share of the rows is the error certainly below "
            f"{number(rule.get('target_error'))} (degree of automation: {degree})."
        )
    share = rule.get("share")
    every = isinstance(share, int | float) and share >= 1
    part = "every row" if every else f"{_percent(share)} of the rows"
    rest = "" if every else "; the others are deferred to people"
    return (
        f"It decides {part} itself, with an error of "
        f"{number(rule.get('error'))} (at most {number(rule.get('error_bound'))}; target "
        f"{number(rule.get('target_error'))}){rest} (degree of automation: {degree})."
    )


def _share(part: object, some: str, whole: str, what: str) -> str:
    if not isinstance(part, Mapping) or not part.get(some):
        return ""
    return f"{part[some]:,} of {part.get(whole, 0):,} {what}"


def _percent(value: object) -> str:
    return f"{value:.0%}" if isinstance(value, int | float) and not isinstance(value, bool) else "n/a"
