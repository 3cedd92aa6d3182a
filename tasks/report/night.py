"""Why a night was decided as it was, as markdown."""

from __future__ import annotations

from typing import Any

from tasks.lake import Entry
from tasks.spec import ProjectSpec

COLUMNS_SHOWN = 8
FORBIDDEN = str.maketrans({"|": "\\|", "<": "&lt;", ">": "&gt;", "`": "'", "\n": " "})


def cell(value: object) -> str:
    r"""Return a value that can stand in a markdown table whatever the data held.

    >>> cell("<b>|x")
    '&lt;b&gt;\\|x'
    """
    return str(value).translate(FORBIDDEN)


def _moved_row(moved: dict[str, Any]) -> str:
    numbers = f"{moved['distance']:.4f} | {moved['leeway']:.4f} | {moved['strain']:.0%}"
    return f"| {cell(moved['column'])} | {moved['statistic']} | {numbers} |"


def night_markdown(spec: ProjectSpec, entry: Entry) -> str:
    """Return one screen: the action and its reason, every question with its answer, and what moved most."""
    details = entry.details
    lines = [
        f"# {spec.project} {entry.night}: {entry.action}",
        "",
        f"{cell(entry.reason)}",
        "",
        f"{details['rows']} rows and {details['labels']} labels taken in, {details['quarantined']} set aside.",
        "",
        "| question | answer |",
        "|---|---|",
        *(f"| {cell(answer['question'])} | {cell(answer['answer'])} |" for answer in details["answers"]),
    ]
    if details["moved"]:
        lines += ["", "| column | statistic | distance | leeway | used |", "|---|---|---|---|---|"]
        lines += [_moved_row(moved) for moved in details["moved"][:COLUMNS_SHOWN]]
    return "\n".join(lines) + "\n"
