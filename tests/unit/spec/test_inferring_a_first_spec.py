from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.errors import SpecError
from tasks.spec.infer import InferredProject, infer_spec
from tasks.spec.infer.first_suite import widened
from tasks.spec.infer.label_leaks import leak
from tasks.spec.reading.read_spec import parse_spec

ROWS = 140
NUMBER = np.arange(ROWS)


def shop(**columns: Any) -> pd.DataFrame:
    """Two sales a day over 70 days: 2026-01-01 to 2026-03-11."""
    day = pd.Timestamp("2026-01-01") + pd.to_timedelta(NUMBER // 2, unit="D")
    frame = pd.DataFrame({
        "sale_id": NUMBER + 1000,
        "date": day,
        "area": (NUMBER * 37 % 101).astype("float64"),
        "kind": np.where(NUMBER % 3 == 0, "flat", "house"),
        "garden": NUMBER % 4 == 0,
        "price": 100.0 + NUMBER * 53 % 97,
    })  # fmt: skip
    return frame.assign(**columns)


def as_csv(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(frame.to_csv(index=False)), dtype="str", keep_default_na=False)


def inferred(frame: pd.DataFrame, **asked: Any) -> InferredProject:
    known = {"project": "shop", "uri": "landing", "fmt": "csv", "time": "date", "label": "price"}
    return infer_spec(frame, **{**known, **asked})


def refusal(frame: pd.DataFrame, **asked: Any) -> str:
    with pytest.raises(SpecError) as refused:
        inferred(frame, **asked)
    return str(refused.value)


def rules(project: InferredProject, column: str) -> dict[str, Any]:
    return {
        each["type"].removeprefix("expect_column_values_to_"): each
        for each in project.expectations["expectations"]
        if each["kwargs"].get("column") == column
    }


def test_kinds_id_and_sizes_are_chosen() -> None:
    spec = inferred(shop()).spec
    assert (spec.features.numbers, spec.features.booleans, spec.features.categories) == (["area"], ["garden"], ["kind"])
    assert spec.source.id == ["sale_id"]
    assert (spec.training.task, spec.training.target_scale) == ("regression", "identity")
    assert (spec.scope.metric, spec.scope.baseline) == ("mean_absolute_error", "median")
    assert spec.source.label.delay_days == 0
    assert spec.split.holdout_days == 10  # a seventh of 70 days
    assert spec.training.min_rows == 35  # a quarter of 140 rows
    assert spec.gate.min_rows == 10  # half of a cohort of 20 rows


def test_csv_and_parquet_of_the_same_rows_give_the_same_project() -> None:
    typed, text = inferred(shop()), inferred(as_csv(shop()))
    assert text.yaml_text == typed.yaml_text
    assert text.expectations == typed.expectations


def test_the_page_reads_back_as_the_spec_and_is_a_page() -> None:
    project = inferred(shop(**{"a: b": NUMBER % 5, "yes": NUMBER % 7, "größe": NUMBER % 9, "it's #1": NUMBER % 11}))
    assert parse_spec(project.yaml_text, "shop/project.yaml") == project.spec
    assert project.spec.features.numbers == ["area", "a: b", "yes", "größe", "it's #1"]
    lines = project.yaml_text.splitlines()
    assert len(lines) < 70
    assert max(map(len, lines)) <= 120


def test_many_long_names_stay_readable_and_read_back() -> None:
    names = {f"a rather long column name, number {number}": NUMBER % (number + 2) for number in range(60)}
    project = inferred(shop(**names))
    assert project.spec.features.numbers[1:] == list(names)
    assert max(map(len, project.yaml_text.splitlines())) <= 120


def test_yes_and_no_are_booleans_and_0_and_1_stay_numbers() -> None:
    frame = as_csv(shop(pool=np.where(NUMBER % 5 < 2, "Y", "N"), lift=NUMBER % 2))
    spec = inferred(frame).spec
    assert spec.features.booleans == ["garden", "pool"]
    assert spec.features.numbers == ["area", "lift"]


def test_gaps_are_allowed_where_there_were_gaps() -> None:
    frame = shop()
    frame.loc[3, "area"] = np.nan
    frame.loc[5, "kind"] = None
    project = inferred(as_csv(frame))
    assert project.spec.features.columns == ["area", "garden", "kind"]
    assert list(rules(project, "area")) == ["be_between"]
    assert list(rules(project, "kind")) == ["be_in_set"]
    assert list(rules(project, "garden")) == ["not_be_null"]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([5] * ROWS, "it is '5' in every filled cell: nothing to learn from"),
        ([""] * ROWS, "it is empty: nothing to learn from"),
        (["Y", ""] * (ROWS // 2), "it is 'Y' in every filled cell"),
        ([f"note {number}" for number in range(ROWS)], "140 different texts in 140 rows"),
        ([f"line-2/{number}.png" for number in range(ROWS)], "it names files, such as 'line-2/0.png': source.files"),
        ([f"2026-01-{number % 28 + 1:02d}" for number in range(ROWS)], "a date: list it under dates"),
        ([str(number) if number else "n.a." for number in range(ROWS)], "mostly numbers, but some cells are not"),
        ([[1]] * ROWS, "its cells are lists, blocks or bytes"),
        ([b"x"] * ROWS, "its cells are lists, blocks or bytes"),
        (list(range(ROWS)), "a different whole number in every row: it seems to identify rows"),
    ],
)
def test_columns_of_no_use_are_left_out_with_the_reason(column: list[Any], message: str) -> None:
    project = inferred(shop(extra=pd.Series(column)))
    assert "extra" not in project.spec.features.columns
    assert message in project.yaml_text.replace("\n  #   ", " ")
    assert rules(project, "extra") == {}


def test_a_name_with_a_blank_at_its_end_is_left_out() -> None:
    project = inferred(shop(**{"rooms ": NUMBER % 5}))
    assert '- "rooms ": its name is empty, too long' in project.yaml_text
    assert "cannot be used: its name" in refusal(shop().rename(columns={"price": " price"}), label=" price")


def test_codes_are_categories() -> None:
    project = inferred(as_csv(shop(zipcode=98100 + NUMBER % 5, region=[f"0{number % 7}" for number in NUMBER])))
    assert project.spec.features.categories == ["kind", "zipcode", "region"]
    assert rules(project, "region")["be_in_set"]["kwargs"]["value_set"] == [f"0{digit}" for digit in range(7)]
    assert "zipcode: digits, but its name says it is a code" in project.yaml_text


@pytest.mark.parametrize(
    ("copy", "message"),
    [
        (lambda price: price, "it equals the label in every row"),
        (lambda price: price * 1.19 + 3, "in the same order as the label (rank correlation 1.000)"),
        (lambda price: -price, "in the same order as the label (rank correlation -1.000)"),
    ],
)
def test_a_column_that_gives_the_label_away_is_left_out_as_a_suspected_leak(copy: Any, message: str) -> None:
    frame = shop()
    project = inferred(frame.assign(total=copy(frame["price"])))
    assert "total" not in project.spec.features.columns
    assert "SUSPECTED LEAK" in project.yaml_text
    assert message in project.yaml_text.replace("\n  #   ", " ")


def test_leaks_of_a_binary_label() -> None:
    label = pd.Series([0.0, 1.0] * 50)
    assert "separates the labels" in leak(label * 10 + NUMBER[:100] % 3, label, binary=True)
    assert "determines the label in 100.0%" in leak(label.map({0.0: "lost", 1.0: "won"}), label, binary=True)
    assert leak(label == 1, label, binary=True) == "it equals the label in every row"
    assert leak(pd.Series(["a", "b", "b", "a"] * 25), label, binary=True) == ""
    assert leak(pd.Series([1.0] * 100), label, binary=True) == ""


@pytest.mark.parametrize("values", [("yes", "no"), ("Y", "N"), ("true", "false"), ("1", "0"), (True, False), (1, 0)])
def test_a_label_of_yes_and_no_is_binary(values: tuple[Any, Any]) -> None:
    project = inferred(shop(price=pd.Series([values[int(number % 7 > 3)] for number in NUMBER])))
    assert project.spec.training.task == "binary"
    assert (project.spec.scope.metric, project.spec.scope.baseline) == ("log_loss", "mean")
    assert rules(project, "price")["be_in_set"]["kwargs"]["value_set"] == [0, 1]


def test_a_positive_label_with_a_long_tail_is_on_the_log_scale() -> None:
    spec = inferred(shop(price=np.exp((NUMBER * 53 % 97) / 9.0))).spec
    assert (spec.training.target_scale, spec.scope.metric) == ("log", "mean_absolute_log_error")


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (
            np.where(NUMBER % 2, "good", "bad"),
            "has the texts 'bad', 'good'; Leeway cannot know which one is the event",
        ),
        ([f"colour {number}" for number in NUMBER], "or the names of 3 to 50 classes, each with at least 5 rows"),
        (NUMBER % 2 + 1, "two values, 1 and 2; a binary label is 1 for the event to predict and 0"),
        (np.full(ROWS, 7), "label 'price' is 7 in every row"),
        ([None] * 130 + [1.0, 2.0, 3.0] * 3 + [4.0], "label 'price' has 10 values; at least 20"),
        ([f"{number},5" for number in NUMBER], "has texts such as '0,5', '1,5'"),
    ],
)
def test_a_label_that_cannot_be_learned_is_explained(label: Any, message: str) -> None:
    assert message in refusal(shop(price=label))


