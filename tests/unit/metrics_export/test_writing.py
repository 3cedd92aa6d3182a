"""The file the node exporter reads, and the gateway: written whole, and never in a night's way."""

from __future__ import annotations

import logging
import shutil
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pandas as pd
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tasks.lake import Lake
from tasks.metrics_export import NightFacts, RowCounts, failed_night
from tasks.metrics_export.task import room_timer, timed, with_machine_facts, write_metrics

BEGUN = datetime(2026, 1, 9, 2, 0, tzinfo=UTC)
FACTS = NightFacts("shop", BEGUN, finished=BEGUN, rows=RowCounts(accepted=95, quarantined=5), failures={})


class Gateway(BaseHTTPRequestHandler):
    """Takes what is pushed, or answers with an error."""

    taken: list[tuple[str, str, bytes]]
    status = 200

    def do_POST(self) -> None:
        self.do_PUT()

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append((self.command, self.path, body))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Gateway]]:
    handler = type("Taking", (Gateway,), {"taken": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("LEEWAY_PUSHGATEWAY", f"http://127.0.0.1:{server.server_port}")
    yield handler
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def no_gateway_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEEWAY_PUSHGATEWAY", raising=False)


def test_the_file_is_there_whole_and_nothing_else_is(tmp_path: Path) -> None:
    write_metrics(tmp_path, FACTS)
    assert [path.name for path in (tmp_path / "metrics").iterdir()] == ["shop.prom"]
    text = (tmp_path / "metrics" / "shop.prom").read_text()
    assert 'leeway_rows{project="shop",state="delivered"} 100.0' in text


def test_a_file_cut_short_is_replaced_and_said_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "metrics" / "shop.prom"
    path.parent.mkdir()
    path.write_text('leeway_rows{project="sh')
    with caplog.at_level(logging.WARNING, "leeway"):
        write_metrics(tmp_path, FACTS)
    assert "last_gauges_not_read" in caplog.text
    assert list(text_string_to_metric_families(path.read_text()))


def test_where_nothing_can_be_written_the_night_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "metrics").write_text("in the way")
    with caplog.at_level(logging.WARNING, "leeway"):
        write_metrics(tmp_path, FACTS)
    assert "gauges_not_written" in caplog.text


def test_the_gateway_is_given_the_same_under_the_projects_name(tmp_path: Path, gateway: type[Gateway]) -> None:
    write_metrics(tmp_path, FACTS)
    ((method, path, body),) = gateway.taken
    assert (method, path) == ("PUT", "/metrics/job/leeway/project/shop")
    assert body == (tmp_path / "metrics" / "shop.prom").read_bytes()


def test_a_failed_attempt_leaves_standing_what_only_the_gateway_remembers(
    tmp_path: Path, gateway: type[Gateway]
) -> None:
    write_metrics(tmp_path, failed_night("shop", OSError(), BEGUN))
    ((method, _, body),) = gateway.taken
    assert method == "POST"  # a PUT would remove every other metric of the project
    assert b"leeway_rows" not in body


def test_a_gateway_that_refuses_fails_no_night(
    tmp_path: Path, gateway: type[Gateway], caplog: pytest.LogCaptureFixture
) -> None:
    gateway.status = 500
    with caplog.at_level(logging.WARNING, "leeway"):
        write_metrics(tmp_path, FACTS)
    assert "gauges_not_pushed" in caplog.text
    assert (tmp_path / "metrics" / "shop.prom").exists()


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "no address at all", "gopher://x"])
def test_an_address_without_a_gateway_fails_no_night(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("LEEWAY_PUSHGATEWAY", address)
    with caplog.at_level(logging.WARNING, "leeway"):
        write_metrics(tmp_path, FACTS)
    assert "gauges_not_pushed" in caplog.text
    assert address not in caplog.text  # it may hold a password


def test_the_lake_is_measured_by_what_its_latest_commits_hold(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "lake"))
    frame = pd.DataFrame(
        {"row_id": ["a"], "batch_id": ["b"], "revision": [1], "event_date": [BEGUN.date()], "x": [1.0]}
    )
    for key in ("first", "second"):
        lake.append_if_absent("shop", "rows", frame, key)
    found = with_machine_facts(FACTS, lake, tmp_path)
    assert found.lake is not None
    assert {table: size.files for table, size in found.lake.items()} == {"rows": 2}
    on_disk = sum(path.stat().st_size for path in (tmp_path / "lake" / "shop" / "rows").glob("*.parquet"))
    assert found.lake["rows"].size_bytes == on_disk
    assert found.memory_peak_bytes is None or found.memory_peak_bytes > 2**20
    assert 0 < (found.home_free_bytes or 0) < (found.home_size_bytes or 0)


def test_a_room_that_fails_was_timed_as_well_and_times_add_up() -> None:
    with room_timer() as seconds:
        seconds["score"] = 100.0
        with pytest.raises(KeyError), timed("score"):
            raise KeyError
    assert seconds["score"] > 100.0


def test_a_room_without_a_timer_is_not_timed() -> None:
    with room_timer() as seconds:
        pass
    with timed("score"):
        pass
    assert seconds == {}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool (Debian's package prometheus)")
def test_prometheus_own_tool_has_nothing_to_say_about_the_file(tmp_path: Path) -> None:
    write_metrics(tmp_path, with_machine_facts(FACTS, Lake(str(tmp_path / "lake")), tmp_path))
    text = (tmp_path / "metrics" / "shop.prom").read_bytes()
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
