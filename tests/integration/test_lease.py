"""Leases in a real lake: one at a time, and the dead do not hold."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from tasks.errors import Conflict
from tasks.lake import Lake, Lease, acquire_lease, compact, lease


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def current(lake: Lake, project: str, name: str) -> Lease | None:
    """Return the lease that runs now."""
    return lease._running(lease._last(lake, project, name))


def test_a_lease_is_held_for_the_block_and_then_given_back(lake: Lake) -> None:
    with acquire_lease(lake, "houses", "night") as mine:
        found = current(lake, "houses", "night")
        assert found is not None
        assert (found.holder, found.token) == (mine.holder, mine.token)
    assert current(lake, "houses", "night") is None


def test_leases_of_other_names_and_projects_are_apart(lake: Lake) -> None:
    with (
        acquire_lease(lake, "houses", "night"),
        acquire_lease(lake, "houses", "retraining"),
        acquire_lease(lake, "cars", "night"),
    ):
        assert current(lake, "cars", "retraining") is None


def test_an_error_in_the_block_gives_the_lease_back(lake: Lake) -> None:
    with pytest.raises(ZeroDivisionError), acquire_lease(lake, "houses", "night"):
        _ = 1 / 0
    assert current(lake, "houses", "night") is None


def test_the_error_of_a_long_wait_names_the_holder(lake: Lake) -> None:
    with (
        acquire_lease(lake, "houses", "night", holder="elsewhere/1/0.00"),
        pytest.raises(Conflict, match=r"elsewhere/1/0\.00 has been doing the night of houses"),
        acquire_lease(lake, "houses", "night", patience_seconds=0),
    ):
        pass


def test_many_at_once_are_one_after_the_other(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "LOOK_SECONDS", 0.01)
    inside, most, tokens = 0, 0, []

    def work() -> None:
        nonlocal inside, most
        with acquire_lease(lake, "houses", "night") as mine:
            inside += 1
            most = max(most, inside)
            tokens.append(mine.token)
            time.sleep(0.01)
            inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert len(set(tokens)) == 8
    assert tokens == sorted(tokens)


def test_who_acts_on_a_state_that_changed_meanwhile_gets_nothing(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    with acquire_lease(lake, "houses", "night", holder="first/1/1"):
        compact(lake, "houses", "leases")  # a commit that is no lease
        states = iter([None])
        seen = lease._last
        monkeypatch.setattr(lease, "_last", lambda *asked: next(states, seen(*asked)))
        with (
            pytest.raises(Conflict, match="first/1/1 has been doing"),
            acquire_lease(lake, "houses", "night", patience_seconds=0),
        ):
            pass


def test_a_holder_that_was_killed_holds_nothing(lake: Lake) -> None:
    code = (
        "import os, signal\nfrom tasks.lake import Lake, acquire_lease\n"
        f"with acquire_lease(Lake({lake.root!r}), 'houses', 'night'):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert len(lake.read("houses", "leases")) == 1  # never given back
    with acquire_lease(lake, "houses", "night", patience_seconds=0):
        pass


def test_a_machine_that_is_gone_holds_until_its_lease_runs_out(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "SPAN", timedelta(seconds=0.3))
    lease._taken(lake, "houses", "night", ("gone/1/0.00", 0))
    assert current(lake, "houses", "night") is not None
    with acquire_lease(lake, "houses", "night", patience_seconds=5):
        pass


def test_a_holder_that_wakes_up_late_does_not_end_the_next_ones_lease(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "SPAN", timedelta(seconds=0))
    late = lease._taken(lake, "houses", "night", ("gone/1/0.00", 0))
    monkeypatch.setattr(lease, "SPAN", timedelta(seconds=60))
    with acquire_lease(lake, "houses", "night") as mine:
        lease._write(lake, "houses", late, until=late.until)
        found = current(lake, "houses", "night")
        assert found is not None
        assert found.token == mine.token


def test_a_long_block_prolongs_its_lease(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "PROLONG_SECONDS", 0.05)
    with acquire_lease(lake, "houses", "night") as mine:
        time.sleep(0.4)
        found = current(lake, "houses", "night")
        assert found is not None
        assert found.until > mine.until
