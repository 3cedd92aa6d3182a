from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from tasks.dataset.label_join import newest_labels, with_labels

DAY = date(2026, 1, 1)
LABELS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.integers(0, 9)), max_size=12)


def ledger(labels: list[tuple[str, int, int]]) -> pd.DataFrame:
    """Return labels as the lake has them: row id, days until the arrival, and label."""
    rows = [(row_id, float(label), DAY + timedelta(days=days)) for row_id, days, label in labels]
    return pd.DataFrame(rows, columns=["row_id", "label", "arrival"]).assign(arrival_rank=0)


def by_row(newest: pd.DataFrame) -> dict[str, float]:
    return dict(zip(newest["row_id"], newest["label"], strict=True))


@given(LABELS.flatmap(lambda labels: st.tuples(st.just(labels), st.permutations(labels))))
def test_the_newest_labels_do_not_depend_on_the_order_of_the_ledger(
    orders: tuple[list[tuple[str, int, int]], list[tuple[str, int, int]]],
) -> None:
    first, second = (newest_labels(ledger(labels)) for labels in orders)
    assert by_row(first) == by_row(second)
    assert first["row_id"].is_unique


@given(LABELS, st.integers(0, 5))
def test_cutting_the_newest_labels_by_arrival_equals_reading_only_later_ones(
    labels: list[tuple[str, int, int]], days: int
) -> None:
    cut = DAY + timedelta(days=days)
    whole = ledger(labels)
    assert by_row(newest_labels(whole, after=cut)) == by_row(newest_labels(whole[whole["arrival"] > cut]))


def test_rows_without_a_label_are_left_out_and_an_older_label_column_is_replaced() -> None:
    rows = pd.DataFrame({"row_id": ["a", "b"], "price": [7.0, 8.0]})
    newest = pd.DataFrame({"row_id": ["b"], "label": [1.0], "arrival": [DAY]})
    assert with_labels(rows, newest, "price").to_dict("list") == {"row_id": ["b"], "price": [1.0]}


@given(st.lists(st.sampled_from("abcd"), unique=True), LABELS)
def test_rows_keep_their_order_and_their_types_however_many_labels_there_are(
    ids: list[str], labels: list[tuple[str, int, int]]
) -> None:
    rows = pd.DataFrame({"row_id": pd.array(ids, dtype="str"), "version": pd.Series(range(len(ids)), dtype="int64")})
    newest = newest_labels(ledger(labels)).astype({"row_id": "str", "label": "float64"})
    joined = with_labels(rows, newest)
    assert joined["row_id"].tolist() == [row for row in ids if row in by_row(newest)]
    assert joined["label"].tolist() == [by_row(newest)[row] for row in joined["row_id"]]
    assert joined.index.equals(pd.RangeIndex(len(joined)))
    assert joined.dtypes.to_dict() == {**rows.dtypes.to_dict(), "label": newest["label"].dtype}
