"""A bundle replaces nothing but an earlier one of its own kind, and each change of a file is found by its signature."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from flows.serving.bundles.bundle_version import unbundled
from tasks.bundle import task
from tasks.bundle.bundle_forms import checked_about
from tasks.bundle.bundle_readme import bundle_readme
from tasks.bundle.task import read_bundle, write_bundle
from tasks.errors import DataError, EvidenceError
from tasks.inference.schema_parts import ConformalInterval
from tasks.registry.manifest import MANIFEST, SIGNATURE, verify
from tasks.whole_file import write_whole
from tests.unit.bundle.bundles import bundled_kind, files_of, packaged_kind, written
from tests.unit.serve.packages import KEY, spec_of


def verified(folder: Path) -> str:
    files = read_bundle(folder)
    about = checked_about(json.loads(files[MANIFEST]))
    return verify(files, [KEY.public_key()], about).digest


def test_each_change_of_a_file_is_found(tmp_path: Path) -> None:
    folder = written(tmp_path, "linear", "browser")
    assert verified(folder) == verified(folder)
    for name in sorted(read_bundle(folder)):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[:9] + bytes([content[9] ^ 1]) + content[10:])
        with pytest.raises((EvidenceError, ValueError)):
            verified(folder)
        (folder / name).unlink()
        with pytest.raises(EvidenceError):
            verified(folder)
        (folder / name).write_bytes(content)
    (folder / "more.txt").write_text("")
    with pytest.raises(EvidenceError, match=r"more\.txt is extra"):
        verified(folder)


def test_a_bundle_says_that_it_answers_without_the_intervals_of_its_version() -> None:
    plain = bundled_kind("regression")
    asked = replace(plain, schema=replace(plain.schema, interval=ConformalInterval(0.9, reach=0.25, rows=200)))
    said = "Predictions have no intervals (lower, upper) here"
    assert said in bundle_readme("python", asked).decode()
    assert said not in bundle_readme("python", plain).decode()


def test_code_that_python_would_run_instead_of_the_signed_files_is_found(tmp_path: Path) -> None:
    folder = written(tmp_path, "linear", "python")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "leeway_bundle.cpython-311.pyc").write_bytes(b"of an attacker")
    with pytest.raises(
        EvidenceError, match=r"has __pycache__, which no signature covers.* Remove it, and verify again"
    ):
        verified(folder)
    shutil.rmtree(folder / "__pycache__")
    assert verified(folder)


@pytest.mark.parametrize("failing", ["write_whole", "rename"])
def test_a_write_that_fails_leaves_the_earlier_bundle(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, done = written(tmp_path, "linear", "python"), []
    before = verified(folder)
    real: Callable[..., Any] = write_whole if failing == "write_whole" else Path.rename

    def full(*given: Any) -> Any:
        done.append(given)
        if len(done) == 2:  # the second file; or the new folder, once the earlier one is away
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*given)

    with monkeypatch.context() as patched:
        patched.setattr(Path if failing == "rename" else task, failing, full)
        with pytest.raises(OSError, match="No space left"):
            write_bundle(files_of("forest", "python"), folder)
    assert verified(folder) == before
    assert list(tmp_path.iterdir()) == [folder]
    write_bundle(files_of("forest", "python"), folder)
    assert verified(folder) != before
    assert list(tmp_path.iterdir()) == [folder]


def test_after_a_process_was_killed_the_same_command_succeeds(tmp_path: Path) -> None:
    folder = written(tmp_path, "linear", "python")
    before = verified(folder)
    code = (
        "import os, pathlib, sys; from tasks.bundle import task\n"
        "real, done = pathlib.Path.rename, []\n"
        "def rename(*given):\n"
        "    done.append(given)\n"
        "    if len(done) == int(sys.argv[2]): os.kill(os.getpid(), 9)\n"
        "    return real(*given)\n"
        "pathlib.Path.rename = rename\n"
        "names = [path for path in pathlib.Path(sys.argv[1]).iterdir()]\n"
        "task.write_bundle({path.name: path.read_bytes() for path in names}, pathlib.Path(sys.argv[1]))\n"
    )
    for moment, is_there in (("1", True), ("2", False)):
        killed = subprocess.run([sys.executable, "-c", code, str(folder), moment], check=False, timeout=60)
        assert (killed.returncode, folder.exists()) == (-9, is_there)
        if is_there:
            assert verified(folder) == before
        write_bundle(files_of("linear", "python"), folder)
        assert verified(folder) == before


def test_another_key_and_another_purpose_are_refused(tmp_path: Path) -> None:
    files = read_bundle(written(tmp_path, "linear", "browser"))
    about = checked_about(json.loads(files[MANIFEST]))
    with pytest.raises(EvidenceError, match="signed by none"):
        verify(files, [Ed25519PrivateKey.generate().public_key()], about)
    _, version = packaged_kind("linear")
    others: list[Any] = [json.loads(version[MANIFEST]), {}, [], {"about": {"bundle": "python", "serial": "x"}}]
    for other in others:
        with pytest.raises(EvidenceError, match="expected a bundle"):
            checked_about(other)
    assert {**about, "serial": ""} == {"project": "flats", "key": "flats/1", "bundle": "browser", "serial": ""}


def test_only_an_earlier_bundle_of_the_same_kind_is_replaced(tmp_path: Path) -> None:
    folder = written(tmp_path, "linear", "python")
    before = {path.name for path in folder.iterdir()}
    (folder / "__pycache__").mkdir()  # Python wrote it
    (folder / "__pycache__" / "leeway.cpython-311.pyc").write_bytes(b"compiled from what was here before")
    (folder / "leeway_trees.py").unlink()
    write_bundle(files_of("forest", "python"), folder)
    assert {path.name for path in folder.iterdir()} == before
    cases = {
        "of another form": folder,
        "of a person": tmp_path / "mine",
        "a file": tmp_path / "file",
        "link": tmp_path / "l",
    }
    cases["of a person"].mkdir()
    (cases["of a person"] / "thesis.txt").write_text("mine")
    cases["a file"].write_text("mine")
    cases["link"].symlink_to(folder)
    for where in cases.values():
        with pytest.raises(DataError):
            write_bundle(files_of("linear", "browser"), where)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match=r"not of its bundle: notes\.txt"):
        write_bundle(files_of("linear", "python"), folder)
    assert (cases["of a person"] / "thesis.txt").read_text() == "mine"
    # A manifest cannot make it remove files elsewhere.
    (folder / "notes.txt").unlink()
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"]["../mine/thesis.txt"] = {}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    write_bundle(files_of("linear", "python"), folder)
    assert (cases["of a person"] / "thesis.txt").read_text() == "mine"
    assert {MANIFEST, SIGNATURE} <= {path.name for path in folder.iterdir()}


def test_what_cannot_be_bundled_is_named_with_what_to_do(tmp_path: Path) -> None:
    _, files = packaged_kind("linear")
    schema = bundled_kind("linear").schema
    table = {
        "name": "cards",
        "uri": "cards",
        "entity": ["flat"],
        "event_time": "day",
        "columns": {"numbers": ["spent"]},
    }
    cases: list[tuple[dict[str, Any], str]] = [
        (
            {"features": {"numbers": ["area"], "function": "mine:add"}},
            "a bundle has no code and no tables",
        ),
        ({"features": {"numbers": ["area"], "tables": [table]}}, "answer with `leeway serve` or the nightly batch"),
        ({"automation": {"degree": "shadow"}}, "expected assist, partial or full"),
        ({"privacy": {"pseudonymise": ["city"]}}, "the secret key"),
    ]
    for changes, reason in cases:
        assert reason in "; ".join(unbundled(spec_of(**changes), schema, files, "python"))
    assert unbundled(spec_of(), schema, files, "python") == []
    older = {name: content for name, content in files.items() if name != "model.compact"}
    assert "use `--for onnx`" in unbundled(spec_of(), schema, older, "browser")[0]
    assert unbundled(spec_of(), schema, older, "onnx") == []
    with pytest.raises(EvidenceError, match="has no bundle"):
        read_bundle(tmp_path)
