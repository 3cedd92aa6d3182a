"""The controller as a process: a server that does not answer delays no other project, and not its end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tasks.lake import Lake, append_entry
from tasks.records import PromotionEntry
from tasks.serve.service_settings import ServiceSettings
from tests.running_service import until
from tests.unit.serve.packages import SPEC_TEXT, write_suite

MOMENT = datetime(2026, 11, 20, 3, tzinfo=UTC)
FROZEN = Path(__file__).parents[1] / "unit" / "serve" / "frozen" / "log_protocol_1.jsonl"


def written(folder: Path, name: str) -> Path:
    """Write a project; return its project.yaml."""
    path = folder / name / "project.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(SPEC_TEXT.format(project=name), encoding="utf-8")
    write_suite(path.parent)
    return path


@pytest.mark.timeout(300)
def test_a_registry_that_does_not_answer_delays_neither_another_project_nor_the_end(tmp_path: Path) -> None:
    root, paths = tmp_path / "home" / "serving", [written(tmp_path / "projects", name) for name in ("flats", "houses")]
    promoted = PromotionEntry(
        name="1", action="promoted", subject="version 1", digest="1" * 64, night=MOMENT.date(), time=MOMENT, reason=""
    )
    append_entry(Lake(str(tmp_path / "lake")), "flats", promoted)
    kept = root / "prediction_log" / "houses" / "2026-02-03-0-ab.jsonl"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(FROZEN.read_bytes())
    ServiceSettings(projects=("flats", "houses"), root=str(root), trusted=()).write()
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never replies
        environment = os.environ | {
            "LEEWAY_LAKE": str(tmp_path / "lake"),
            "LEEWAY_HOME": str(tmp_path / "home"),
            "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{silent.getsockname()[1]}",
        }
        command = [sys.executable, "-m", "flows.serving.controller", str(tmp_path / "home"), *map(str, paths)]
        process = subprocess.Popen(command, env=environment)
        try:
            silent.settimeout(200)
            with silent.accept()[0]:  # the registry is asked for the champion of flats
                until((root / "houses" / "no_champion.txt").exists, seconds=20)
                until(lambda: not kept.exists(), seconds=20)
                process.send_signal(signal.SIGTERM)
                assert process.wait(timeout=20) == 0
        finally:
            process.kill()
            process.wait()
