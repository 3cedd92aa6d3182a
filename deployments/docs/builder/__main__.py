"""Build the site: `python -m deployments.docs.builder FOLDER`, which `make docs` runs."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from sphinx.cmd.build import main as sphinx_build

from deployments.docs.builder.reference_pages import commands_page, python_page
from deployments.docs.builder.site_pages import write, write_pages

BUILDER = Path(__file__).parent


def build(folder: Path) -> int:
    """Build the site in a folder, and return the exit code; a broken link or any other warning is an error."""
    with tempfile.TemporaryDirectory() as scratch:
        pages = Path(scratch) / "pages"
        write_pages(pages)
        write(pages / "reference" / "commands.md", commands_page())
        write(pages / "reference" / "python.md", python_page())
        return render(pages, folder)


def render(pages: Path, folder: Path) -> int:
    """Render a folder of pages as a site, and return the exit code."""
    with tempfile.TemporaryDirectory() as doctrees:
        strict = ["--fail-on-warning", "--quiet"]
        where = ["--conf-dir", str(BUILDER), "--doctree-dir", doctrees]
        return int(sphinx_build([*strict, *where, str(pages), str(folder)]))


if __name__ == "__main__":
    sys.exit(build(Path(sys.argv[1])))
