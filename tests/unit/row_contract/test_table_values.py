"""A row has the same values of feature tables online as the batch joins with it, whatever the times and the zone."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import EvidenceError
from tasks.features import as_of
from tasks.package.compile_contract import compile_contract
from tasks.package.joined_references import joined_references, plain_cells
from tasks.package.table_arrays import ALWAYS_US, first_instant, table_arrays
from tasks.row_contract import ContractReader, RowRefused
from tasks.row_contract.table_values import DAY_US, JoinedTables
from tasks.serving_store import ServingStore
from tasks.serving_store.table_snapshots.array_file import array_bytes, mapped_arrays
from tasks.serving_store.table_snapshots.snapshot_store import SnapshotStore
from tasks.serving_store.table_snapshots.table_snapshot import PROTOCOL, TableSnapshot
from tasks.spec import ProjectSpec
from tests.unit.serve.packages import KEY, MOMENT, spec_of

TABLES: dict[str, Any] = {
    "name": "owners",
    "uri": "owners",
    "entity": ["city", "flat"],
    "event_time": "from",
    "columns": {"numbers": ["income"], "booleans": ["member"], "categories": ["kind"], "dates": ["since"]},
}
START = datetime(2025, 10, 24)  # noqa: DTZ001 - typed rows have wall-clock times; two days before clocks go back
CITIES = ("Bonn", "a|b", "c\\", "ä")
TIMES = st.integers(0, 24 * 8).map(lambda quarters: START + timedelta(minutes=30 * quarters))


def spec_with(zone: str = "Europe/Berlin", **terms: Any) -> ProjectSpec:
    features = {"numbers": ["area"], "tables": [TABLES | terms]}
    return spec_of(features=features, schedule={"time_zone": zone})


def values_of(found: list[tuple[str, int, datetime, float | None]]) -> pd.DataFrame:
    cities = [city.replace("\\", "\\\\").replace("|", "\\|") for city, *_ in found]
    return pd.DataFrame(
        {
            "entity": pd.Series([f"{city}|{each[1]}" for city, each in zip(cities, found, strict=True)], dtype="str"),
            "event_time": pd.Series([each[2] for each in found], dtype="datetime64[us]"),
            "income": pd.Series([each[3] for each in found], dtype="float64"),
            "member": pd.array([None if each[3] is None else each[3] > 0 for each in found], dtype="boolean"),
            "kind": pd.Series([None if each[3] is None else f"kind {each[3]}" for each in found], dtype="str"),
            "since": pd.Series([None if each[3] is None else each[2] for each in found], dtype="datetime64[us]"),
            "arrival_rank": range(len(found)),
        }
    )


KEYS = st.tuples(st.sampled_from(CITIES), st.integers(1, 2), TIMES)
VALUES = st.lists(KEYS.flatmap(lambda key: st.tuples(*map(st.just, key), st.none() | st.floats(-9, 9))), max_size=12)


@settings(max_examples=25, deadline=None)
@given(VALUES, st.lists(KEYS, min_size=1, max_size=8), st.integers(0, 2), st.none() | st.integers(0, 3), st.booleans())
def test_online_values_are_those_of_the_batch(
    values: list[Any], asked: list[Any], delay: int, older: int | None, keeps_all: bool
) -> None:
    spec = spec_with(delay_days=delay, max_age_days=None if older is None else delay + older)
    frame, contract = values_of(values), compile_contract(spec, ())
    from_us = ALWAYS_US if keeps_all else first_instant({"owners": frame}, spec, MOMENT) + 30 * DAY_US
    tables = JoinedTables(contract, _of_file(table_arrays({"owners": frame}, spec, from_us)), from_us, "1.2")
    rows = pd.DataFrame({"city": [city for city, *_ in asked], "flat": [str(flat) for _, flat, _ in asked]})
    rows["day"] = pd.Series([at for *_, at in asked], dtype="datetime64[us]")
    (table,) = spec.features.tables
    batch = plain_cells(as_of(rows, frame, table, "day", "Europe/Berlin")[table.columns.all])
    reader = ContractReader(contract)
    for (city, flat, at), wanted in zip(asked, batch, strict=True):
        row = reader.read({"city": city, "flat": flat, "day": at.isoformat(), "area": 1})
        if not keeps_all and instant_us(at) < from_us:
            with pytest.raises(RowRefused, match="before_tables:day"):
                tables.joined(row)
            continue
        _, found, state = tables.joined(row)
        assert ({name: msgspec.to_builtins(found[name]) for name in wanted}, state) == (wanted, "1.2")


def instant_us(at: datetime) -> int:
    return int(at.replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp()) * 1_000_000


def _of_file(arrays: dict[str, Any]) -> dict[str, Any]:
    """Return arrays as a worker has them: mapped from a file."""
    with TemporaryDirectory() as temporary:
        path = Path(temporary, "tables.bin")
        path.write_bytes(array_bytes(arrays))
        return mapped_arrays(path)


def snapshot_of(spec: ProjectSpec, values: pd.DataFrame, state: str = "1.2") -> tuple[TableSnapshot, dict[str, Any]]:
    own, contract = {"owners": values}, compile_contract(spec, ())
    from_us = first_instant(own, spec, MOMENT)
    draft = TableSnapshot(
        protocol=PROTOCOL,
        project=spec.project,
        serial=0,
        tables=contract.tables,
        file="",
        state=state,
        from_us=from_us,
        references=joined_references(own, spec, from_us),
    )
    return draft, table_arrays(own, spec, from_us)


@pytest.mark.parametrize("damage", ["none", "file", "description", "reference", "terms", "key"])
def test_a_snapshot_is_used_only_as_it_was_signed_and_proven(damage: str, tmp_path: Path) -> None:
    spec = spec_with(delay_days=1, max_age_days=3)
    values = values_of([("Bonn", 1, START + timedelta(days=day), float(day)) for day in range(4)])
    store = SnapshotStore(ServingStore(tmp_path, [KEY.public_key()]))
    draft, arrays = snapshot_of(spec, values)
    assert len({str(each.joined) for each in draft.references}) > 3
    if damage == "reference":
        first = draft.references[0]
        wrong = msgspec.structs.replace(first, joined=first.joined | {"income": 77.0})
        draft = msgspec.structs.replace(draft, references=(wrong, *draft.references[1:]))
    written = store.write(draft, arrays, KEY, MOMENT)
    file = tmp_path / "flats" / f"tables-{written.file}.bin"
    if damage == "file":
        content = bytearray(file.read_bytes())
        content[-100] ^= 1
        file.chmod(0o600)
        file.write_bytes(content)
    if damage == "description":
        path = tmp_path / "flats" / "tables.json"
        path.write_bytes(path.read_bytes().replace(b"1.2", b"1.3"))
    if damage == "key":
        store = SnapshotStore(ServingStore(tmp_path, []))
    contract = compile_contract(spec_with(delay_days=2) if damage == "terms" else spec, ())
    if damage == "none":
        assert store.load("flats", contract)[1].state == "1.2"
        return
    with pytest.raises(EvidenceError):
        store.load("flats", contract)


def test_old_files_of_snapshots_are_removed_and_serials_grow(tmp_path: Path) -> None:
    spec, store = spec_with(), SnapshotStore(ServingStore(tmp_path, [KEY.public_key()]))
    serials = []
    for income in (1.0, 2.0, 3.0, 3.0):
        draft, arrays = snapshot_of(spec, values_of([("Bonn", 1, START, income)]))
        serials.append(store.write(draft, arrays, KEY, MOMENT).serial)
    assert serials == sorted(set(serials))
    assert len(list((tmp_path / "flats").glob("tables-*.bin"))) == 1
    assert store.load("flats", compile_contract(spec, ()))[0].serial == serials[-1]
    store.remove("flats")
    assert list((tmp_path / "flats").iterdir()) == []


def test_a_project_without_values_yet_has_missing_values(tmp_path: Path) -> None:
    spec, store = spec_with(), SnapshotStore(ServingStore(tmp_path, [KEY.public_key()]))
    draft, arrays = snapshot_of(spec, values_of([]))
    store.write(draft, arrays, KEY, MOMENT)
    contract = compile_contract(spec, ())
    row = ContractReader(contract).read({"city": "Bonn", "flat": 1, "day": "1990-01-01", "area": 1})
    _, joined, _ = store.load("flats", contract)[1].joined(row)
    assert [joined[name] for name in ("income", "member", "kind", "since")] == [None] * 4
