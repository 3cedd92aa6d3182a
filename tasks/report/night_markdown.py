"""Why a night was decided as it was, as markdown: the artifact of a run."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.lake import Entry
from tasks.render.safe_text import markdown, markdown_linked
from tasks.render.sections import markdown_section
from tasks.report.explanation import why_lines
from tasks.spec import ProjectSpec


def night_markdown(spec: ProjectSpec, entry: Entry, record: Sequence[Entry] = ()) -> str:
    """Return one screen: the action and its reason, what moved, where first, does it hurt, what it would have taken."""
    why = why_lines(entry, spec, record)
    lines = [f"# {why.project} {why.night}: {markdown(why.headline)}", "", markdown_linked(why.reason)]
    for section in why.sections:
        lines += ["", *markdown_section(section)]
    return "\n".join(lines) + "\n"
