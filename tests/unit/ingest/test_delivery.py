from __future__ import annotations

import hashlib
import hmac
import io
import json
import pickle
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tasks.errors import SpecError
from tasks.ingest import Content, Spool, Unreadable, batch_id, batch_id_of_parts, delivery, private, secret
from tasks.ingest.privacy import pseudonym
from tasks.records import Delivery, Landed
from tasks.serving_store.logged_rows import SERVED
from tasks.spec.project_spec import Privacy, ProjectSpec
from tests.deliveries import delivered

HOUSES = yaml.safe_load(Path(__file__).with_name("houses.yaml").read_text(encoding="utf-8"))


def spec_of(source: dict[str, Any] | None = None, **parts: Any) -> ProjectSpec:
    return ProjectSpec.model_validate({**HOUSES, **parts, "source": HOUSES["source"] | (source or {})})


ROWS = Landed("rows", "2026-01-02.csv", 9, date(2026, 1, 2))


def test_the_same_content_is_the_same_batch_whatever_the_file_is_called() -> None:
    assert batch_id(b"id\n7\n") == hashlib.sha256(b"id\n7\n").hexdigest()


def test_rows_and_labels_are_read_in_the_formats_of_the_spec() -> None:
    spec = spec_of({"label": {"column": "price", "uri": "prices", "format": "jsonl"}})
    rows = delivered(b"id,sold\n7,2026-01-02\n", ROWS, spec, b"")
    labels = delivered(b'{"id": "7", "price": 1}\n', Landed("labels", "a.jsonl", 9, date(2026, 1, 2)), spec, b"")
    assert isinstance(rows, Delivery)
    assert isinstance(labels, Delivery)
    assert (list(rows.frame), list(labels.frame)) == (["id", "sold"], ["id", "price"])
    assert isinstance(delivered(b"\xff", ROWS, spec, b""), Unreadable)


def test_what_privacy_forbids_is_gone_from_the_delivery_itself() -> None:
    spec = spec_of(privacy={"drop": ["name"], "pseudonymise": ["id"]})
    found = delivered(b"id,name,sold\n7,Ann,2026-01-02\n,Bo,2026-01-02\n", ROWS, spec, b"k")
    assert isinstance(found, Delivery)
    assert "name" not in found.frame
    assert found.frame["id"].tolist() == [hmac.new(b"k", b"7", hashlib.sha256).hexdigest()[:32], ""]


def test_a_whole_number_has_one_pseudonym_in_every_format() -> None:
    privacy = Privacy(pseudonymise=["id"])
    columns = [
        pd.Series(["7"]),
        pd.Series([7]),
        pd.Series([7.0]),
        pd.Series([7], dtype="Int64"),
        pd.Series([7], dtype=object),
    ]
    assert len({private(pd.DataFrame({"id": column}), privacy, b"k")["id"].iloc[0] for column in columns}) == 1


def test_another_key_gives_other_pseudonyms_and_a_missing_value_stays_missing() -> None:
    frame, privacy = pd.DataFrame({"id": ["7", None]}), Privacy(pseudonymise=["id"])
    one, two = (private(frame, privacy, key)["id"] for key in (b"k", b"l"))
    assert one[0] != two[0]
    assert one.isna().tolist() == [False, True]
    assert frame["id"][0] == "7"


def test_a_missing_key_stops_the_work_and_names_the_variable() -> None:
    with pytest.raises(SpecError, match="set CLINIC_KEY"):
        secret(Privacy(pseudonymise=["id"], key="env:CLINIC_KEY"), {"CLINIC_KEY": ""})
    assert secret(Privacy(), {}) == b""


def test_what_people_read_as_the_column_to_hide_is_hidden_however_it_is_written() -> None:
    frame = pd.DataFrame({"First Name": ["Ann"], " PATIENT_ID": ["7"], "plan": ["a"]})
    hidden = private(frame, Privacy(drop=["first_name"], pseudonymise=["patient_id"]), b"k")
    assert list(hidden) == [" PATIENT_ID", "plan"]
    assert hidden[" PATIENT_ID"].tolist() == [pseudonym("7", b"k")]


def test_blanks_are_no_person() -> None:
    hidden = private(pd.DataFrame({"id": ["", "  ", "7 "]}), Privacy(pseudonymise=["id"]), b"k")
    assert hidden["id"].tolist() == ["", "", pseudonym("7", b"k")]


def test_a_batch_of_several_objects_is_named_by_their_content_alone() -> None:
    one, two = batch_id(b"1"), batch_id(b"2")
    assert batch_id_of_parts([one, two]) == batch_id_of_parts([two, one]) != batch_id_of_parts([one, one])
    assert batch_id_of_parts([one]) == one