def test_texts_that_repeat_are_several_classes() -> None:
    project = inferred(shop(price=np.array(["red", "green", "blue"])[NUMBER % 3]))
    spec = project.spec
    assert (spec.training.task, spec.scope.metric, spec.scope.baseline) == ("multiclass", "log_loss", "majority")
    assert rules(project, "price")["be_in_set"] is not None
    assert "the label names 3 classes; the commonest, 'red', is 33.6% of the rows" in project.yaml_text.replace(
        "\n  # ", " "
    )


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (
            "03/04/2026",
            "the order of day, month and year is ambiguous, so nothing is guessed; write dates as YYYY-MM-DD",
        ),
        ("13.04.26", "write dates as YYYY-MM-DD"),
        ("17000", "a number; write times as YYYY-MM-DDTHH:MM:SSZ"),
        ("yesterday", "which is not a time; expected YYYY-MM-DD"),
    ],
)
def test_dates_that_could_be_two_days_are_refused_with_what_to_write(cell: str, message: str) -> None:
    assert message in refusal(shop(date=[cell] * ROWS))


def test_rows_without_a_date_are_counted() -> None:
    frame = as_csv(shop())
    frame.loc[:2, "date"] = ""
    project = inferred(frame)
    assert "3 rows have none and are refused" in project.yaml_text
    assert rules(project, "date") == {}
    assert "is empty in every row" in refusal(shop(date=""))


