from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.features import as_of, latest_values, with_tables
from tasks.spec.project_spec import FeatureTable, ProjectSpec

DAY = datetime(2026, 1, 1)  # noqa: DTZ001 - typed rows have wall-clock times
HOURS = st.integers(0, 24 * 20)


def table_of(**parts: Any) -> FeatureTable:
    columns = {"numbers": ["balance"], "categories": ["plan"], "booleans": ["paid"]}
    plain = {"name": "accounts", "uri": "accounts", "entity": ["account"], "event_time": "day", "columns": columns}
    return FeatureTable.model_validate({**plain, **parts})


def values_of(*given: tuple[str, datetime, float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "entity": pd.Series([entity for entity, _, _ in given], dtype="str"),
            "event_time": pd.Series([moment for _, moment, _ in given], dtype="datetime64[us]"),
            "balance": [balance for _, _, balance in given],
            "plan": pd.Series([f"plan {balance:g}" for _, _, balance in given], dtype="str"),
            "paid": pd.array([balance > 1 for _, _, balance in given], dtype="boolean"),
            "arrival": [moment.date() for _, moment, _ in given],
        }
    )


def rows_of(*given: tuple[str | None, datetime]) -> pd.DataFrame:
    moments = pd.Series([moment for _, moment in given], dtype="datetime64[us]")
    rows = pd.DataFrame({"account": pd.Series([account for account, _ in given], dtype="str"), "time": moments})
    return rows.set_axis(range(7, 7 + len(given)))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), HOURS, st.floats(0, 9)), max_size=8, unique_by=lambda one: one[:2]),
    st.lists(st.tuples(st.sampled_from("abc"), HOURS), max_size=6),
    st.integers(0, 3),
    st.none() | st.integers(3, 6),
)
def test_a_row_sees_the_newest_value_that_was_known_and_never_one_of_its_future(
    given_values: list[tuple[str, int, float]], given_rows: list[tuple[str, int]], delay: int, oldest: int | None
) -> None:
    table = table_of(delay_days=delay, max_age_days=oldest)
    values = [(entity, DAY + timedelta(hours=hours), balance) for entity, hours, balance in given_values]
    rows = [(entity, DAY + timedelta(hours=hours)) for entity, hours in given_rows]
    found = as_of(rows_of(*rows), values_of(*values), table, "time")
    assert found.index.tolist() == list(range(7, 7 + len(rows)))
    for (account, moment), balance in zip(rows, found["balance"], strict=True):
        known = [
            (at, value)
            for entity, at, value in values
            if entity == account
            and at <= moment - timedelta(days=delay)
            and (oldest is None or at >= moment - timedelta(days=oldest))
        ]
        assert pd.isna(balance) if not known else balance == max(known)[1]


def test_a_joined_column_has_its_kind_also_where_nothing_was_found() -> None:
    rows = rows_of(("a", DAY), ("b", DAY), (None, DAY))
    for values in (values_of(("a", DAY, 2.0)), values_of()):
        found = as_of(rows, values, table_of(), "time")
        assert found.dtypes.astype(str).to_dict() == {
            "account": found["account"].dtype.name,
            "time": "datetime64[us]",
            "balance": "float64",
            "plan": "str",
            "paid": "boolean",
        }
    assert as_of(rows, values_of(("a", DAY, 2.0)), table_of(), "time")["plan"].tolist()[0] == "plan 2"


def test_of_two_values_of_one_moment_the_one_that_arrived_last_counts() -> None:
    values = pd.concat([values_of(("a", DAY, 5.0)).assign(arrival=date(2026, 2, 1)), values_of(("a", DAY, 2.0))])
    assert as_of(rows_of(("a", DAY)), values, table_of(), "time")["balance"].tolist() == [5.0]
    assert latest_values(values, table_of())["balance"].tolist() == [5.0]


