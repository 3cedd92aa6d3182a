"""A project gets another name: in a bucket, wherever it is interrupted, and with what the service has kept of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pandas as pd
import pytest
from pyarrow import fs

from flows.rename import Renaming, _faults
from tasks.lake import Lake, append_entry, move_project, read_entries, s3_options
from tasks.lake.object_files import MOVED, file_system
from tasks.records import MigrationEntry
from tasks.serving_store import ApiKeys, new_key, read_keys, write_keys
from tasks.serving_store.logged_rows import LOG_FOLDER
from tasks.serving_store.renamed_project import rename_kept
from tasks.serving_store.sent_files import LABEL_FOLDER, keep_sent, waiting_files
from tests.integration.s3proxy import moto_process
from tests.recorded_entries import decided_night

MOMENT = datetime(2026, 2, 1, tzinfo=UTC)


class KilledError(Exception):
    """The process died here."""


class NoRegistry:
    """An MLflow that has neither name."""

    def is_taken(self, _old: str, _new: str) -> bool:
        return False


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from moto_process(tmp_path_factory.mktemp("moto"))


@pytest.fixture
def lake(store: str, monkeypatch: pytest.MonkeyPatch) -> Lake:
    settings = {"AWS_ENDPOINT_URL": store, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3", endpoint_url=store, region_name="us-east-1").create_bucket(Bucket="lake")
    options = s3_options({**settings, "AWS_REGION": "us-east-1", "AWS_ALLOW_HTTP": "true"})
    return Lake("s3://lake/home", options)


def filled(lake: Lake, old: str, new: str) -> None:
    append_entry(lake, old, decided_night(1))
    said = {"night": date(2026, 2, 3), "time": MOMENT, "action": "renamed", "subject": new, "reason": "asked to"}
    append_entry(lake, old, MigrationEntry(name=f"1/{new}", **said))  # type: ignore[arg-type]
    rows = pd.DataFrame({"row_id": ["a", "b"], "event_date": date(2026, 2, 1), "batch_id": "x", "revision": 1})
    lake.append_if_absent(old, "rows", rows, "x/1")
    lake.put(old, "report.html", b"a page")


def renaming(lake: Lake, folder: Path, old: str, new: str, is_moved: bool = True) -> Renaming:
    name = new if is_moved else old
    (folder / name).mkdir(parents=True, exist_ok=True)
    spec = f"project: {new}\nformerly: [{old}]\n" if is_moved else f"project: {old}\n"
    (folder / name / "project.yaml").write_text(spec, encoding="utf-8")
    registry: Any = NoRegistry()
    return Renaming(old, new, folder, lake, registry)


def dying(system: Any, at: int) -> Any:
    """Return a file system of which a step of a renaming is never made."""
    steps = count(1)

    def mortal(do: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            if next(steps) == at:
                raise KilledError
            return do(*args)

        return call

    names = ("copy_file", "delete_file", "open_output_stream")
    steps_of = {name: mortal(getattr(system, name)) for name in names}
    return SimpleNamespace(get_file_info=system.get_file_info, **steps_of)


def test_a_renaming_in_a_bucket_goes_on_wherever_it_was_interrupted(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEEWAY_HOME", str(tmp_path / "home"))
    system, _ = file_system(lake.root, lake.options)
    killed = 0
    for at in range(1, 99, 3):
        old, new = f"old{at}", f"new{at}"
        filled(lake, old, new)
        asked, wanted = renaming(lake, tmp_path / "projects", old, new), read_entries(lake, old)
        before = killed
        with monkeypatch.context() as killing:
            mortal = dying(system, at)
            killing.setattr("tasks.lake.object_files.file_system", lambda root, _, it=mortal: (it, root[5:]))
            try:
                move_project(lake, old, new)
            except KilledError:
                killed += 1
        for name in (old, new):
            lake.forget(name)
        assert list(_faults(asked)) == [], at
        assert max(len(read_entries(lake, name)) for name in (old, new)) == len(wanted)
        move_project(lake, old, new)
        assert read_entries(lake, new) == wanted
        assert sorted(lake.read(new, "rows")["row_id"]) == ["a", "b"]
        assert lake.get(new, "report.html") == b"a page"
        left = system.get_file_info(fs.FileSelector("lake/home", recursive=True))
        names = [each.path for each in left if each.type == fs.FileType.File]
        assert not [name for name in names if f"/{old}/" in name or name.endswith(f"/{MOVED}")]
        if killed == before:
            break
    assert killed > 5


def test_a_project_of_its_own_is_no_copy(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEEWAY_HOME", str(tmp_path / "home"))
    append_entry(lake, "first", decided_night(1))
    append_entry(lake, "second", decided_night(1))
    asked = renaming(lake, tmp_path / "projects", "first", "second", is_moved=False)
    assert any("has a record of 'second' already" in fault for fault in _faults(asked))


def test_what_the_service_has_kept_lands_under_the_new_name_and_its_keys_go_along(tmp_path: Path) -> None:
    key, _ = new_key("app", projects=("old", "other"))
    everywhere, _ = new_key("ops")
    write_keys(tmp_path, ApiKeys((key, everywhere)))
    for project in ("old", "new"):  # a project that had the new name before has left some
        keep_sent(tmp_path, project, [{"id": project, "label": 1}], MOMENT)
        (tmp_path / LOG_FOLDER / project).mkdir(parents=True)
        (tmp_path / LOG_FOLDER / project / "1.jsonl").write_text(project, encoding="utf-8")
    (tmp_path / "old" / "digest").mkdir(parents=True)
    for _ in range(2):
        rename_kept(tmp_path, "old", "new")
    assert len(waiting_files(tmp_path, "new", LABEL_FOLDER)) == 2
    logged = [path.read_text(encoding="utf-8") for path in (tmp_path / LOG_FOLDER / "new").iterdir()]
    assert sorted(logged) == ["new", "old"]
    assert [each.projects for each in read_keys(tmp_path).keys] == [("new", "other"), ()]
    assert not (tmp_path / "old").exists()
    assert not (tmp_path / LABEL_FOLDER / "old").exists()