def test_the_id_is_guessed_from_what_is_unique() -> None:
    repeated = shop(sale_id=NUMBER % 70)
    assert inferred(repeated).spec.source.id == ["sale_id", "date"]
    nothing = shop(sale_id=1, area=1.5)
    assert "name the columns that identify a row with --id" in refusal(nothing)
    named = shop(sale_id=1, note=[f"note {number}" for number in NUMBER])
    assert inferred(named).spec.source.id == ["note"]


def test_a_given_id_is_checked() -> None:
    assert inferred(shop(), id_columns=["date", "sale_id"]).spec.source.id == ["date", "sale_id"]
    assert "id ['date'] has 70 duplicates" in refusal(shop(), id_columns=["date"])
    assert "did you mean 'sale_id'?" in refusal(shop(), id_columns=["saleid"])
    assert "id column 'note' has empty cells" in refusal(shop(note=""), id_columns=["note"])


def test_several_wrong_answers_are_reported_at_once() -> None:
    message = refusal(shop(), time="dat", label="prize")
    assert "event time 'dat' is not in the data" in message
    assert "did you mean 'date'?" in message
    assert "label 'prize' is not in the data" in message
    assert "cannot be both" in refusal(shop(), time="date", label="date")
    assert "has no rows" in refusal(shop().head(0))
    assert "occurs twice" in refusal(pd.concat([shop(), shop()[["area"]]], axis=1))
    assert "no column is left to learn 'price' from" in refusal(shop()[["sale_id", "date", "price"]])
    assert "project name '../x'" in refusal(shop(), project="../x")


@pytest.mark.parametrize(
    ("seen", "allowed"),
    [((0, 10), (0, 15)), ((4, 10), (1, 13)), ((-10, -4), (-13, -1)), ((-10, 0), (-15, 0)), ((-2, 2), (-4, 4))],
)
def test_ranges_are_widened_by_half_on_each_side_and_keep_their_sign(
    seen: tuple[float, float], allowed: tuple[float, float]
) -> None:
    assert widened(*seen) == allowed


def test_few_categories_are_a_warning_and_many_are_not_listed() -> None:
    project = inferred(shop(street=[f"street {number % 60}" for number in NUMBER]))
    assert rules(project, "kind")["be_in_set"]["severity"] == "warning"
    assert rules(project, "kind")["not_be_null"]["severity"] == "critical"
    assert list(rules(project, "street")) == ["not_be_null"]