def test_several_objects_are_one_delivery_in_the_order_of_their_keys() -> None:
    parts = [Content.of("1.csv", b"id,sold\n7,a\n"), Content.of("2.csv", b""), Content.of("3.csv", b"sold,id\nb,8\n")]
    found = delivery(parts, "name", ROWS, spec_of(), b"")
    assert isinstance(found, Delivery)
    assert found.frame.to_dict("list") == {"id": ["7", "8"], "sold": ["a", "b"]}


def test_an_object_with_other_columns_than_those_before_it_makes_the_whole_delivery_unreadable() -> None:
    parts = [Content.of("1.csv", b"id,sold\n7,a\n"), Content.of("2.csv", b"id,price\n8,1\n")]
    assert delivery(parts, "name", ROWS, spec_of(), b"") == Unreadable(
        "columns_differ", "2.csv: other columns than the objects before it: 1 missing, 1 new"
    )


@pytest.mark.parametrize("fmt", ["csv", "jsonl", "parquet"])
def test_a_delivery_in_pieces_on_disk_is_the_same_as_one_in_memory(fmt: str, tmp_path: Path) -> None:
    spec = spec_of({"format": fmt}, privacy={"drop": ["name"], "pseudonymise": ["id"]})
    parts = [Content.of(f"{number}", written(fmt, number)) for number in range(3)]
    held = delivery(parts, "name", ROWS, spec, b"k")
    kept = delivery(parts, "name", ROWS, spec, b"k", Spool(tmp_path / "rows"))
    assert isinstance(held, Delivery)
    assert isinstance(kept, Delivery)
    assert (list(kept.frame), len(kept.frame), kept.row_count) == (list(held.frame), 0, held.row_count)
    for _ in range(2):
        again = pd.concat(pickle.loads(pickle.dumps(kept)).frames(), ignore_index=True)  # noqa: S301 - our own bytes
        pd.testing.assert_frame_equal(again, held.frame)
    assert "name" not in held.frame
    assert not any(b"Ann" in path.read_bytes() for path in (tmp_path / "rows").iterdir())


def written(fmt: str, number: int) -> bytes:
    rows = [{"id": str(row + 100 * number), "sold": "2026-01-02", "name": "Ann", "plan": row % 3} for row in range(100)]
    if fmt == "jsonl":
        return "".join(json.dumps(row | ({"more": [1, None]} if number else {})) + "\n" for row in rows).encode()
    if fmt == "csv":
        return pd.DataFrame(rows).to_csv(index=False).encode()
    out = io.BytesIO()
    table = pa.Table.from_pylist(rows)
    pq.write_table(table.set_column(3, "plan", pa.array([None, *table["plan"].to_pylist()[1:]])), out)
    return out.getvalue()


def test_no_piece_is_larger_than_was_promised(tmp_path: Path) -> None:
    content = b"id,sold\n" + b"7,2026-01-02\n" * 450_000
    kept = delivery([Content.of("a.csv", content)], "name", ROWS, spec_of(), b"", Spool(tmp_path / "rows"))
    assert isinstance(kept, Delivery)
    sizes = [len(frame) for frame in kept.frames()]
    assert sum(sizes) == kept.row_count == 450_000
    assert max(sizes) <= 200_000
    assert len(sizes) == 3


def test_a_large_delivery_with_a_broken_last_row_is_unreadable_before_it_is_read(tmp_path: Path) -> None:
    content = b"id,sold\n" + b"7,2026-01-02\n" * 250_000 + b"8\n"
    found = delivery([Content.of("a.csv", content)], "name", ROWS, spec_of(), b"", Spool(tmp_path / "rows"))
    assert found == Unreadable("ragged_row", "line 250002 has 1 cells, the header 2")


def test_a_large_delivery_without_rows_still_has_its_columns(tmp_path: Path) -> None:
    kept = delivery([Content.of("a.csv", b"id,sold\n")], "name", ROWS, spec_of(), b"", Spool(tmp_path / "rows"))
    assert isinstance(kept, Delivery)
    assert (list(kept.frame), kept.row_count, list(kept.frames())) == (["id", "sold"], 0, [])


def test_the_answers_of_logged_rows_are_no_column_of_theirs() -> None:
    served = Landed("rows", "a.jsonl", 9, date(2026, 1, 2), table=SERVED)
    line = json.dumps({"id": 7, "sold": "2026-01-02", "@answer": {"row_id": "7", "bits": "00"}}).encode() + b"\n"
    for spec in (spec_of(), spec_of(privacy={"drop": ["name"]})):
        found = delivered(line, served, spec, b"")
        assert isinstance(found, Delivery)
        assert (found.frame.to_dict("records"), found.columns_left_out) == ([{"id": 7, "sold": "2026-01-02"}], 0)
