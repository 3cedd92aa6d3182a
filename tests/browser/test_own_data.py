"""deployments/OWN_DATA.md, followed by a stranger: each command as it stands there, each button in a real browser."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from playwright.sync_api import Locator, Page, sync_playwright

PAGE = Path(__file__).parents[2] / "deployments" / "OWN_DATA.md"
TEXT = PAGE.read_text(encoding="utf-8")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
CHOSEN = ("PREFECT_API_URL", "PREFECT_HOME", "MLFLOW_TRACKING_URI", "LEEWAY_PROJECTS", "LEEWAY_LAKE", "LEEWAY_HOME")
COMMAND_SECONDS = 120
STARTED_SECONDS = 150
NIGHT_SECONDS = 100
PROMOTED_SECONDS = 150
PATIENCE_SECONDS = 90  # the pages are megabytes of script, and other tests may run beside this one

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed, so no page can be opened")


@dataclass(frozen=True)
class Stranger:
    """Somebody in a folder like a fresh checkout, with a csv, a shell, a browser, and the page to follow."""

    folder: Path
    screen: Page
    blocks: Iterator[str]

    def types(self, *, seconds: float = COMMAND_SECONDS) -> str:
        """Type the next commands of the page; return what they print."""
        done = subprocess.run(
            ["bash", "-c", next(self.blocks)],
            cwd=self.folder,
            env=environment(self.folder),
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout

    def presses(self, label: str, where: Locator | None = None) -> None:
        """Press what the page says to press."""
        assert f"**{label}**" in TEXT
        (where or self.screen.get_by_role("button", name=label, exact=True)).first.click()


@pytest.fixture(scope="module")
def screen() -> Iterator[Page]:
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        yield page
        browser.close()


@pytest.fixture
def stranger(tmp_path: Path, screen: Page) -> Stranger:
    (tmp_path / "deployments").mkdir()
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    today = pd.Timestamp.now("UTC").tz_localize(None).normalize()
    rentals(today - pd.Timedelta(days=93), days=90, seed=7).to_csv(tmp_path / "rentals.csv", index=False)
    rentals(today - pd.Timedelta(days=3), days=3, seed=8).to_csv(tmp_path / "newest.csv", index=False)
    blocks = iter(re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))
    return Stranger(tmp_path, screen, blocks)


def rentals(first: pd.Timestamp, *, days: int, seed: int) -> pd.DataFrame:
    """Return 22 bike rentals a day: longer when it is warm, shorter against the wind and for members."""
    chance = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), 22)
    minute = chance.integers(0, 24 * 60, len(day))
    temperature = 12 + 8 * np.sin(day / 15) + chance.normal(0, 3, len(day))
    wind, member = chance.gamma(2, 4, len(day)), chance.random(len(day)) < 0.6
    station = chance.choice(["harbour", "market", "campus", "park"], len(day))
    minutes = 12 + 0.6 * temperature - 0.4 * wind - 8 * member + 9 * (station == "park") + chance.normal(0, 3, len(day))
    started = first + pd.to_timedelta(day, unit="D") + pd.to_timedelta(minute, unit="m")
    return pd.DataFrame({
        "rental": [f"R{first:%y%m%d}-{number:04d}" for number in range(len(day))],
        "started": started.strftime("%Y-%m-%d %H:%M"),
        "station": station,
        "temperature": temperature.round(1),
        "wind": wind.round(1),
        "member": np.where(member, "yes", "no"),
        "minutes": minutes.clip(1).round(1),
    })  # fmt: skip


def environment(folder: Path) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if name not in CHOSEN}
    path = f"{folder / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {**plain, "PATH": path, "OMP_NUM_THREADS": "1", "LEEWAY_PREFECT_PORT": "", "LEEWAY_MLFLOW_PORT": ""}


@pytest.mark.timeout(600)  # two minutes on a machine that does nothing else
def test_a_stranger_follows_the_page_from_a_csv_to_a_champion_that_scores(stranger: Stranger) -> None:
    assert stranger.types() == ""  # the PATH
    assert "every row passes" in stranger.types()  # init
    correct_the_guesses(stranger.folder)
    assert stranger.types().endswith("rentals is ready: `leeway run nightly rentals`, or `leeway up`\n")  # check
    stack, log = started(stranger)
    try:
        prefect = answered(stack, log)
        run_a_night_by_hand(stranger, prefect, "wait")
        approve(stranger, version_address(stranger.types()))  # run retrain
        status = stranger.types()
        assert "version 1" in status
        assert "nothing needs attention" in status
        assert stranger.types() == ""  # the next delivery lands
        run_a_night_by_hand(stranger, prefect, "score")
        assert "[66 rows x" in stranger.types()  # the predictions
        assert next(stranger.blocks, None) is None
        members = psutil.Process(stack.pid).children(recursive=True)
    finally:
        stack.send_signal(signal.SIGINT)
        assert stack.wait(60) == 0
    assert psutil.wait_procs(members, timeout=10)[1] == []


def correct_the_guesses(folder: Path) -> None:
    spec = folder / "deployments" / "rentals" / "project.yaml"
    text = spec.read_text(encoding="utf-8")
    for guessed, known in (
        ("owner: your name", "owner: bike team"),
        ("folds: 3", "folds: 1"),
        ("task: regression", "task: regression\n  time_treatments: [all_history]"),
    ):
        assert guessed in text
        text = text.replace(guessed, known)
    spec.write_text(text, encoding="utf-8")


def started(stranger: Stranger) -> tuple[subprocess.Popen[bytes], Path]:
    """Type `leeway up` in a terminal of its own."""
    command, log = next(stranger.blocks).strip(), stranger.folder / "up.log"
    assert command == "leeway up"
    with log.open("wb") as said:
        words, where = [str(stranger.folder / ".venv" / "bin" / "leeway"), "up"], stranger.folder
        return subprocess.Popen(words, cwd=where, env=environment(where), stdout=said, stderr=said), log


def answered(stack: subprocess.Popen[bytes], log: Path) -> str:
    """Return the log-in link that `leeway up` prints when all is ready."""
    deadline = time.monotonic() + STARTED_SECONDS
    while "Ctrl-C" not in log.read_text():
        assert stack.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.5)
    log_in = re.search(r"http://127\.0\.0\.1:\d+/leeway-login#\S+", log.read_text())
    assert log_in is not None
    return log_in[0]


def run_a_night_by_hand(stranger: Stranger, prefect: str, outcome: str) -> None:
    """Trigger the nightly deployment in the Prefect UI, and wait until the run's name says what came of it."""
    screen = stranger.screen
    screen.goto(prefect, wait_until="commit")
    stranger.presses("Deployments", screen.get_by_role("link", name="Deployments"))
    screen.get_by_role("row").filter(has_text="nightly").get_by_role("link", name="rentals").first.click()
    stranger.presses("Run")
    stranger.presses("Quick run", screen.get_by_text("Quick run", exact=True))
    stranger.presses("Run", screen.get_by_role("dialog").get_by_role("button", name="Run", exact=True))
    name = screen.get_by_text(re.compile(rf"^rentals \d{{4}}-\d{{2}}-\d{{2}}: {outcome}$"))
    name.first.wait_for(timeout=NIGHT_SECONDS * 1000)
    assert f": {outcome}`" in TEXT


def version_address(said: str) -> str:
    """Return the address that the retraining's last line ends with."""
    line = said.strip().splitlines()[-1]
    assert "registered" in line, said
    address = re.search(r"http://127\.0\.0\.1:\d+/#/models/rentals/versions/1\S*$", line)
    assert address is not None, said
    return address[0]


def approve(stranger: Stranger, address: str) -> None:
    """Read the card, add the tag, and wait for the champion."""
    screen = stranger.screen
    screen.goto(address)
    screen.get_by_text("May this version become champion of rentals?").wait_for()
    screen.get_by_placeholder("Name", exact=True).fill("approval")
    screen.get_by_placeholder("Value", exact=True).fill("approved")
    stranger.presses("Add")
    screen.get_by_role("cell", name="approved", exact=True).wait_for()
    deadline = time.monotonic() + PROMOTED_SECONDS
    while not screen.get_by_text("@ champion").count():
        assert time.monotonic() < deadline, "nobody promoted the approved version"
        screen.reload()
        screen.get_by_role("heading", name="Why now").wait_for()
        screen.wait_for_timeout(2000)
