"""What a changed spec changed, key by key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tasks.spec.project_spec import ProjectSpec

LONGEST = 60


def spec_content(spec: ProjectSpec) -> dict[str, Any]:
    """Return what a spec says of its project, whatever its name, without the values that are the default."""
    return spec.model_dump(mode="json", exclude={"project"}, exclude_defaults=True)


def spec_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each key that differs between the contents of two specs.

    Examples
    --------
    >>> spec_changes({"gate": {"min_rows": 200}}, {"gate": {"min_rows": 300}, "features": {"numbers": ["area"]}})
    ['features.numbers: + "area"', 'gate.min_rows: 200 -> 300']
    """
    was, now = dict(_leaves(before)), dict(_leaves(after))
    changed = [key for key in sorted({*was, *now}) if was.get(key) != now.get(key)]
    return [f"{key}: {_change(was.get(key), now.get(key))}" for key in changed]


def _leaves(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _change(before: object, after: object) -> str:
    """Return what became of a value; of a list, what was added and removed.

    >>> _change(["area", "rooms"], ["rooms", "rain"]), _change(7, None), _change(["b", "a"], ["a", "b"])
    ('- "area", + "rain"', '7 -> the default', '["b", "a"] -> ["a", "b"]')
    """
    lists = [value or [] for value in (before, after) if isinstance(value, list | None)]
    if len(lists) == len((before, after)):
        was, now = lists
        removed, added = [one for one in was if one not in now], [one for one in now if one not in was]
        if removed or added:
            return ", ".join([*(f"- {_text(one)}" for one in removed), *(f"+ {_text(one)}" for one in added)])
    return f"{_text(before)} -> {_text(after)}"


def _text(value: object) -> str:
    text = "the default" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
