"""`leeway bundle` writes the champion, or any version, as a folder that only its makers' keys have signed."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from flows.cli.app import main
from flows.cli.commands.service.write_bundle import bundle_project, land_kept, verify_bundle
from tasks.errors import DataError, EvidenceError, Terminal
from tasks.serving_store.logged_rows import logged_answers
from tests.integration.served_project import Project
from tests.unit.serve.packages import ROW

PAGE = Path(__file__).parents[2] / "deployments" / "BUNDLES.md"
COMMANDS = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0].splitlines()
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of third parties' own imports


def test_the_champion_or_any_version_is_bundled_and_verified(
    tmp_path: Path,
    mlflow_url: str,
    prefect_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", prefect_url)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_url)
    monkeypatch.setenv("LEEWAY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LEEWAY_PROJECTS", str(tmp_path / "projects"))
    project, out = Project(tmp_path, mlflow_url, "bundled-flats"), tmp_path / "out"
    with pytest.raises(Terminal, match="has no champion yet"):
        bundle_project(project.name, None, "python", out)
    project.promote(1)
    monkeypatch.chdir(tmp_path)
    for command in COMMANDS:
        monkeypatch.setattr(sys, "argv", command.replace("house-prices", project.name).split())
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
    assert len(COMMANDS) == 3
    capsys.readouterr()
    bundle_project(project.name, None, "python", out)
    said = capsys.readouterr().out
    assert "version 1 of bundled-flats for python" in " ".join(said.split())
    assert "bundle.leeway" in said
    tested = subprocess.run(
        [sys.executable, "-s", "-S", "-E", str(out / "leeway.py"), "selftest"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert tested.stdout.startswith("bundled-flats version 1: 400 reference rows")
    kept = tmp_path / "kept"
    with pytest.raises(DataError, match="has no answers; expected files that"):
        land_kept(project.name, kept)
    lines = "".join(f"{json.dumps(ROW | {'flat': flat})}\n" for flat in (1, 2))
    for words, given in ((["answer", "--keep", str(kept)], lines), (["hand-over", str(kept)], "")):
        subprocess.run([sys.executable, str(out / "leeway.py"), *words], input=given, text=True, check=True, timeout=60)
    land_kept(project.name, kept)
    assert "2 answers in 1 file landed; the next night takes them in" in capsys.readouterr().out
    (landed,) = (project.path.parent / "served" / "rows").iterdir()
    assert len(logged_answers(landed.read_bytes())) == 2
    of_another = landed.read_bytes().replace(b'"version":1', b'"version":2')
    path = kept / f"2026-01-01-{hashlib.sha256(of_another).hexdigest()[:16]}.jsonl"
    path.write_bytes(of_another)
    with pytest.raises(DataError, match=r"1 file did not land .* version 2"):
        land_kept(project.name, kept)
    assert path.exists()
    verify_bundle(out)
    assert "verified: bundled-flats for python, serial " in " ".join(capsys.readouterr().out.split())
    with pytest.raises(DataError, match="replaces only an earlier one of the same project and form"):
        bundle_project(project.name, None, "browser", out)
    with pytest.raises(DataError, match="linear, and onnxruntime adds up in another order"):
        bundle_project(project.name, None, "onnx", tmp_path / "other")
    bundle_project(project.name, 2, "python", out)
    assert "version 2" in capsys.readouterr().out
    with pytest.raises(Terminal, match="no version 9"):
        bundle_project(project.name, 9, "python", out)
    monkeypatch.setenv("LEEWAY_HOME", str(tmp_path / "of someone else"))
    with pytest.raises(EvidenceError, match="is signed by none of the"):
        verify_bundle(out)
