import pickle
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from tasks import clock
from tasks.errors import DataError, Overtaken
from tasks.lake import (
    TABLES,
    Lake,
    LakeSnapshot,
    accepted,
    add_batches,
    append_entry,
    change,
    forget_history,
    latest,
    one_of,
    read_entries,
    read_nights,
    remove,
    remove_files,
)
from tasks.records.entry_codec import to_row
from tests.deliveries import accepted_batch
from tests.recorded_entries import decided_night, event_entry


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def labels(*ids: str) -> pd.DataFrame:
    return pd.DataFrame(
        {"row_id": list(ids), "label": 1.0, "batch_id": "b", "revision": 1, "arrival": date(2026, 1, 1)},
        index=range(len(ids)),
    )


def decided(name: str) -> pd.DataFrame:
    row = dict.fromkeys(column for column, _ in TABLES["decisions"].columns)
    return pd.DataFrame([row | {"name": name, "kind": "night", "night": date(2026, 1, 1), "time": clock.now()}])


def test_a_write_with_the_same_key_is_done_once(lake: Lake) -> None:
    assert lake.append_if_absent("mine", "labels", labels("a"), "key")
    assert not lake.append_if_absent("mine", "labels", labels("a"), "key")
    assert lake.read("mine", "labels")["row_id"].tolist() == ["a"]


def test_a_write_is_found_by_each_of_its_names(lake: Lake) -> None:
    lake.append_if_absent("mine", "labels", labels("a"), "served/b", "version/1/b")
    assert lake.has("mine", "labels", "version/1/b")
    assert lake.missing("mine", "labels", ["served/b", "served/c"]) == ["served/c"]


def test_of_several_writes_in_one_commit_those_already_there_are_left_out(lake: Lake) -> None:
    lake.append_if_absent("mine", "labels", labels("a"), "one")
    lake.add_each("mine", "labels", {"one": labels("a"), "two": labels("b"), "three": labels("c")})
    lake.add_each("mine", "labels", {"two": labels("b"), "three": labels("c")})
    assert sorted(lake.read("mine", "labels")["row_id"]) == ["a", "b", "c"]
    assert lake.version("mine", "labels") == 2  # made, then two writes


