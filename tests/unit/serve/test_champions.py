"""What answers a project changes only for a route and a package that are whole; any other fault leaves it as it was."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from tasks.compact import COMPACT_FILE
from tasks.errors import EvidenceError
from tasks.inference.onnx_session import ONNX_FILE
from tasks.model import OnnxModel, model_files
from tasks.registry.manifest import seal, verify
from tasks.registry.statement import Statement
from tasks.serve.champions import Champions
from tasks.serving_store import ServingStore
from tasks.serving_store.project_notes import FAULT_FILE, NO_CHAMPION_FILE, forget_notes, note_champion
from tests.unit.serve.packages import KEY, MOMENT, fitted, package_of, write_suite


@pytest.fixture
def store(tmp_path: Path) -> ServingStore:
    write_suite(tmp_path)
    return ServingStore(tmp_path / "serving", [KEY.public_key()])


def published(store: ServingStore, number: int = 1) -> Path:
    """Publish a version of flats; return the folder of its package."""
    package, files = package_of(store.root.parent, fitted("linear"), number)
    digest = store.add_package(package, files, KEY)
    store.publish(package, digest, KEY, MOMENT)
    return store.root / "flats" / digest


def exchanged(champions: Champions) -> int | None:
    """Load what has changed; return the version that answers flats."""
    for project in champions.changed():
        found = champions.load(project)
        if found is not None:
            champions.exchange(found)
    serving = champions.get("flats")
    return None if serving is None else serving.version.number


def test_a_package_on_a_disk_that_does_not_answer_is_read_again(
    store: ServingStore, caplog: pytest.LogCaptureFixture
) -> None:
    folder, champions = published(store), Champions(store, ["flats"])
    model = (folder / ONNX_FILE).read_bytes()
    (folder / ONNX_FILE).unlink()
    (folder / ONNX_FILE).mkdir()  # to read it is an OSError, also for root
    with caplog.at_level(logging.ERROR):
        assert [exchanged(champions) for _ in range(3)] == [None] * 3
    assert "flats" in champions.faults
    assert len(caplog.records) == 1
    (folder / ONNX_FILE).rmdir()
    (folder / ONNX_FILE).write_bytes(model)
    assert exchanged(champions) == 1
    assert (champions.changed(), champions.faults) == ([], {})


def test_a_signed_model_that_cannot_be_loaded_leaves_the_version_before_it(
    store: ServingStore, caplog: pytest.LogCaptureFixture
) -> None:
    published(store)
    champions = Champions(store, ["flats"])
    assert exchanged(champions) == 1
    package, _ = package_of(store.root.parent, fitted("linear"), 2)
    broken = {**model_files(fitted("linear")), ONNX_FILE: b"no graph", COMPACT_FILE: b"no tables"}
    files = seal(broken, {"project": "flats", "key": "flats/2"}, KEY, Statement("a run", MOMENT))
    signed = verify(files, [KEY.public_key()], {"project": "flats", "key": "flats/2"})
    package = msgspec.structs.replace(package, version_digest=signed.digest)
    store.publish(package, store.add_package(package, files, KEY), KEY, MOMENT)
    with caplog.at_level(logging.ERROR):
        assert exchanged(champions) == 1
    assert champions.changed() == []
    assert [record.name for record in caplog.records] == ["leeway.serve"]


def test_a_package_is_refused_if_its_compact_model_is_missing_or_changed(store: ServingStore) -> None:
    folder = published(store)
    content = (folder / COMPACT_FILE).read_bytes()
    (folder / COMPACT_FILE).unlink()
    with pytest.raises(EvidenceError, match=r"model.compact is missing"):
        store.package("flats", folder.name)
    (folder / COMPACT_FILE).write_bytes(content[:-1])
    with pytest.raises(EvidenceError, match=r"model.compact has changed"):
        store.package("flats", folder.name)


def test_a_version_without_a_compact_model_answers_by_its_graph(store: ServingStore) -> None:
    model = fitted("regression")
    assert isinstance(model, OnnxModel)
    package, files = package_of(store.root.parent, replace(model, compact_bytes=None))
    assert COMPACT_FILE not in files
    store.publish(package, store.add_package(package, files, KEY), KEY, MOMENT)
    assert exchanged(Champions(store, ["flats"])) == 1


def test_a_project_without_a_champion_delays_no_other(store: ServingStore) -> None:
    champions = Champions(store, ["flats", "houses"])
    assert not champions.is_ready
    published(store)
    assert not champions.is_ready
    assert exchanged(champions) == 1
    assert champions.is_ready
    route = store.root / "houses" / "route.json"
    route.parent.mkdir()
    route.write_bytes(b"of another signer")
    assert exchanged(champions) == 1
    assert not champions.is_ready


def test_a_worker_waits_until_the_controller_has_come_to_every_project(store: ServingStore) -> None:
    champions = Champions(store, ["flats", "houses", "yachts"], is_controlled=True)
    published(store)
    assert exchanged(champions) == 1
    assert not champions.is_ready, "houses and yachts may have a champion that is not packaged yet"
    note_champion(store.root / "houses", has_route=False)
    (store.root / "yachts").mkdir()
    (store.root / "yachts" / FAULT_FILE).write_text("version 3 cannot be served")
    assert champions.is_ready
    for project in ("flats", "houses", "yachts"):
        forget_notes(store.root / project)
    assert not champions.is_ready, "a service that starts again believes nothing of what was said before"
    note_champion(store.root / "flats", has_route=True)
    assert not (store.root / "flats" / NO_CHAMPION_FILE).exists()


def test_serials_grow_though_the_clock_is_set_back_or_the_route_is_lost(store: ServingStore) -> None:
    package, files = package_of(store.root.parent, fitted("linear"))
    digest = store.add_package(package, files, KEY)
    first = store.publish(package, digest, KEY, MOMENT)
    assert first.serial == int(MOMENT.timestamp() * 1000)
    second = store.publish(package, digest, KEY, MOMENT - timedelta(days=1))
    assert second.serial == first.serial + 1
    (store.root / "flats" / "route.json").write_bytes(b"damaged")
    with pytest.raises(EvidenceError):
        store.route("flats")
    third = store.publish(package, digest, KEY, MOMENT + timedelta(seconds=1))
    assert third.serial == first.serial + 1000
    assert store.route("flats") == third


def test_a_damaged_package_is_written_again(store: ServingStore) -> None:
    folder = published(store)
    (folder / ONNX_FILE).write_bytes(b"damaged")
    assert list(store.packages("flats")) == []
    assert published(store) == folder
    assert [digest for _, digest in store.packages("flats")] == [folder.name]


def test_a_package_that_was_written_again_is_read_again(store: ServingStore) -> None:
    folder, champions = published(store), Champions(store, ["flats"])
    model = (folder / ONNX_FILE).read_bytes()
    (folder / ONNX_FILE).write_bytes(b"damaged")
    assert exchanged(champions) is None
    assert champions.changed() == []  # it is not read twenty times a second
    (folder / ONNX_FILE).write_bytes(model)
    assert exchanged(champions) == 1
    assert champions.faults == {}


def test_a_package_that_cannot_be_read_hides_no_other_and_is_reported_once(
    store: ServingStore, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = published(store, 1), published(store, 2)
    (first / ONNX_FILE).unlink()
    (first / ONNX_FILE).mkdir()  # to read it is an OSError, also for root
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert [digest for _, digest in store.packages("flats")] == [second.name]
    assert [message.split()[:2] for message in caplog.messages] == [["package_not_used", f"package={first.name}"]]
    assert published(store, 1) == first
    assert len(list(store.packages("flats"))) == 2


def test_packages_are_their_owners_files(store: ServingStore) -> None:
    folder = published(store)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert [path.stat().st_mode & 0o777 for path in (store.root, folder.parent, folder)] == [0o700] * 3
