"""What `leeway up` makes good when the processes that it is made of are killed."""

from __future__ import annotations

import os
import re
import signal
import time

from flows.stack.process_registry import supervisor_of
from tasks.lake import Lake, read_nights
from tests.leeway_up.checkout import Up


def test_a_killed_keeper_is_replaced_and_interrupted_work_is_done(up: Up) -> None:
    run = up.run_night("orders")
    while up.state(run)["type"] == "SCHEDULED":
        time.sleep(0.5)
    before, keeper = up.output, supervisor_of(up.checkout.home)
    assert keeper is not None
    keeper.kill()
    up.wait_for("the supervisor of the servers has ended; restarting everything")
    state = up.finished(run)  # at the same address
    assert state["type"] == "COMPLETED", state
    assert (up.checkout.home / "lake" / "orders" / "decisions").is_dir()
    said = up.output.removeprefix(before)
    assert re.search(r"[12] interrupted runs? scheduled again", said)  # perhaps also one that looked for approvals


def test_a_night_with_a_killed_prefect_server_is_whole_by_the_next_attempt_at_the_latest(up: Up) -> None:
    lines = [f"{300 + number},2026-01-{1 + number % 28:02d},{number % 17},20" for number in range(60)]
    landing = up.checkout.folder / "deployments" / "orders" / "landing"
    (landing / "more.csv").write_text("\n".join(["order,day,size,price", *lines]))
    os.utime(landing / "more.csv", (time.time() - 3600,) * 2)  # no longer being written
    run = up.run_night("orders")
    while up.state(run)["type"] != "RUNNING":
        time.sleep(0.1)
    os.killpg(up.note["members"]["prefect"]["pid"], signal.SIGKILL)
    state = up.finished(run)  # whether its end could be reported depends on what it was doing
    assert state["type"] in {"COMPLETED", "CRASHED"}, state
    again = up.finished(up.run_night("orders"))
    assert again["type"] == "COMPLETED", again
    lake = Lake(str(up.checkout.home / "lake"))
    assert sorted(lake.read("orders", "rows")["row_id"], key=int) == list(map(str, range(360)))
    assert read_nights(lake, "orders")[-1].rows == 360
