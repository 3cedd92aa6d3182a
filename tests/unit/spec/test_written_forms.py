"""What `init` makes of times and numbers in no standard form, of ids that repeat, and of a label that comes later."""

from __future__ import annotations

import pandas as pd
import pytest

from tasks.errors import SpecError
from tasks.spec.infer.infer_spec import InferredProject, infer_spec
from tasks.spec.infer.written_forms import grouping, time_form


def rides(rows: int = 60) -> pd.DataFrame:
    days = [f"2026-{1 + number // 28:02}-{1 + number % 28:02}" for number in range(rows)]
    return pd.DataFrame(
        {
            "ride": [f"r{number:06}" for number in range(rows)],
            "started": days,
            "temp": [str(number * 7 % 31) for number in range(rows)],
            "minutes": [f"{20 + number * 11 % 17}.5" for number in range(rows)],
        }
    )


def inferred(frame: pd.DataFrame, ids: list[str] | None = None) -> InferredProject:
    return infer_spec(
        frame, project="rides", uri="landing", fmt="csv", time="started", label="minutes", id_columns=ids or ["ride"]
    )


@pytest.mark.parametrize(
    ("cells", "form"),
    [
        (["31.12.2025", "01.02.2026"], "%d.%m.%Y"),
        (["01.02.2026 13:45", "02.02.2026 00:00"], "%d.%m.%Y %H:%M"),
        (["12/31/2025", "01/02/2026"], "%m/%d/%Y"),
        (["31/12/2025 23:59:59", "01/02/2026 00:00:00"], "%d/%m/%Y %H:%M:%S"),
        (["31-12-2025", "01-02-2026"], "%d-%m-%Y"),
        (["1767312000123", "1767312000124"], "epoch_ms"),
        (["46024.5", "46025"], "excel"),
        (["01/02/2026", "02/01/2026"], None),
        (["31/12/2025", "12/31/2025"], None),
        (["7", "8"], None),
        (["soon", "later"], None),
        ([], None),
    ],
)
def test_a_form_of_times_is_named_where_the_cells_leave_no_other(cells: list[str], form: str | None) -> None:
    found = time_form(pd.Series(cells, dtype="str"))
    assert (found.value if found else None) == form


@pytest.mark.parametrize(
    ("cells", "sign"),
    [
        (["15,900", "21,200"], ","),
        (["1.234.567", "2"], "."),
        (["1'234.5", "-7"], "'"),
        (["1 234", "12 345 678"], " "),
        (["1,5", "2,25"], None),
        (["1,234", "many"], None),
        (["1234", "5"], None),
    ],
)
def test_a_sign_between_groups_of_digits_is_named_where_every_cell_is_a_number_with_it(
    cells: list[str], sign: str | None
) -> None:
    found = grouping(pd.DataFrame({"weight": cells}))
    assert (found.value if found else None) == sign


def test_grouped_numbers_are_numbers_of_the_spec_and_no_categories() -> None:
    found = inferred(rides().assign(weight=[f"{15 + number * 7 % 31},900" for number in range(60)]))
    assert found.spec.source.thousands == ","
    assert "weight" in found.spec.features.numbers
    assert any("source.thousands is ','" in guess for guess in found.guesses)


def test_a_form_of_times_is_written_to_the_spec_with_its_reason() -> None:
    frame = rides()
    days = pd.to_datetime(frame["started"]).dt.strftime("%d.%m.%Y")
    found = inferred(frame.assign(started=days))
    assert found.spec.source.time_format == "%d.%m.%Y"
    assert "dates with points begin with the day" in found.yaml_text


def test_an_order_of_day_and_month_that_nothing_shows_is_not_guessed() -> None:
    frame = rides().assign(started="03/04/2026")
    with pytest.raises(SpecError, match=r"ambiguous, so nothing is guessed.*source.time_format"):
        inferred(frame)


def test_rows_may_come_before_their_label() -> None:
    rules = inferred(rides()).expectations["expectations"]
    not_null = {rule["kwargs"]["column"] for rule in rules if rule["type"] == "expect_column_values_to_not_be_null"}
    assert not_null == {"ride", "started", "temp"}


def test_ids_that_are_used_again_make_the_time_a_part_of_the_identity() -> None:
    later = rides().assign(started=lambda frame: frame["started"].str.replace("2026", "2027"))
    found = inferred(pd.concat([rides(), later], ignore_index=True))
    assert (found.spec.source.id, found.spec.source.identity) == (["ride"], "id_and_time")
    assert found.spec.key_columns == ["ride", "started"]
    assert inferred(rides()).spec.source.identity == "id"
    with pytest.raises(SpecError, match="has 60 duplicates"):
        inferred(pd.concat([rides(), rides()], ignore_index=True))
