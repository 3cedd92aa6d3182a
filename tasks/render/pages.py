"""The one place where HTML is made: jinja2 templates that escape every value and refuse a name that is not given."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tasks.render.safe_text import isolated, linked, visible


def page(template: str, **values: Any) -> str:
    """Return a whole page, filled as `render` does; see there."""
    return str(render(template, **values))


def render(template: str, **values: Any) -> Markup:
    """Return a template of `tasks/render/templates`, filled.

    Every value is shown as text: nothing hidden in it stays hidden (`visible`), and nothing in it becomes markup. The
    filters `isolated` and `linked` do the same and add an element of its own direction, or links.

    Examples
    --------
    >>> render("section.html", section={"title": "a & b", "lines": ["<i>"], "table": None})
    Markup('<h3>a &amp; b</h3><ul><li><bdi>&lt;i&gt;</bdi></li></ul>')
    """
    return Markup(environment().get_template(template).render(values))  # noqa: S704 - the template escaped it


@cache
def environment() -> Environment:
    """Return what finds and compiles the templates, each once a process."""
    made = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        loader=PackageLoader("tasks.render"),
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(isolated=isolated, linked=linked)
    return made


def _shown(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
