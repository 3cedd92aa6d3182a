"""The documentation as a site: built from the repository without a warning, and complete without a network."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from deployments.docs.builder.reference_pages import ROOMS
from deployments.docs.builder.site_pages import HOME, SECTIONS, source_of, written_places

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[2]
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data", "link": "href"}
RENDER = """
import sys
from pathlib import Path
from deployments.docs.builder.__main__ import render
sys.exit(render(Path(sys.argv[1]), Path(sys.argv[2])))
"""


def built(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=280
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = built("-m", "deployments.docs.builder", str(folder))
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return folder


class Loads(HTMLParser):
    """Collects what a page loads by itself, and the links that a reader may follow."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get(LOADED.get(tag, ""))
        if address:
            self.loaded.append(address)


def loaded_by(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".css":
        return re.findall(r"""(?:url\(|@import\s+)\s*["']?([^"')\s]+)""", text)
    page = Loads()
    page.feed(text)
    return page.loaded


def test_the_site_has_every_page_of_its_navigation(site: Path) -> None:
    places = [HOME, *(place for pages in SECTIONS.values() for place in pages)]
    assert [place for place in places if not (site / place).with_suffix(".html").is_file()] == []


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    files = [*site.rglob("*.html"), *site.rglob("*.css")]
    loaded = {(path, urlsplit(address)) for path in files for address in loaded_by(path)}
    assert len(loaded) > len(files)
    assert [address.geturl() for _, address in loaded if address.scheme not in {"", "data"} or address.netloc] == []
    local = [(path.parent / address.path, path) for path, address in loaded if not address.scheme and address.path]
    assert [(str(found), str(path)) for found, path in local if not found.exists()] == []


def test_search_finds_pages_from_files_without_a_server(site: Path, browser: Browser) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{(site / 'search.html').as_uri()}?q=upcrossings")
    page.wait_for_selector("#search-results li a")
    found = page.eval_on_selector_all("#search-results li a", "links => links.map(link => link.getAttribute('href'))")
    page.close()
    assert any("decisions_in_formulae" in str(link) for link in found)
    assert [address for address in asked if not address.startswith("file:")] == []


def test_the_reference_has_every_command_every_key_and_every_room(site: Path) -> None:
    commands, keys, python = (
        (site / "reference" / f"{name}.html").read_text(encoding="utf-8") for name in ("commands", "spec", "python")
    )
    assert all(f'id="leeway-{name}"' in commands for name in ("init", "why", "run-nightly", "doctor-s3"))
    assert all(f'id="{anchor}"' in keys for anchor in ("gate", "sourcedatabase", "featurestables"))
    assert all(f'id="tasks-{room}"' in python for room in ROOMS)
    assert "tasks.statistics.holm" in python


def test_every_page_that_the_repository_has_for_people_is_in_the_site() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "*.md", ":!tests"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(listed.stdout.split()) == {source_of(place) for place in (HOME, *written_places())}


@pytest.mark.parametrize("broken", ["[gone](gone.md)", "[gone](#gone)", "[gone](index.md#gone)"])
def test_a_link_to_nothing_is_an_error(broken: str, tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "index.md").write_text(f"# Page\n\n{broken}\n", encoding="utf-8")
    done = built("-c", RENDER, str(pages), str(tmp_path / "site"))
    assert done.returncode == 1
    assert "gone" in done.stderr
