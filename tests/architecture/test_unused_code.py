"""Code that only tests use is found, whatever keeps it alive otherwise, and what is used is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture.unused_code import ALLOWED, ROOT, refused, unused_code

Write = Callable[[str, str], None]
DOCTEST = 'def area(a: int) -> int:\n    """Square.\n\n    >>> area(2)\n    4\n    """\n    return a * a\n'


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a file of a small project, which starts with one function that is used."""

    def written(name: str, code: str) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(code, encoding="utf-8")

    written("tasks/shape/__init__.py", "")
    written("tasks/shape/square.py", DOCTEST)
    written("flows/draw.py", "from tasks.shape.square import area\n\nprint(area(3))\n")
    written("tests/test_square.py", "from tasks.shape.square import area\n\nassert area(1) == 1\n")
    return written


def names(root: Path) -> list[str]:
    return [item.name for item in unused_code(root)]


def test_code_that_a_flow_uses_is_not_found(tmp_path: Path, write: Write) -> None:
    write("tasks/shape/square.py", DOCTEST)
    assert names(tmp_path) == []


def test_a_function_that_only_tests_and_doctests_use_is_found(tmp_path: Path, write: Write) -> None:
    write("flows/draw.py", "print(3)\n")
    assert names(tmp_path) == ["area"]


def test_a_re_export_is_no_use(tmp_path: Path, write: Write) -> None:
    write("tasks/shape/__init__.py", 'from tasks.shape.square import area\n\n__all__ = ["area"]\n')
    write("flows/draw.py", "print(3)\n")
    assert names(tmp_path) == ["area"]


def test_a_use_through_a_re_export_or_a_module_is_one(tmp_path: Path, write: Write) -> None:
    write("tasks/shape/__init__.py", 'from tasks.shape.square import area\n\n__all__ = ["area"]\n')
    for used in (
        "from tasks.shape import area\n\nprint(area(3))\n",
        "from tasks import shape\n\nprint(shape.area(3))\n",
    ):
        write("flows/draw.py", used)
        assert names(tmp_path) == []


def test_a_name_that_another_module_uses_for_its_own_hides_nothing(tmp_path: Path, write: Write) -> None:
    write("flows/draw.py", "def area(a: int) -> int:\n    return a\n\n\nprint(area(3))\n")
    assert [str(item).split(":")[0] for item in unused_code(tmp_path)] == ["tasks/shape/square.py"]


def test_a_recursion_is_no_use(tmp_path: Path, write: Write) -> None:
    write("tasks/shape/triangle.py", "def triangle(n: int) -> int:\n    return n + triangle(n - 1)\n")
    assert names(tmp_path) == ["triangle"]


def test_a_method_a_property_a_field_and_a_constant_are_found(tmp_path: Path, write: Write) -> None:
    write(
        "tasks/shape/square.py",
        "SIDES = 4\n\n\nclass Square:\n    width: int = 1\n\n    def grown(self) -> None: ...\n\n"
        "    @property\n    def size(self) -> int:\n        return 1\n\n\ndef area(_: int) -> Square:\n"
        "    return Square()\n",
    )
    assert sorted(names(tmp_path)) == ["SIDES", "grown", "size", "width"]


def test_what_a_library_calls_by_its_registration_is_used(tmp_path: Path, write: Write) -> None:
    write(
        "flows/draw.py",
        "import typer\n\nfrom tasks.shape.square import area\n\napp = typer.Typer()\n\n\n@app.command()\n"
        "def draw() -> None:\n    print(area(1))\n\n\napp()\n",
    )
    assert names(tmp_path) == []


def test_a_template_uses_what_its_expressions_name(tmp_path: Path, write: Write) -> None:
    write("tasks/shape/square.py", f"{DOCTEST}\n\nclass Square:\n    width: int = area(1)\n    depth: int = 2\n")
    write("flows/draw.py", "from tasks.shape.square import Square\n\nprint(Square())\n")
    write("tasks/shape/page.html", "<p>depth: {{ square.width }}</p>\n")
    assert names(tmp_path) == ["depth"]


def test_an_entry_allows_a_name_and_one_that_allows_none_is_refused(tmp_path: Path, write: Write) -> None:
    write("flows/draw.py", "print(3)\n")
    found = unused_code(tmp_path)
    assert refused(found, ["tasks/shape/*.py area"]) == []
    assert refused(found, []) == [f"{found[0]}"]
    assert "allows nothing" in refused([], ["tasks/shape/*.py area"])[0]


def test_the_project_has_no_code_that_only_tests_use() -> None:
    assert refused(unused_code(ROOT), list(ALLOWED)) == []