def test_writers_of_overlapping_commits_leave_each_write_once(lake: Lake) -> None:
    lake.append_if_absent("mine", "labels", labels("first"), "first")
    names = [f"n{number}" for number in range(9)]
    writers = [
        threading.Thread(target=lake.add_each, args=("mine", "labels", {name: labels(name) for name in names[at:]}))
        for at in range(8)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(lake.read("mine", "labels")["row_id"]) == ["first", *names]


def test_what_another_process_wrote_is_seen_at_the_next_look(lake: Lake) -> None:
    lake.append_if_absent("mine", "labels", labels("a"), "one")
    assert len(lake.read("mine", "labels")) == 1
    other: Lake = pickle.loads(pickle.dumps(lake))  # noqa: S301 - our own bytes
    other.append_if_absent("mine", "labels", labels("b"), "two")
    assert sorted(lake.read("mine", "labels")["row_id"]) == ["a", "b"]
    assert lake.missing("mine", "labels", ["two", "three"]) == ["three"]


def test_a_column_that_reads_are_narrowed_by_is_among_the_first_that_delta_keeps_extremes_of(lake: Lake) -> None:
    from deltalake import DeltaTable

    wide = pd.DataFrame({f"column_{number}": [float(number)] for number in range(40)})
    lake.append_if_absent(
        "mine", "rows", wide.assign(row_id="a", batch_id="b", revision=1, event_date=date(2026, 1, 1)), "one"
    )
    (kept,) = DeltaTable(lake.uri("mine", "rows")).get_add_actions(flatten=True).to_struct_array().to_pylist()
    assert (kept["min.event_date"], kept["max.batch_id"]) == (date(2026, 1, 1), "b")


def test_sixteen_writers_of_one_key_leave_one_write(lake: Lake) -> None:
    lake.append_if_absent("mine", "labels", labels("first"), "first")
    wrote: list[bool] = []
    writers = [
        threading.Thread(target=lambda: wrote.append(lake.append_if_absent("mine", "labels", labels("a"), "key")))
        for _ in range(16)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(wrote) == 16
    assert sorted(lake.read("mine", "labels")["row_id"]) == ["a", "first"]
    assert sum(wrote) == 1


def test_a_table_that_was_never_written_is_empty_with_its_columns(lake: Lake) -> None:
    found = lake.read("mine", "predictions", columns=["row_id", "prediction"])
    assert found.empty
    assert list(found) == ["row_id", "prediction"]
    assert lake.version("mine", "predictions") is None


def test_the_past_can_be_read_as_it_was(lake: Lake) -> None:
    lake.append_if_absent("mine", "labels", labels("a"), "one")
    then = lake.version("mine", "labels")
    lake.append_if_absent("mine", "labels", labels("b"), "two")
    assert lake.read("mine", "labels", at=then)["row_id"].tolist() == ["a"]


def test_a_filter_keeps_only_what_it_names(lake: Lake) -> None:
    lake.append_if_absent("mine", "labels", labels("a", "b"), "one")
    assert lake.read("mine", "labels", where=[("row_id", "=", "b")])["row_id"].tolist() == ["b"]


def test_an_object_replaces_the_one_before(lake: Lake) -> None:
    lake.put("mine", "report.html", b"old")
    where = lake.put("mine", "report.html", b"new")
    assert Path(where).read_bytes() == b"new"
    assert [each.name for each in Path(where).parent.iterdir()] == ["report.html"]


def test_the_record_is_read_back_as_it_was_written_in_order_of_time(lake: Lake) -> None:
    first, second = decided_night(rows=3), event_entry("retraining", "refused")
    append_entry(lake, "mine", second)
    append_entry(lake, "mine", first)
    assert read_entries(lake, "mine") == [first, second]
    assert read_entries(lake, "mine", "retraining") == [second]
    assert read_nights(lake, "mine") == [first]


def test_a_row_that_is_no_entry_of_this_version_is_an_error_that_names_it(lake: Lake) -> None:
    row = to_row(decided_night()) | {"action": "ponder"}
    lake.append_if_absent("mine", "decisions", pd.DataFrame([row]), "night/n0")
    with pytest.raises(DataError, match="the night entry 'n0' cannot be read"):
        read_entries(lake, "mine")


def test_the_state_of_a_batch_is_its_highest_revision(lake: Lake) -> None:
    day = date(2026, 1, 1)
    refused = {"rows_accepted": 0, "rows_quarantined": 1, "verdict": "quarantined"}
    first = accepted_batch("b", day, 1, event_from=None, event_until=None, **refused)
    released = replace(first, revision=2, verdict="released", event_from=day, event_until=day, rows_accepted=1)
    add_batches(lake, "mine", [first])
    add_batches(lake, "mine", [released])
    add_batches(lake, "mine", [released])
    assert latest(lake, "mine") == [released]
    assert accepted(lake, "mine", after=day) == []


def test_rows_that_come_in_pieces_are_one_write(lake: Lake) -> None:
    def pieces() -> Iterator[pd.DataFrame]:
        yield labels("a", "b")
        yield labels("c")

    assert lake.append_if_absent("mine", "labels", pieces, "key")
    assert not lake.append_if_absent("mine", "labels", pieces, "key")
    assert sorted(lake.read("mine", "labels")["row_id"]) == ["a", "b", "c"]
    assert lake.version("mine", "labels") == 1  # made, then one write


def test_a_table_is_read_in_pieces_of_a_size(lake: Lake) -> None:
    assert list(lake.pieces("mine", "labels")) == []
    lake.append_if_absent("mine", "labels", labels(*map(str, range(7))), "one")
    lake.append_if_absent("mine", "labels", labels(*map(str, range(7, 10))), "two")
    found = list(lake.pieces("mine", "labels", columns=["row_id"], rows_at_once=4))
    assert sum(map(len, found)) == 10
    assert max(map(len, found)) <= 4
    assert {row for piece in found for row in piece["row_id"]} == set(map(str, range(10)))


def test_what_was_paused_past_its_lease_writes_no_batch_once_the_next_holder_has(lake: Lake) -> None:
    paused, successor = lake.with_lease("night", 3), lake.with_lease("night", 5)
    assert paused.append_if_absent("mine", "decisions", decided("a"), "a")
    assert successor.append_if_absent("mine", "decisions", decided("b"), "b")
    with pytest.raises(Overtaken, match=r"number 5 after 3\); nothing is to be done"):
        paused.append_if_absent("mine", "decisions", decided("c"), "c")
    assert successor.append_if_absent("mine", "decisions", decided("d"), "d")
    assert lake.append_if_absent("mine", "decisions", decided("e"), "e"), "who holds no lease is not kept out"
    assert paused.append_if_absent("mine", "labels", labels("x"), "rows are counted by their batch alone")
    assert lake.with_lease("upkeep", 1).append_if_absent("mine", "decisions", decided("f"), "f"), "another lease"
    assert sorted(lake.read("mine", "decisions")["name"]) == ["a", "b", "d", "e", "f"]


@pytest.mark.parametrize("attempt", range(4))
def test_of_many_first_writers_of_one_key_one_writes(lake: Lake, attempt: int) -> None:  # noqa: ARG001 - again and again
    done: list[bool] = []

    def write() -> None:
        done.append(Lake(lake.root).append_if_absent("mine", "labels", labels("a"), "key"))

    writers = [threading.Thread(target=write) for _ in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sum(done) == 1
    assert len(lake.read("mine", "labels")) == 1
    assert lake.version("mine", "labels") == 1  # the table was made once


@pytest.mark.parametrize("given", [["bike", None, "van"], [1.0, None, 3.0]])
def test_a_label_is_a_number_or_the_name_of_a_class_as_the_project_has_it(lake: Lake, given: list[Any]) -> None:
    rows = pd.DataFrame({"row_id": list("abc"), "label": pd.Series(given), "batch_id": "x", "revision": 1})
    rows["arrival"] = date(2026, 1, 1)
    kind = "str" if given[0] == "bike" else "float64"
    lake.append_if_absent("mine", "labels", rows.astype({"label": kind}), "x/1")
    lake.append_if_absent("mine", "labels", lambda: iter([rows.astype({"label": kind})] * 2), "x/2")
    read = lake.read("mine", "labels")
    assert str(read["label"].dtype) == kind
    assert read["label"].dropna().tolist() == [given[0], given[2]] * 3


def test_a_table_that_is_older_than_one_of_its_columns_gets_it_with_the_next_write(lake: Lake) -> None:
    from deltalake import DeltaTable

    newest = "predicted_class"
    kinds = pa.schema([kind for kind in TABLES["predictions"].schema if kind.name != newest])
    DeltaTable.create(lake.uri("mine", "predictions"), kinds)
    row = dict.fromkeys(TABLES["predictions"].schema.names) | {"row_id": "a", "predicted_class": "van"}
    assert lake.append_if_absent("mine", "predictions", pa.Table.from_pylist([row], TABLES["predictions"].schema), "x")
    assert lake.read("mine", "predictions")[newest].tolist() == ["van"]


@pytest.mark.parametrize(
    "text", ['it\'s "so"', "back\\slash \\n", "new\nline", "'; DROP", "50 % {x} $1 :a ?", "köln 🏠", ""]
)
def test_a_text_that_is_changed_is_the_one_given_and_no_other_row_is(text: str, lake: Lake) -> None:
    both = pd.concat([labels("a"), labels(text)])
    lake.append_if_absent("mine", "quarantine", both.assign(kind="rows", raw=both["row_id"], reasons=""), "key")
    change(lake, "mine", "quarantine", one_of("raw", [text]), {"reasons": text})
    stored = lake.read("mine", "quarantine").set_index("raw")["reasons"]
    assert stored.to_dict() == {"a": "", text: text}
    remove(lake, "mine", "quarantine", one_of("raw", [text]))
    assert lake.read("mine", "quarantine")["raw"].tolist() == ["a"]


def test_a_table_forgets_its_earlier_states_and_keeps_the_keys_of_its_writes(lake: Lake) -> None:
    """Another process that has the table open goes on, and so does upkeep with states that were to be kept."""
    lake.append_if_absent("mine", "labels", labels("a"), "one")
    lake.append_if_absent("mine", "labels", labels("b"), "two")
    other = pickle.loads(pickle.dumps(lake))  # noqa: S301 - our own bytes
    assert len(other.read("mine", "labels")) == 2
    remove(lake, "mine", "labels", one_of("row_id", ["a"]))
    forget_history(lake, "mine", "labels")
    forget_history(lake, "mine", "labels")
    assert other.read("mine", "labels")["row_id"].tolist() == ["b"]
    assert not other.append_if_absent("mine", "labels", labels("a"), "one")
    assert other.append_if_absent("mine", "labels", labels("c"), "three")
    remove_files(lake, "mine", "labels", days=0, keep=[0, 1, 2])
    assert sorted(lake.read("mine", "labels")["row_id"]) == ["b", "c"]
    with pytest.raises(DataError, match="by an erasure, or upkeep after"):
        LakeSnapshot(lake.root, lake.options, commits={"labels": 1}).read("mine", "labels")
