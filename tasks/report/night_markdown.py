"""Why a night was decided as it was, as markdown: the artifact of a run."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.lake import Entry
from tasks.render.safe_text import markdown
from tasks.render.sections import ReportTable, Section
from tasks.report.explanation import why_lines
from tasks.spec import ProjectSpec


def night_markdown(spec: ProjectSpec, entry: Entry, record: Sequence[Entry] = ()) -> str:
    """Return one screen: the action and its reason, what moved, where first, does it hurt, what it would have taken."""
    why = why_lines(entry, spec, record)
    lines = [f"# {why.project} {why.night}: {markdown(why.headline)}", "", markdown(why.reason)]
    for section in why.sections:
        lines += _section(section)
    return "\n".join(lines) + "\n"


def _section(section: Section) -> list[str]:
    lines = ["", f"## {markdown(section.title)}", "", *(f"- {markdown(line)}" for line in section.lines)]
    if section.table is None:
        return lines
    return lines + ([""] if section.lines else []) + _table(section.table)


def _table(table: ReportTable) -> list[str]:
    rows = [table.heads, ("---",) * len(table.heads), *(tuple(map(markdown, row)) for row in table.rows)]
    return [f"| {' | '.join(row)} |" for row in rows]
