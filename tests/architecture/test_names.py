"""A name has one meaning: no two modules, packages or public classes of the project are called the same."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.scheduling import LONG

ROOT = Path(__file__).parents[2]
TOPS = ("flows", "tasks")
OF_EVERY_PACKAGE = {"__init__", "task"}
FLOWS_AND_THEIR_TASKS = {"monitor", "promote", "upkeep"}  # the flow composes the package of the same name
RECORDS_OF_A_PACKAGE = {"drift"}  # the results that the package of the same name computes
MOST_MODULES = 13


def modules() -> Iterator[Path]:
    for top in TOPS:
        yield from sorted(path.relative_to(ROOT) for path in (ROOT / top).rglob("*.py"))


def doubles(named: Iterable[tuple[str, Path]]) -> dict[str, list[str]]:
    paths = defaultdict(list)
    for name, path in named:
        paths[name].append(str(path))
    return {name: places for name, places in sorted(paths.items()) if len(places) > 1}


def test_no_two_modules_or_packages_have_the_same_name() -> None:
    named = [(path.stem, path) for path in modules() if path.stem not in {*OF_EVERY_PACKAGE, path.parent.name}]
    named += [(path.parent.name, path.parent) for path in modules() if path.stem == "__init__"]
    found = doubles(named)
    assert {name: found[name] for name in found if name not in FLOWS_AND_THEIR_TASKS | RECORDS_OF_A_PACKAGE} == {}
    assert all(len(found[name]) == 2 for name in found)


def test_no_two_public_classes_have_the_same_name() -> None:
    classes = [
        (node.name, path)
        for path in modules()
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    assert doubles(classes) == {}


def test_the_names_of_prefect_tasks_have_spaces() -> None:
    texts = [(ROOT / path).read_text(encoding="utf-8") for path in modules() if path.stem == "task"]
    named = [name for text in texts for name in re.findall(r'leeway_task\("([^"]+)"\)', text)]
    assert named
    assert [name for name in named if "_" in name or "-" in name] == []


def test_no_package_has_too_many_modules_on_one_level() -> None:
    counts: dict[Path, int] = defaultdict(int)
    for path in modules():
        counts[path.parent] += path.stem != "__init__"
    assert {str(folder): count for folder, count in counts.items() if count > MOST_MODULES} == {}


def test_each_test_that_takes_long_is_there() -> None:
    assert [path for path in LONG if not (ROOT / path).exists()] == []
