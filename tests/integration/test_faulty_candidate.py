"""A candidate in a running service that fails, answers with no number, or sleeps for each request: none is noticed."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tasks import clock
from tasks.serving_store import RolloutGrant
from tasks.serving_store.rollout_ledger import read_sums
from tests.running_service import Client, Running, running, two_versions, until
from tests.unit.serve.canaries import LIMITS
from tests.unit.serve.packages import KEY

BUDGET_MS = 5_000.0
"""Long, so that a loaded machine answers in time; other requests would wait while the candidate sleeps."""
SLEEP_SECONDS = BUDGET_MS / 1000 / 3
PATCH = """\
import time
from pathlib import Path

from tasks.serve.served_version import ServedVersion

computed, fault = ServedVersion._computed, Path({fault!r})

def with_fault(version, rows):
    how = fault.read_text() if version.number == 2 and fault.exists() else ""
    if how == "raises":
        raise RuntimeError("no such file")
    if how == "sleeps":
        time.sleep({seconds})
    inputs, made = computed(version, rows)
    if how == "no number":
        made.prediction[:] = float("nan")
    return inputs, made

ServedVersion._computed = with_fault
"""


def granted(service: Running, rollout: str) -> RolloutGrant:
    """Return a grant of all requests for the second version."""
    return RolloutGrant(
        protocol=1,
        project="flats",
        serial=int(clock.now().timestamp() * 1000),
        rollout=rollout,
        stage=1,
        champion=service.digests[0],
        candidate=service.digests[1],
        version=2,
        share=1.0,
        entity="",
        quota=10**6,
        slots=1,
        unit=5.0,
        limits=LIMITS,
        not_after=clock.now().timestamp() + 3600,
    )


@pytest.mark.timeout(600)
def test_no_request_fails_or_is_late_for_a_candidate_that_raises_an_error_has_no_number_or_sleeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault, patches = tmp_path / "fault", tmp_path / "patches"
    patches.mkdir()
    (patches / "sitecustomize.py").write_text(PATCH.format(fault=str(fault), seconds=SLEEP_SECONDS))
    monkeypatch.setenv("PYTHONPATH", str(patches))
    packages = two_versions(tmp_path)
    with running(tmp_path, packages, budget_ms=BUDGET_MS) as service:
        service.store.write_grant(granted(service, "2-first"), KEY)
        with Client(service, "before") as client:
            until(lambda: bool(client.replies) and client.replies[-1][1].get("version") == 2, 120)
            fault.write_text("raises")
            until(lambda: read_sums(service.store.root, "flats", "2-first", 1).stopped > 0, 120)
            stopped = len(client.replies)
            until(lambda: client.has_more_than(stopped + 20), 120)
        assert ({status for status, _ in client.replies}, client.failures) == ({200}, [])
        assert {reply["version"] for _, reply in client.replies[stopped:]} == {1}
        fault.write_text("sleeps")
        service.store.write_grant(granted(service, "2-second"), KEY)
        with Client(service, "asleep") as client:
            until(lambda: read_sums(service.store.root, "flats", "2-second", 1).refused > 0, 120)
            refused = len(client.replies)
            until(lambda: client.has_more_than(refused + 20), 120)
        assert ({status for status, _ in client.replies}, client.failures) == ({200}, [])
        assert {reply["version"] for _, reply in client.replies} == {1}
        lease = msgspec.structs.replace(granted(service, "2-second"), not_after=clock.now().timestamp() + 3600)
        fault.write_text("")
        service.store.write_grant(lease, KEY)
        until(lambda: service.ask()[1].get("version") == 2, 120)
        with Client(service, "no number") as client:
            until(lambda: bool(client.replies) and client.replies[-1][1].get("version") == 2, 120)
            fault.write_text("no number")
            until(lambda: read_sums(service.store.root, "flats", "2-second", 1).stopped > 0, 120)
            stopped = len(client.replies)
            until(lambda: client.has_more_than(stopped + 20), 120)
        assert ({status for status, _ in client.replies}, client.failures) == ({200}, [])
        assert {reply["version"] for _, reply in client.replies[stopped:]} == {1}
