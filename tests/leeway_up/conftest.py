"""One life of `leeway up`, for all tests of this folder: two projects, each made from a user's csv.

Leeway is installed from its wheel, in a repository that has packages `flows` and `tasks` of its own.
"""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from tests.leeway_up.checkout import TEXT, Checkout, Up
from tests.leeway_up.rentals import rentals
from tests.leeway_up.wheel import foreign_packages, installed

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PATIENCE_SECONDS = 90  # the pages are megabytes of script, and other tests run at the same time


@pytest.fixture(scope="package")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A folder with `rentals`, made as the page says, and with `orders`, of which nothing is ever promoted."""
    folder = tmp_path_factory.mktemp("stranger")
    (folder / "deployments").mkdir()
    installed(folder)
    foreign_packages(folder)
    made = Checkout(folder, iter(re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)))
    _follow_the_page(made)
    lines = [
        f"{number},2026-01-{1 + number % 28:02d},{number % 17},{10 + number % 17 + number * 7 % 23}"
        for number in range(300)
    ]
    (folder / "orders.csv").write_text("\n".join(["order,day,size,price", *lines]))
    made.types("leeway init orders.csv --time day --label price")
    spec = folder / "deployments" / "orders" / "project.yaml"
    text = spec.read_text(encoding="utf-8")
    assert "schedule: {" in text
    spec.write_text(text.replace("schedule: {", 'schedule: {promote: "0 3 1 1 *", '), encoding="utf-8")
    return made


def _follow_the_page(made: Checkout) -> None:
    today = pd.Timestamp.now("UTC").tz_localize(None).normalize()
    rentals(today - pd.Timedelta(days=93), days=90, seed=7).to_csv(made.folder / "rentals.csv", index=False)
    rentals(today - pd.Timedelta(days=3), days=3, seed=8).to_csv(made.folder / "newest.csv", index=False)
    assert made.types() == ""  # the PATH
    assert "every row passes" in made.types()  # init
    spec = made.folder / "deployments" / "rentals" / "project.yaml"
    text = spec.read_text(encoding="utf-8")
    for guessed, known in (
        ("owner: your name", "owner: bike team"),
        ("folds: 3", "folds: 1"),
        ("task: regression", "task: regression\n  time_treatments: [all_history]"),
    ):
        assert guessed in text
        text = text.replace(guessed, known)
    spec.write_text(text, encoding="utf-8")
    assert made.types().endswith("rentals is ready: `leeway run nightly rentals`, or `leeway up`\n")  # check


@pytest.fixture(scope="package")
def up(checkout: Checkout) -> Iterator[Up]:
    """Type `leeway up`, the page's next command, in a terminal of its own."""
    command = next(checkout.blocks).strip()
    assert command == "leeway up"
    program, where = str(checkout.folder / ".venv" / "bin" / "leeway"), checkout.folder
    with checkout.log.open("wb") as output:
        process = subprocess.Popen([program, "up"], cwd=where, env=checkout.environment, stdout=output, stderr=output)
    try:
        made = Up(checkout, process)
        made.wait_for("Ctrl-C")
        yield made
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


@pytest.fixture(scope="package")
def screen(browser: Browser) -> Page:
    """A page of a real browser."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.set_default_timeout(PATIENCE_SECONDS * 1000)
    return page
