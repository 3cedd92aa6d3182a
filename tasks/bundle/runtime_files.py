"""The runtimes in other languages than Python, and which of their parts a bundle needs."""

from __future__ import annotations

import pkgutil
from collections.abc import Container, Iterator

from tasks.errors import EvidenceError


def runtime_file(name: str) -> str:
    """Return the text of a file of the runtimes."""
    return shipped_text("tasks.bundle.runtimes", name)


def shipped_text(package: str, name: str) -> str:
    """Return the text of a file next to the modules of a package.

    Raises
    ------
    EvidenceError
        This installation lacks it.
    """
    content = pkgutil.get_data(package, name)
    if content is None:
        raise EvidenceError(f"{name} of {package} is missing in this installation; install Leeway again.")
    return content.decode()


def needed_lines(text: str, needs: Container[str]) -> Iterator[str]:
    r"""Yield the lines of the parts that are needed, and those outside of all parts.

    A part begins after a line `// if NAME`, and ends with a line `// end`; it may have parts in it.

    >>> list(needed_lines("a\n// if some\nb\n// if others\nc\n// end\n// end\nd\n", {"some"}))
    ['a', 'b', 'd']
    """
    parts = [True]
    for line in text.splitlines():
        word = line.strip()
        if word.startswith("// if "):
            parts.append(word.removeprefix("// if ") in needs)
        elif word == "// end":
            parts.pop()
        elif all(parts):
            yield line