def test_an_account_delivered_as_a_number_is_the_same_account() -> None:
    rows = pd.DataFrame({"account": [7.0], "time": pd.Series([DAY], dtype="datetime64[us]")})
    assert as_of(rows, values_of(("7", DAY, 2.0)), table_of(), "time")["balance"].tolist() == [2.0]


def test_the_service_looks_up_what_the_newest_row_is_given() -> None:
    values = values_of(("a", DAY, 5.0), ("a", DAY + timedelta(days=3), 2.0), ("b", DAY, 7.0))
    online = latest_values(values, table_of()).set_index("entity")["balance"].to_dict()
    batch = as_of(rows_of(*((name, DAY + timedelta(days=9)) for name in "ab")), values, table_of(), "time")
    assert online == dict(zip(batch["account"], batch["balance"], strict=True)) == {"a": 2.0, "b": 7.0}


@pytest.mark.parametrize("delay_days", [0, 1])
def test_of_both_instants_of_an_hour_that_occurs_twice_the_second_is_the_newer_value(delay_days: int) -> None:
    twice = datetime(2025, 10, 26, 2, 30)  # noqa: DTZ001 - the wall clock of Berlin shows it twice
    table = table_of(delay_days=delay_days)
    late, early = values_of(("a", twice, 9.0)), values_of(("a", twice, 1.0))
    both = pd.concat([late.assign(repeated_hour=True), early.assign(repeated_hour=False)])
    rows = rows_of(("a", twice + timedelta(days=2)))
    for values in (both, both[::-1]):
        assert as_of(rows, values, table, "time", "Europe/Berlin")["balance"].tolist() == [9.0]
        assert latest_values(values, table, "Europe/Berlin")["balance"].tolist() == [9.0]


def test_equal_values_of_one_delivery_are_decided_whatever_order_the_lake_returns() -> None:
    values = values_of(("a", DAY, 5.0), ("a", DAY, 2.0), ("a", DAY, 9.0))
    found = [as_of(rows_of(("a", DAY)), values.iloc[order], table_of(), "time") for order in ([0, 1, 2], [2, 0, 1])]
    assert [frame["balance"].tolist() for frame in found] == [[9.0], [9.0]]


def spec_of(**features: Any) -> ProjectSpec:
    return ProjectSpec.model_validate(
        {
            "project": "shop",
            "scope": {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"},
            "source": {"uri": "rows", "id": ["id"], "event_time": "time", "label": {"column": "price"}},
            "features": features,
        }
    )


def test_only_the_days_that_rows_can_see_are_read() -> None:
    table = table_of(delay_days=1, max_age_days=3).model_dump()
    asked: list[tuple[str, date | None, date]] = []

    def read(one: FeatureTable, first: date | None, last: date) -> pd.DataFrame:
        asked.append((one.name, first, last))
        return values_of(("a", DAY, 2.0))

    found = with_tables(rows_of(("a", DAY + timedelta(days=2))), spec_of(numbers=["x"], tables=[table]), read)
    assert found["balance"].tolist() == [2.0]
    assert asked == [("accounts", date(2025, 12, 31), date(2026, 1, 2))]


def test_a_tables_columns_are_features_of_the_model_but_not_of_a_delivery() -> None:
    spec = spec_of(
        numbers=["size"], function="features:add", made={"numbers": ["age"]}, tables=[table_of().model_dump()]
    )
    assert spec.features.columns == ["size", "balance", "age", "paid", "plan"]
    assert spec.row_columns == ["id", "time", "size", "account", "price"]


@pytest.mark.parametrize(
    ("parts", "match"),
    [
        ({"columns": {"numbers": ["size"]}}, "named twice"),
        ({"columns": {}}, "lists no columns"),
        ({"entity": ["balance"]}, "rows are joined by columns they are delivered with"),
        ({"delay_days": 5, "max_age_days": 2}, "too old once it is known"),
    ],
)
def test_a_table_that_cannot_be_meant_is_a_contradiction(parts: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        spec_of(numbers=["size"], tables=[{**table_of().model_dump(), **parts}])
