"""Files that rows name: read below their folder only, verified, handed over in chunks; a bad one refuses its row."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from traceback import format_exception
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from flows.steps.publish import _pictures
from tasks.errors import SourceError, Unreachable
from tasks.ingest import FolderSource
from tasks.ingest.file_features import FileFeatures
from tasks.records import Delivery, Landed, NightEntry
from tasks.spec.project_spec import ProjectSpec
from tasks.validate.acceptance.quarantine_rows import readable_again
from tasks.validate.task import verdicts

FUNCTION = """
def of_files(rows):
    if any(content == b"bad" for content in rows["picture"]):
        raise ValueError("no picture")
    if sum(map(len, rows["picture"])) > 2 * 2**20:
        raise ValueError("too many at once")
    return rows.assign(size=[len(content) for content in rows["picture"]])
"""
MEBIBYTE = 2**20
FAULTS: dict[str | None, str] = {
    "../features.py": "file_name",
    "line/../../../features.py": "file_name",
    "/etc/passwd": "file_name",
    "line//7.png": "file_name",
    "line\\7.png": "file_name",
    "line/7.png\0": "file_name",
    "out.png": "file_name",  # a link
    "elsewhere/features.py": "file_name",  # below a link
    "a" * 256: "file_name",
    "a/" * 300 + "7.png": "file_name",
    "": "file_name",
    None: "file_name",
    "line/8.png": "file_missing",
    "line": "file_missing",
    "line/7.png/7.png": "file_missing",
    "pipe": "file_missing",
    "large.png": "file_too_large",
    "bad.png": "feature_function: ValueError: no picture",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "features.py").write_text(FUNCTION)
    (tmp_path / "expectations.json").write_text(json.dumps({"name": "screens", "expectations": []}))
    (tmp_path / "landing/files/line").mkdir(parents=True)
    (tmp_path / "landing/files/line/7.png").write_bytes(b"seven")
    return tmp_path


def spec_of(**files: Any) -> ProjectSpec:
    source = {"uri": "landing", "id": ["id"], "event_time": "at", "label": {"column": "faulty"}}
    named: dict[str, Any] = {
        "project": "screens",
        "scope": {"owner": "me", "objective": "screens", "metric": "mean_absolute_error"},
        "source": {**source, "files": {"column": "picture", **files}},
        "features": {"function": "features:of_files", "made": {"numbers": ["size"]}},
        "contract": {"max_bad_share": 1},
    }
    return ProjectSpec.model_validate(named)


def read(folder: Path, names: list[str | None], spec: ProjectSpec, **columns: Any) -> pd.DataFrame:
    rows = {"id": [f"r{place}" for place in range(len(names))], "at": "2026-05-01", "picture": names, "faulty": "1"}
    store = FolderSource(folder / "landing", None, "files")
    return FileFeatures(store, spec, folder)(pd.DataFrame(rows | columns, dtype="str"))


def test_the_function_gets_the_bytes_of_a_file_and_its_columns_and_the_digest_are_added_to_the_row(
    folder: Path,
) -> None:
    rows = read(folder, ["line/7.png"], spec_of())
    assert rows[["picture", "size", "picture (sha256)"]].to_numpy().tolist() == [
        ["line/7.png", 5.0, sha256(b"seven").hexdigest()]
    ]
    assert rows["picture (fault)"].isna().all()


def test_a_file_that_cannot_be_used_is_a_fault_of_its_row_only(folder: Path) -> None:
    files = folder / "landing/files"
    (files / "out.png").symlink_to(folder / "features.py")
    (files / "elsewhere").symlink_to(folder)
    (files / "large.png").write_bytes(bytes(MEBIBYTE + 1))
    (files / "bad.png").write_bytes(b"bad")
    os.mkfifo(files / "pipe")
    good = "line/7.png"
    rows = read(folder, [name for bad in FAULTS for name in (bad, good)], spec_of(object_mb=1))
    found, size = rows["picture (fault)"], rows["size"].fillna(-1)
    assert dict(zip(FAULTS, found[::2], strict=True)) == FAULTS
    assert found[1::2].isna().all()
    assert (size[::2].tolist(), size[1::2].tolist()) == ([-1] * len(FAULTS), [5] * len(FAULTS))


def test_a_link_within_the_folder_is_followed(folder: Path) -> None:
    (folder / "landing/files/same.png").symlink_to(folder / "landing/files/line/7.png")
    assert read(folder, ["same.png"], spec_of())["size"].tolist() == [5]


def test_another_digest_refuses_the_row_and_the_delivered_one_is_kept(folder: Path) -> None:
    right = sha256(b"seven").hexdigest()
    digests = [right, right.upper(), "0" * 64, ""]
    rows = read(folder, ["line/7.png"] * 4, spec_of(sha256="digest"), digest=digests)
    assert rows["picture (fault)"].fillna("").tolist() == ["", "", "file_digest", "file_digest"]
    assert rows["digest"].tolist() == digests
    assert "picture (sha256)" not in rows


def test_no_more_than_a_chunk_of_files_is_in_memory_at_once(folder: Path) -> None:
    spec = spec_of(object_mb=1, chunk_mb=2)
    for place in range(6):
        (folder / f"landing/files/{place}").write_bytes(bytes(MEBIBYTE - place))
    rows = read(folder, [f"{place}" for place in range(6)], spec)
    assert rows["size"].tolist() == [MEBIBYTE - place for place in range(6)]


def test_the_folder_of_the_files_has_no_deliveries(folder: Path) -> None:
    (folder / "landing/2026-05-01.csv").write_text("id\n")
    assert [each.key for each in FolderSource(folder / "landing", None, "files").list()] == ["2026-05-01.csv"]
    assert FolderSource(folder / "landing", None, "files").unfollowed() == ()


def test_the_contract_refuses_the_row_with_the_reason_and_a_release_does_not_accept_it(folder: Path) -> None:
    spec = spec_of()
    rows = read(folder, ["line/7.png", "line/8.png", "line/7.png"], spec)
    delivered = Delivery("b1", Landed("rows", "2026-05-01.csv", 9, date(2026, 5, 1)), rows)
    (checked,) = verdicts([delivered], spec, folder)
    assert checked.verdict == "partly_quarantined"
    assert checked.refused["reasons"].tolist() == ["file_missing:picture"]
    assert "1 of 3 rows: picture names a file that is not in source.files.folder" in checked.findings[0].message
    assert checked.findings[0].message.endswith("such as 'line/8.png'")
    assert checked.accepted[["size", "picture", "picture (sha256)"]].iloc[0].tolist() == [
        *(5.0, "line/7.png", sha256(b"seven").hexdigest())
    ]
    assert readable_again(checked.refused["raw"], "rows", spec).empty
    accepted = readable_again(pd.Series([row.to_json() for _, row in rows.iterrows()]), "rows", spec)
    assert accepted[["row_id", "size"]].to_numpy().tolist() == [["r0", 5.0], ["r2", 5.0]]  # nothing is read again


def test_what_the_function_says_of_a_file_is_in_the_finding(folder: Path) -> None:
    (folder / "landing/files/bad.png").write_bytes(b"bad")
    delivered = Delivery("b1", Landed("rows", "a.csv", 9, date(2026, 5, 1)), read(folder, ["bad.png"] * 2, spec_of()))
    (checked,) = verdicts([delivered], spec_of(), folder)
    assert [finding.message for finding in checked.findings if finding.rule == "feature_function"] == [
        "2 of 2 rows: the project's feature function fails on it: ValueError: no picture"
    ]


def test_a_delivery_without_the_column_is_refused_for_it_alone(folder: Path) -> None:
    rows = pd.DataFrame({"id": ["r0"], "at": "2026-05-01", "faulty": "1"}, dtype="str")
    read_rows = FileFeatures(FolderSource(folder / "landing", None, "files"), spec_of(), folder)(rows)
    (checked,) = verdicts([Delivery("b1", Landed("rows", "a.csv", 9, date(2026, 5, 1)), read_rows)], spec_of(), folder)
    assert [finding.rule for finding in checked.findings] == ["missing_column"]
    assert checked.findings[0].column == "picture"


def test_a_name_that_is_a_link_to_itself_or_to_a_name_that_is_too_long_refuses_its_row_only(folder: Path) -> None:
    files = folder / "landing/files"
    (files / "loop.png").symlink_to("loop.png")
    (files / "to.png").symlink_to("fro.png")
    (files / "fro.png").symlink_to("to.png")
    (files / "long.png").symlink_to("x" * 300)
    names = ["loop.png", "to.png", "long.png", "loop.png/7.png", "line/7.png/8.png", "line/7.png"]
    spec = spec_of()
    made = FileFeatures(FolderSource(folder / "landing", files="files"), spec, folder)(pd.DataFrame({"picture": names}))
    assert spec.source.files is not None
    assert made[spec.source.files.fault_column].fillna("").tolist() == [*["file_missing"] * 5, ""]
    assert made["size"].dropna().tolist() == [5.0]


class _Refusing:
    """A store that answers no read, with the name in what it says."""

    def __init__(self, kind: type[SourceError | Unreachable]) -> None:
        self._kind = kind

    def read_file(self, name: str, most_bytes: int) -> bytes:
        raise self._kind(f"{name!r} did not answer {most_bytes}") from OSError(5, "Input/output error", name)


@pytest.mark.parametrize("kind", [SourceError, Unreachable])
def test_an_error_of_the_store_has_no_name_of_a_file_where_privacy_is_set(
    folder: Path, kind: type[SourceError | Unreachable]
) -> None:
    spec, rows = spec_of(), pd.DataFrame({"picture": ["anna-berg.png"]})
    hidden = spec.model_copy(update={"privacy": spec.privacy.model_copy(update={"drop": ["name"]})})
    with pytest.raises(kind, match=r"anna-berg\.png"):
        FileFeatures(_Refusing(kind), spec, folder)(rows)
    with pytest.raises(kind, match="Input/output error") as said:
        FileFeatures(_Refusing(kind), hidden, folder)(rows)
    shown = "".join(format_exception(said.value))
    assert "anna-berg" not in shown


def test_whatever_is_wrong_with_the_pictures_of_a_report_no_night_stops(folder: Path) -> None:
    moment = datetime(2026, 5, 2, 3, tzinfo=UTC)
    night = NightEntry(name="n", night=moment.date(), time=moment, action="score", reason="")
    workspace: Any = SimpleNamespace(spec=spec_of(), folder=folder, lake=None)  # every read of the lake fails
    assert _pictures(workspace, [night]) == []
