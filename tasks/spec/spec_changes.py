"""What a changed spec changed, key by key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from tasks.errors import DataError
from tasks.spec.project_spec import ProjectSpec

LONGEST = 60
MISSING = "nothing"


def spec_content(spec: ProjectSpec) -> dict[str, Any]:
    """Return what a spec says of its project, whatever its name, with every default as it is now."""
    return spec.model_dump(mode="json", exclude={"project"})


def spec_of(content: Mapping[str, Any], project: str) -> ProjectSpec:
    """Return the spec with some content; a key that came since has its default.

    Raises
    ------
    DataError
        This version refuses the content: a rule or a key was changed since it was recorded.
    """
    try:
        return ProjectSpec.model_validate({**content, "project": project})
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "the whole"
        raise DataError(
            f"the spec that {project} had is refused by this version of Leeway ({where}: {fault['msg']}); install the "
            "version that recorded it to decide that night again"
        ) from error


def spec_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each key that differs between the contents of two specs.

    Examples
    --------
    >>> before = {"gate": {"min_rows": 200}, "features": {"numbers": ["area"], "tables": [{"name": "w", "max_age": 7}]}}
    >>> after = {"gate": {"min_rows": 300}, "features": {"numbers": ["rain"], "tables": [{"name": "w", "max_age": 9}]}}
    >>> for sentence in spec_changes(before, after):
    ...     print(sentence)
    features.numbers: - "area", + "rain"
    features.tables[w].max_age: 7 -> 9
    gate.min_rows: 200 -> 300
    """
    was, now = dict(_leaves(before)), dict(_leaves(after))
    changed = [key for key in sorted({*was, *now}) if was.get(key, MISSING) != now.get(key, MISSING)]
    return [f"{key}: {_change(was.get(key, MISSING), now.get(key, MISSING))}" for key in changed]


def _leaves(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested mappings, and of lists of them, by their keys; of a list by `name` or number."""
    for name, value in content.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{key}.")
        elif isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
            for number, each in enumerate(value, start=1):
                yield from _leaves(each, f"{key}[{each.get('name', number)}].")
        else:
            yield key, value


def _change(before: object, after: object) -> str:
    """Return what became of a value; of a list, what was added and removed.

    >>> _change(["area", "rooms"], ["rooms", "rain"]), _change(7, None), _change(["b", "a"], ["a", "b"])
    ('- "area", + "rain"', '7 -> null', '["b", "a"] -> ["a", "b"]')
    """
    if isinstance(before, list) and isinstance(after, list):
        removed, added = [one for one in before if one not in after], [one for one in after if one not in before]
        if removed or added:
            return ", ".join([*(f"- {_text(one)}" for one in removed), *(f"+ {_text(one)}" for one in added)])
    return f"{_text(before)} -> {_text(after)}"


def _text(value: object) -> str:
    text = value if value is MISSING else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
