"""Files appear as a whole, on the disk and for their owner alone, in a home as in a landing zone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.errors import Terminal
from tasks.lake import LandingFolder
from tasks.lake.object_files import write_object
from tasks.whole_file import private_folder, write_once, write_whole
from tests.unit.serve.packages import spec_of


@pytest.fixture(autouse=True)
def _open_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the paths that were written to the disk, in their order."""
    paths: list[str] = []
    real = os.fsync

    def noted(descriptor: int) -> None:
        paths.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    return paths


def modes(path: Path, root: Path) -> list[int]:
    """Return the permissions of a path and of the folders above it, up to a root."""
    above = [each for each in (path, *path.parents) if root in each.parents]
    return [each.stat().st_mode & 0o777 for each in above]


@pytest.mark.parametrize("by_address", [False, True])
def test_what_lands_is_its_owners_and_on_the_disk(tmp_path: Path, synced: list[str], *, by_address: bool) -> None:
    uri = f"file://{tmp_path}/served/rows" if by_address else "served/rows"
    LandingFolder(uri, spec_of(), tmp_path, {}).write([("2026/a.jsonl", b"{}\n")])
    landed = tmp_path / "served" / "rows" / "2026" / "a.jsonl"
    assert modes(landed, tmp_path) == [0o600, 0o700, 0o700, 0o700]
    assert [path.name for path in landed.parent.iterdir()] == ["a.jsonl"]
    assert synced[-2].startswith(f"{landed.parent}/.a.jsonl.")  # the content, before it has its name
    assert synced[-1] == str(landed.parent)
    assert str(tmp_path) in synced  # the name of the first new folder


def test_an_object_of_the_lake_is_its_owners_and_on_the_disk(tmp_path: Path, synced: list[str]) -> None:
    write_object(str(tmp_path), {}, "flats/objects/page", b"1")
    path = tmp_path / "flats" / "objects" / "page"
    assert modes(path, tmp_path) == [0o600, 0o700, 0o700]
    assert synced[-1] == str(path.parent)


def test_a_folder_that_exists_keeps_its_permissions(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir(mode=0o750)
    private_folder(tmp_path / "shared" / "mine")
    assert modes(tmp_path / "shared" / "mine", tmp_path) == [0o700, 0o750]


def test_the_first_of_two_that_write_a_file_once_wins(tmp_path: Path, synced: list[str]) -> None:
    for content in (b"first", b"second"):
        write_once(tmp_path / "key", content)
    assert (tmp_path / "key").read_bytes() == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    assert str(tmp_path) in synced


def test_a_refused_write_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "a", b"1")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_landing_zone_that_cannot_be_written_to_is_refused_before_anything_is_kept_for_it(tmp_path: Path) -> None:
    LandingFolder("served/rows", spec_of(), tmp_path, {}).require_writable()
    assert (tmp_path / "served" / "rows").stat().st_mode & 0o777 == 0o700
    LandingFolder("s3://landing/served", spec_of(), tmp_path, {}).require_writable()
    (tmp_path / "file").write_text("")
    for uri in ("/proc/served", "file/rows"):
        with pytest.raises(Terminal, match=r"cannot be written to .*s3://bucket/prefix"):
            LandingFolder(uri, spec_of(), tmp_path, {}).require_writable()
