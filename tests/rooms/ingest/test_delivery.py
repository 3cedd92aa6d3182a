from __future__ import annotations

import hashlib
import hmac
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from tasks.errors import SpecError
from tasks.ingest import Unreadable, batch_id, delivered, private, secret
from tasks.records import Delivery, Landed
from tasks.spec.models import Privacy, ProjectSpec

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
