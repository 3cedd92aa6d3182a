"""The pages of the site: which files of the repository they are, where they are in the site, and their links."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath

from deployments.docs.builder.reference_pages import SPEC_PAGE, split_spec
from flows.demo.worked_projects import SHOWN

ROOT = Path(__file__).parents[3]
OWN = "deployments/docs/"  # pages of the site alone; all others are found by users of the repository too
HOME = "index.md"
SPEC_SOURCE = "deployments/README.md"
SECTIONS: dict[str, tuple[str, ...]] = {
    "Start": ("README.md", "deployments/OWN_DATA.md"),
    "Concepts": tuple(
        f"concepts/{name}.md"
        for name in ("a_night", "leeway", "decisions_in_plain_words", "decisions_in_formulae", "other_tools")
    ),
    "How to": tuple(
        f"how_to/{name}.md"
        for name in ("s3", "postgresql", "kubernetes", "dask", "serving", "rollout", "edge", "erasure", "upgrade")
    ),
    "Guides": (
        *(f"deployments/{name}.md" for name in ("README", "SERVING", "BUNDLES", "DATA_PROTECTION")),
        "infra/README.md",
    ),
    "Worked projects": tuple(f"deployments/{name}/README.md" for name in SHOWN),
    "Reference": (SPEC_PAGE, "reference/commands.md", "reference/python.md"),
    "Contributing": ("CONTRIBUTING.md",),
}
"""The navigation: the pages of each section, by their paths in the site."""

_FENCE = re.compile(r"^(```.*?^```[^\S\n]*$)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_DRAWING = re.compile(r"^!\[[^\]]*\]\(([^)\s]+\.svg)\)$", re.MULTILINE)


def place_of(path: str) -> str:
    """Return where a file of the repository is in the site.

    >>> place_of("deployments/docs/how_to/s3.md"), place_of("infra/README.md")
    ('how_to/s3.md', 'infra/README.md')
    """
    return path.removeprefix(OWN)


def source_of(place: str) -> str:
    """Return which file of the repository a page of the site is.

    >>> source_of("how_to/s3.md"), source_of("infra/README.md")
    ('deployments/docs/how_to/s3.md', 'infra/README.md')
    """
    return f"{OWN}{place}" if (ROOT / OWN / place).is_file() else place


def with_links(text: str, source: str, place: str, target_of: Callable[[str, str], str]) -> str:
    """Return a page with the links that it has at its place in the site; code is left as it is.

    Parameters
    ----------
    source, place : str
        The path of the page in the repository, and in the site.
    target_of : callable
        Gives the path in the site for a path in the repository and an anchor (empty without one).

    Examples
    --------
    >>> there = lambda path, anchor: place_of(path)
    >>> with_links("See [it](../../SERVING.md#rows).", "deployments/docs/how_to/serving.md", "how_to/serving.md", there)
    'See [it](../deployments/SERVING.md#rows).'
    """

    def moved(link: re.Match[str]) -> str:
        path, _, anchor = link[1].partition("#")
        if "://" in link[1] or not path:
            return link[0]
        found = normpath(str(PurePosixPath(source).parent / path))
        there = relpath(target_of(found, anchor), str(PurePosixPath(place).parent))
        return f"]({there}#{anchor})" if anchor else f"]({there})"

    parts = _FENCE.split(text)
    return "".join(part if part.startswith("```") else _LINK.sub(moved, part) for part in parts)


def write_pages(folder: Path) -> None:
    """Write all pages that are files of the repository, and the files that they link to, into an empty folder."""
    introduction, keys = split_spec((ROOT / SPEC_SOURCE).read_text(encoding="utf-8"))
    places = [HOME, *written_places()]
    anchors_of_keys = set(anchors(keys))

    def target_of(path: str, anchor: str) -> str:
        if path == SPEC_SOURCE and anchor in anchors_of_keys:
            return SPEC_PAGE
        place = place_of(path)
        if place not in places and (ROOT / path).is_file():
            _copy(ROOT / path, folder / place)
        return place

    for place in places:
        source = source_of(place)
        text = introduction if source == SPEC_SOURCE else (ROOT / source).read_text(encoding="utf-8")
        page = with_links(with_drawings(text, (ROOT / source).parent), source, place, target_of)
        write(folder / place, page + navigation() if place == HOME else page)
    write(folder / SPEC_PAGE, keys)


def written_places() -> list[str]:
    """Return the places of the pages that people write; the others are generated."""
    return [place for pages in SECTIONS.values() for place in pages if (ROOT / source_of(place)).is_file()]


def navigation() -> str:
    """Return the tables of contents, which Sphinx shows next to each page."""
    return "".join(
        f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{chr(10).join(pages)}\n```\n"
        for caption, pages in SECTIONS.items()
    )


def anchors(text: str) -> list[str]:
    r"""Return the anchors of the headings of a page, as GitHub and the site make them.

    >>> anchors("# Every key\n\n## `features.tables[]`")
    ['every-key', 'featurestables']
    """
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


def with_drawings(page: str, folder: Path) -> str:
    """Return a page with its drawings as a part of it, so that they have the colours of the reader's theme."""

    def drawn(picture: re.Match[str]) -> str:
        drawing = (folder / picture[1]).read_text(encoding="utf-8")
        return "<figure>\n" + "\n".join(line for line in drawing.splitlines() if line.strip()) + "\n</figure>"

    return _DRAWING.sub(drawn, page)


def write(path: Path, text: str) -> None:
    """Write a page into a folder that may not exist yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, to)
