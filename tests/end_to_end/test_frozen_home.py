"""A home, a lake and a registry that an earlier version left: the present code reads them and goes on."""

from __future__ import annotations

import sqlite3
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.lake import active_rows, read_entries, read_nights
from tests.servers import HOST, Server, free_port, serving

if TYPE_CHECKING:
    from flows.workspace import Workspace

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of third parties' own imports
ARCHIVE = Path(__file__).parent / "frozen" / "home.tar.xz"
PROJECT = "corner-shop"
CHAMPION = 2
LAST, NEXT = date(2026, 6, 1), date(2026, 6, 8)
RECORDED = {
    ("night", "wait"): 1, ("night", "score"): 2, ("night", "quarantine"): 1, ("night", "hold"): 4, ("night", "ask"): 3,
    ("retraining", "registered"): 3, ("retraining", "refused"): 1,
    ("promotion", "approved"): 2, ("promotion", "promoted"): 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack the home; the only absolute paths in it, where training rows were read from, are those of the copy."""
    where = tmp_path_factory.mktemp("frozen")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(where, filter="data")
    with sqlite3.connect(where / "mlflow" / "mlflow.db") as registry:
        registry.execute("UPDATE datasets SET dataset_source = replace(dataset_source, '/frozen', ?)", (str(where),))
    registry.close()
    return where


@pytest.fixture(scope="module")
def workspace(frozen: Path, prefect_server: Server) -> Iterator[Workspace]:
    """Open the project, with an MLflow server on the copy of its registry."""
    from flows.workspace import open_workspace
    from tests.conftest import using_servers

    home, port = frozen / "mlflow", free_port()
    url = f"http://{HOST}:{port}"
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{home / 'mlflow.db'}"),
        *("--serve-artifacts", "--artifacts-destination", str(home / "artifacts")),
    ]
    with serving(command, home, f"{url}/health"), using_servers(frozen, prefect_server.answering(), url):
        yield open_workspace(PROJECT)


def leeway(*words: str) -> int:
    from flows.cli.app import main

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["leeway", *words])
        with pytest.raises(SystemExit) as ended:
            main()
    return int(ended.value.code or 0)


def test_every_entry_of_the_record_is_read(workspace: Workspace) -> None:
    entries = read_entries(workspace.lake, PROJECT)
    assert Counter((entry.kind, entry.action) for entry in entries) == RECORDED
    assert all(entry.answers for entry in read_nights(workspace.lake, PROJECT))


def test_each_of_its_nights_is_explained(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    for entry in read_nights(workspace.lake, PROJECT):
        assert leeway("why", PROJECT, entry.night.isoformat()) == 0
        assert entry.reason.split(";")[0][:40] in " ".join(capsys.readouterr().out.split())


def test_status_shows_the_version_that_waits(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert leeway("status", workspace.project) == 0
    assert "version 3" in capsys.readouterr().out


def test_the_report_shows_its_nights(workspace: Workspace) -> None:
    from flows.steps.publish import write_report

    report = Path(write_report(workspace)).read_text(encoding="utf-8")
    assert all(entry.night.isoformat() in report for entry in read_nights(workspace.lake, PROJECT))


def test_a_version_trained_then_is_made_again_to_the_byte(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    from flows.cli.commands.models.reproduce import reproduce_version

    assert reproduce_version(workspace.project, 3), capsys.readouterr().out


@pytest.fixture(scope="module")
def approved(workspace: Workspace) -> Workspace:
    """The version that waited is approved; it was not signed with the champion that it was compared with."""
    from flows.cli.commands.models.answer_challenger import answer_challenger
    from flows.promote import promote

    answer_challenger(PROJECT, 3, "approved", "it knows the new prices")
    promote(PROJECT, LAST)
    return workspace


def test_the_champion_stays_and_a_version_without_a_signed_statement_is_to_be_trained_again(
    approved: Workspace,
) -> None:
    assert approved.registry.aliases(PROJECT)["champion"] == CHAMPION
    *_, refused, adopted = read_entries(approved.lake, PROJECT, "promotion")
    assert (refused.action, refused.subject) == ("refused", "version 3")
    assert "retrain for a new version" in refused.reason
    assert (adopted.action, adopted.subject) == ("adopted", f"version {CHAMPION}")


def test_the_next_night_is_scored_by_the_champion_and_a_retraining_is_judged_against_it(approved: Workspace) -> None:
    from flows.nightly import nightly
    from flows.retrain import retrain

    night = nightly(PROJECT, NEXT)
    assert night["rows_in"] == 120  # rows, and labels of the week before
    predictions = active_rows(approved.lake, PROJECT, "predictions")
    newest = predictions[predictions["row_id"].str.startswith("21-")]
    assert set(newest.loc[newest["role"] == "champion", "version"]) == {CHAMPION}
    assert newest["row_id"].nunique() == 60
    assert retrain(PROJECT, NEXT)["action"] in {"registered", "refused"}
    assert read_entries(approved.lake, PROJECT, "retraining")[-1].night == NEXT
