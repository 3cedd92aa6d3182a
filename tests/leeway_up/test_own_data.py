"""deployments/OWN_DATA.md, followed by a stranger: each command of the page, and each button in a real browser.

The first commands are typed before `leeway up`, in conftest.py.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress

import pytest
from playwright.sync_api import Locator, Page
from playwright.sync_api import TimeoutError as NoAnswerError

from tests.leeway_up.checkout import TEXT, Checkout, Up

NIGHT_SECONDS = 180
ANSWER_SECONDS = 30
CREATED = "create_flow_run"
PRESSES = 3  # as a person does who sees no run
PROMOTED_SECONDS = 240


@pytest.mark.timeout(600)  # two minutes on a machine that does nothing else
def test_a_stranger_follows_the_page_from_a_csv_to_a_champion_that_scores(
    checkout: Checkout, up: Up, screen: Page
) -> None:
    run_a_night_by_hand(screen, up.log_in, "wait")
    approve(screen, version_address(checkout.types()))  # run retrain
    status = checkout.types()
    assert "version 1" in status
    assert "nothing needs attention" in status
    assert checkout.types() == ""  # the next delivery lands
    run_a_night_by_hand(screen, up.log_in, "score")
    assert "[66 rows x" in checkout.types()  # the predictions
    assert next(checkout.blocks, None) is None


def press(screen: Page, label: str, where: Locator | None = None) -> None:
    """Press what the page says to press."""
    assert f"**{label}**" in TEXT
    (where or screen.get_by_role("button", name=label, exact=True)).first.click()


def run_a_night_by_hand(screen: Page, log_in: str, outcome: str) -> None:
    """Trigger the nightly deployment in the Prefect UI, and wait until the run's name says what came of it."""
    screen.goto(log_in, wait_until="commit")
    press(screen, "Deployments", screen.get_by_role("link", name="Deployments"))
    screen.get_by_role("row").filter(has_text="nightly").get_by_role("link", name="rentals").first.click()
    for _ in range(PRESSES):
        if starts_a_run(screen):
            break
    name = screen.get_by_text(re.compile(rf"^rentals \d{{4}}-\d{{2}}-\d{{2}}: {outcome}$"))
    name.first.wait_for(timeout=NIGHT_SECONDS * 1000)
    assert f": {outcome}`" in TEXT


def starts_a_run(screen: Page) -> bool:
    """Press what starts a run; return whether the server has made one: it refuses while its SQLite is locked."""
    press(screen, "Run")
    press(screen, "Quick run", screen.get_by_text("Quick run", exact=True))
    dialog = screen.get_by_role("dialog")
    with suppress(NoAnswerError):
        with screen.expect_response(lambda answer: CREATED in answer.url, timeout=ANSWER_SECONDS * 1000) as made:
            press(screen, "Run", dialog.get_by_role("button", name="Run", exact=True))
        if made.value.ok:
            return True
    screen.reload()
    return False


def version_address(said: str) -> str:
    """Return the address that the retraining's message ends with."""
    assert "registered" in said, said
    address = re.search(r"http://127\.0\.0\.1:\d+/#/models/rentals/versions/1\S*$", said.strip())
    assert address is not None, said
    return address[0]


def approve(screen: Page, address: str) -> None:
    """Read the card, add the tag, and wait for the champion."""
    screen.goto(address)
    screen.get_by_text("May this version become champion of rentals?").wait_for()
    screen.get_by_placeholder("Name", exact=True).fill("approval")
    screen.get_by_placeholder("Value", exact=True).fill("approved")
    press(screen, "Add")
    screen.get_by_role("cell", name="approved", exact=True).wait_for()
    deadline = time.monotonic() + PROMOTED_SECONDS
    while not screen.get_by_text("@ champion").count():
        assert time.monotonic() < deadline, "the approved version was not promoted"
        screen.reload()
        screen.get_by_role("heading", name="Why now").wait_for()
        screen.wait_for_timeout(2000)
