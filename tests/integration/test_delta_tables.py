"""Rows, labels and feature tables that are read from Delta tables, version after version."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, Field, write_deltalake
from deltalake.schema import PrimitiveType

from tasks.errors import SourceError
from tasks.lake import active_rows, deliveries
from tasks.spec import ProjectSpec
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts
from tests.rides import Rides
from tests.unit.ingest.crafted_parquet import nested, the_same_pages_in_each_row_group

DAY = datetime(2026, 1, 5, 8, tzinfo=UTC)


def table(*ids: int, km: float = 2.0, zone: str = "north") -> pa.Table:
    count = len(ids)
    return pa.table(
        {
            "id": pa.array(ids, pa.int64()),
            "at": pa.array([DAY] * count, pa.timestamp("us", "UTC")),
            "km": [km] * count,
            "zone": [zone] * count,
            "fare": [12.5] * count,
            "driver": ["Ann"] * count,
        }
    )


class DeltaRides(Rides):
    """Rides in a Delta table."""

    def __init__(self, folder: Path) -> None:
        self.uri = str(folder / "rides")
        minimum = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "km", "min_value": 0}}
        super().__init__(folder, {"uri": "rides", "format": "delta"}, [{**minimum, "severity": "critical"}])

    @property
    def table(self) -> DeltaTable:
        return DeltaTable(self.uri)

    def write(self, rows: pa.Table, **options: Any) -> None:
        write_deltalake(self.uri, rows, mode=options.pop("mode", "append"), **options)

    def ids(self, name: str = "rows") -> list[str]:
        return sorted(active_rows(self.lake, "rides", name)["row_id"])


@pytest.fixture
def rides(tmp_path: Path) -> DeltaRides:
    return DeltaRides(tmp_path)


def test_each_version_is_a_delivery_with_what_it_added_changed_and_deleted(rides: DeltaRides) -> None:
    rides.write(table(*range(5)))
    rides.write(table(5))
    assert rides.live() == [6]
    assert rides.live() == []
    rides.write(table(6, 7))
    rides.table.update(updates={"km": "9.0"}, predicate="id = 2")
    rides.table.delete("id in (0, 7)")
    assert rides.live() == [2, 1, 2]
    assert rides.live() == []
    assert rides.ids() == ["1", "2", "3", "4", "5", "6"]
    assert rides.ids("labels") == ["1", "2", "3", "4", "5", "6"]
    assert rides.rows().set_index("row_id")["km"]["2"] == 9.0
    verdict = {batch.key.split(".", 2)[2]: batch.verdict for batch in deliveries(rides.lake, "rides").latest()}
    assert verdict == {
        "v00000000000000000001.all.parquet": "accepted",
        "v00000000000000000002.rows.parquet": "accepted",
        "v00000000000000000003.rows.parquet": "accepted",
        "v00000000000000000004.deleted.parquet": "accepted",
    }


def test_files_that_are_only_rewritten_deliver_nothing(rides: DeltaRides) -> None:
    rides.write(table(0, 1))
    rides.write(table(2, 3))
    assert rides.live() == [4]
    rides.table.optimize.compact()
    rides.write(rides.table.to_pyarrow_table(), mode="overwrite")
    assert rides.live() == []
    assert rides.ids() == ["0", "1", "2", "3"]


def test_a_merge_is_taken_in_as_what_it_has_changed(rides: DeltaRides) -> None:
    rides.write(table(0, 1, 2))
    assert rides.live() == [3]
    merge = rides.table.merge(
        pa.concat_tables([table(1, km=7.0), table(9)]), "s.id = t.id", source_alias="s", target_alias="t"
    )
    merge.when_matched_update_all().when_not_matched_insert_all().when_not_matched_by_source_delete(
        "t.id = 2"
    ).execute()
    assert rides.live() == [1, 2]
    assert rides.ids() == ["0", "1", "9"]
    assert sorted(rides.rows()["km"]) == [2.0, 2.0, 7.0]


def test_a_change_data_feed_says_the_same(rides: DeltaRides) -> None:
    rides.write(table(0, 1, 2), configuration={"delta.enableChangeDataFeed": "true"})
    assert rides.live() == [3]
    rides.table.update(updates={"km": "9.0"}, predicate="id = 1")
    rides.table.delete("id = 2")
    assert rides.live() == [1, 1]
    assert rides.ids() == ["0", "1"]
    assert sorted(rides.rows()["km"]) == [2.0, 9.0]


def test_columns_of_partitions_are_read_like_others(rides: DeltaRides) -> None:
    rides.write(pa.concat_tables([table(0, zone="a"), table(1, zone="b")]), partition_by=["zone"])
    assert rides.live() == [2]
    rides.write(table(2, zone="b"))
    rides.table.delete("zone = 'a'")
    assert rides.live() == [1, 1]
    assert rides.rows().set_index("row_id")["zone"].to_dict() == {"1": "b", "2": "b"}


def test_a_deleted_row_may_come_back(rides: DeltaRides) -> None:
    rides.write(table(0, 1))
    assert rides.live() == [2]
    rides.table.delete("id = 0")
    rides.write(table(0))
    assert rides.live() == [1, 1]
    assert rides.ids() == ["0", "1"]
    rides.table.delete("id = 0")
    assert rides.live() == [1]
    assert rides.ids() == ["1"]


def test_a_killed_night_is_read_again(rides: DeltaRides) -> None:
    rides.write(table(0, 1))
    assert [len(one.frame) for one in rides.read()] == [2]
    assert rides.live() == [2]
    merge = rides.table.merge(table(5), "s.id = t.id", source_alias="s", target_alias="t")
    merge.when_not_matched_insert_all().when_not_matched_by_source_delete("t.id = 0").execute()
    landed = rides.read()
    assert [one.landed.is_withdrawal for one in landed] == [True, False]
    checked = verdicts(landed[:1], rides.spec, rides.folder)
    store(rides.lake, rides.spec, checked, rides.night, datetime.now(UTC))  # killed between the two
    assert rides.ids() == ["1"]
    assert rides.live() == [1]
    assert rides.live() == []
    assert rides.ids() == ["1", "5"]


def test_rows_that_break_the_contract_may_be_deleted_and_leave_no_question(rides: DeltaRides) -> None:
    rides.write(table(*range(50)))
    rides.write(table(99, km=-1.0))
    assert rides.live() == [51]
    rides.table.delete("id in (3, 99)")
    assert rides.live() == [2]
    assert [batch.verdict for batch in deliveries(rides.lake, "rides").latest()] == ["partly_quarantined", "accepted"]
    assert "3" not in rides.ids()


def test_labels_and_feature_tables_have_versions_too(rides: DeltaRides) -> None:
    rides.write(table(0, 1, 2).drop_columns(["fare"]))
    paid, weather = str(rides.folder / "paid"), str(rides.folder / "weather")
    write_deltalake(paid, pa.table({"id": [0, 1], "fare": [5.0, 6.0]}))
    write_deltalake(weather, pa.table({"zone": ["north"], "hour": ["2026-01-05T07:00:00Z"], "rain": [0.5]}))
    label = {"column": "fare", "uri": "paid", "format": "delta"}
    values: dict[str, Any] = {
        "name": "weather",
        "uri": "weather",
        "format": "delta",
        "entity": ["zone"],
        "event_time": "hour",
    }
    values["columns"] = {"numbers": ["rain"]}
    rides.content["source"]["label"] = label
    rides.content["features"]["tables"] = [values]
    assert rides.live() == [3, 2, 1]
    assert rides.live() == []
    DeltaTable(paid).delete("id = 0")
    DeltaTable(paid).update(updates={"fare": "7.0"}, predicate="id = 1")
    write_deltalake(
        weather, pa.table({"zone": ["north"], "hour": ["2026-01-05T07:30:00Z"], "rain": [0.6]}), mode="append"
    )
    assert rides.live() == [1, 1, 1]
    labels = active_rows(rides.lake, "rides", "labels")
    ranks = deliveries(rides.lake, "rides").arrival_ranks(labels["batch_id"])
    assert labels.assign(rank=ranks).sort_values("rank")[["row_id", "label"]].to_numpy().tolist() == [
        ["1", 6.0],
        ["1", 7.0],
    ]
    assert len(active_rows(rides.lake, "rides", "features")) == 2


def test_where_versions_are_gone_all_rows_are_read_and_equal_ones_count_once(
    rides: DeltaRides, caplog: pytest.LogCaptureFixture
) -> None:
    rides.write(table(0, 1))
    assert rides.live() == [2]
    rides.table.update(updates={"km": "9.0"}, predicate="id = 1")
    rides.write(table(2))
    rides.table.create_checkpoint()
    for number in (0, 1):
        (rides.folder / "rides" / "_delta_log" / f"{number:020}.json").unlink()
    with caplog.at_level("WARNING"):
        assert rides.live() == [3]
    assert any("delta_version_gone" in text for text in caplog.messages)
    assert rides.live() == []
    assert sorted(rides.rows()["km"]) == [2.0, 2.0, 9.0]


def test_a_version_that_changes_the_metadata_only_delivers_nothing_and_stops_nothing(rides: DeltaRides) -> None:
    rides.write(table(0, 1))
    assert rides.live() == [2]
    rides.table.alter.add_columns([Field("tip", PrimitiveType("double"))])
    rides.table.alter.add_constraint({"far": "km > 0"})
    rides.table.alter.set_table_description("rides of a city")
    assert rides.live() == []
    rides.write(table(2), schema_mode="merge")
    assert rides.live() == [1]
    assert rides.ids() == ["0", "1", "2"]


def test_a_version_with_rows_and_another_schema_delivers_what_differs(rides: DeltaRides) -> None:
    rides.write(table(0, 1))
    assert rides.live() == [2]
    rides.write(table(2).append_column("tip", [[1.5]]), schema_mode="merge")
    assert rides.live() == [1]
    rides.write(table(3), schema_mode="merge")
    narrower = pa.concat_tables([table(1, km=7.0), table(2, 3)]).drop_columns(["driver"])
    rides.write(narrower, mode="overwrite", schema_mode="overwrite")  # 0 is deleted, 1 is changed
    assert rides.live() == [1, 1, 1]
    assert rides.ids() == ["1", "2", "3"]
    rides.write(table(4).drop_columns(["driver"]))
    assert rides.live() == [1]


def test_where_the_rows_before_another_schema_are_gone_all_rows_are_read(
    rides: DeltaRides, caplog: pytest.LogCaptureFixture
) -> None:
    rides.write(table(0, 1))
    assert rides.live() == [2]
    rides.write(table(1, 2).append_column("tip", [[1.5, 2.5]]), mode="overwrite", schema_mode="overwrite")
    rides.table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    with caplog.at_level("WARNING"):
        assert rides.live() == [2]
    assert any("delta_version_gone" in text for text in caplog.messages)


def test_a_table_that_was_made_again_is_read_from_its_start(rides: DeltaRides) -> None:
    rides.write(table(0, 1))
    assert rides.live() == [2]
    shutil.rmtree(rides.uri)
    rides.write(table(1, 2, km=5.0))
    assert rides.live() == [2]
    assert rides.ids() == ["0", "1", "2"]


def test_a_dropped_column_is_never_delivered_and_no_folder_is_said(rides: DeltaRides) -> None:
    with pytest.raises(SourceError, match="is no Delta table; expected a folder with _delta_log"):
        rides.read()
    rides.write(table(0))
    rides.content["privacy"] = {"drop": ["driver"]}
    (delivery,) = rides.read()
    assert "driver" not in delivery.frame.columns


def test_what_describes_files_is_refused_next_to_a_table() -> None:
    with pytest.raises(ValueError, match="each version is a whole delivery"):
        ProjectSpec.model_validate(
            {
                "project": "rides",
                "scope": {"owner": "o", "objective": "fares", "metric": "mean_absolute_error"},
                "source": {"uri": "rides", "format": "delta", "batch": "folder", "id": ["id"], "event_time": "at"}
                | {"label": {"column": "fare"}},
                "features": {"numbers": ["km"]},
            }
        )


def _replace_file(rides: DeltaRides, content: bytes) -> None:
    """Replace the file of the newest version."""
    newest = max(Path(rides.uri).glob("*.parquet"), key=lambda path: path.stat().st_mtime_ns)
    newest.write_bytes(content)
    log = max(Path(rides.uri, "_delta_log").glob("*.json"))
    log.write_text(re.sub(r'"size":\d+', f'"size":{len(content)}', log.read_text()), encoding="utf-8")


def _one_long_text() -> bytes:
    """Ten kilobytes of which each of 1,500 rows has the same megabyte."""
    texts = pa.array([f"{number:07}" * 140_000 for number in range(3)])
    zones = pa.DictionaryArray.from_arrays(pa.array(np.arange(1_500, dtype=np.int32) % 3), texts)
    rows, out = table(*range(1_500)).drop_columns(["zone"]).append_column("zone", zones), io.BytesIO()
    pq.write_table(rows, out, compression="zstd", store_schema=False)
    return out.getvalue()


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (_one_long_text, "too_large, its .* bytes unpack to"),
        (lambda: nested(100_000), "too_large, a column has more levels of records and lists than 100"),
        (lambda: the_same_pages_in_each_row_group(50, 50), "not_parquet, its columns overlap"),
    ],
)
def test_a_file_that_fills_the_memory_or_ends_the_process_is_refused_before_it_is_decoded(
    rides: DeltaRides, content: Callable[[], bytes], said: str, is_first: bool
) -> None:
    rides.write(table(0))
    if not is_first:
        assert rides.live() == [1]
        rides.write(table(1))
    _replace_file(rides, content())
    with pytest.raises(SourceError, match=said):
        rides.live()


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize(
    "named",
    [
        "../other/rows.parquet",
        "%2e%2e/other/rows.parquet",
        "{folder}/other/rows.parquet",
        "file://{folder}/other/rows.parquet",
    ],
)
def test_a_log_that_names_a_file_outside_of_the_table_reads_no_row_of_it(
    rides: DeltaRides, named: str, is_first: bool
) -> None:
    other = rides.folder / "other" / "rows.parquet"
    other.parent.mkdir()
    pq.write_table(table(7, zone="secret"), other)
    rides.write(table(0))
    if not is_first:
        assert rides.live() == [1]
        rides.write(table(1))
    log = max(Path(rides.uri, "_delta_log").glob("*.json"))
    path = named.format(folder=rides.folder)
    said = re.sub(r'"path":"[^"]+"', f'"path":"{path}"', log.read_text(encoding="utf-8"))
    log.write_text(re.sub(r'"size":\d+', f'"size":{other.stat().st_size}', said), encoding="utf-8")
    with pytest.raises(SourceError, match="which is outside of its folder; expected files of the table only"):
        rides.live()
    assert "7" not in rides.ids()


def test_a_link_in_the_folder_of_a_table_to_a_file_outside_of_it_is_not_followed(rides: DeltaRides) -> None:
    other = rides.folder / "rows.parquet"
    pq.write_table(table(7), other)
    rides.write(table(0))
    (own,) = Path(rides.uri).glob("*.parquet")
    own.unlink()
    own.symlink_to(other)
    with pytest.raises(SourceError, match="which is outside of its folder"):
        rides.live()


def test_a_log_without_end_is_refused_before_it_is_read(rides: DeltaRides) -> None:
    rides.content["ingest"] = {"memory_mb": 128}
    rides.write(table(0))
    log = max(Path(rides.uri, "_delta_log").glob("*.json"))
    with log.open("a", encoding="utf-8") as out:
        out.write('{"remove":{"path":"x","dataChange":true,"deletionTimestamp":1}}\n' * 540_000)
    with pytest.raises(SourceError, match=r"has 34,.* bytes since its last checkpoint; ingest.memory_mb, 128, allows"):
        rides.live()


def test_a_checkpoint_that_would_end_the_process_is_refused_before_the_table_is_opened(rides: DeltaRides) -> None:
    rides.write(table(0))
    rides.table.create_checkpoint()
    (checkpoint,) = Path(rides.uri, "_delta_log").glob("*.checkpoint.parquet")
    checkpoint.write_bytes(nested(100_000))
    with pytest.raises(
        SourceError, match=r"checkpoint.parquet of the Delta table .*: too_large, a column has more levels"
    ):
        rides.live()


def test_partitions_with_names_that_are_no_part_of_an_address_are_read(rides: DeltaRides) -> None:
    rides.write(table(0, zone="a b/%2F:é"), partition_by=["zone"])
    rides.write(table(1, zone=".. 50%"))
    rides.write(table(2, zone="x:y"))
    assert rides.live() == [3]
