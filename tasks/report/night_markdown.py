"""Why a night was decided as it was, as markdown: the artifact of a run."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.records import Entry, NightEntry
from tasks.render.safe_text import markdown
from tasks.render.sections import markdown_section
from tasks.report.explanation import why_lines
from tasks.spec import ProjectSpec


def night_markdown(spec: ProjectSpec, night: NightEntry, record: Sequence[Entry] = ()) -> str:
    """Return one screen: the action and its reason, what moved, where first, whether it hurts, what was done."""
    why = why_lines(night, spec, record)
    lines = [f"# {why.project} {why.night}: {markdown(why.headline)}", "", markdown(why.reason)]
    for section in why.sections:
        lines += ["", *markdown_section(section)]
    return "\n".join(lines) + "\n"
