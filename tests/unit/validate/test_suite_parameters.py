from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from tasks.errors import ContractError
from tasks.spec.project_spec import ProjectSpec
from tasks.validate import Suite, read_suite
from tasks.validate.contract.expectations import evaluate

HOUSES = yaml.safe_load(Path(__file__).with_name("houses.yaml").read_text(encoding="utf-8"))
ROWS = pd.DataFrame({"rooms": [3.0, 41.0, 99.0]})


def limit(**kwargs: Any) -> dict[str, Any]:
    return {"type": "expect_column_values_to_be_between", "kwargs": {"column": "rooms", **kwargs}}


@pytest.fixture
def suite_of(tmp_path: Path) -> Callable[..., Suite]:
    def write(expectation: dict[str, Any], **parameters: Any) -> Suite:
        path = tmp_path / "expectations.json"
        path.write_text(json.dumps({"expectations": [expectation]}))
        return read_suite(path, ProjectSpec.model_validate({**HOUSES, "contract": {"parameters": parameters}}))

    return write


@pytest.mark.parametrize(
    ("text", "parameters", "rows"), [("most", {"most": 40}, [1, 2]), ("2 * most + 1", {"most": 20.5}, [2])]
)
def test_a_limit_comes_from_the_spec(
    suite_of: Callable[..., Suite], text: str, parameters: dict[str, Any], rows: list[int]
) -> None:
    suite = suite_of(limit(max_value={"$PARAMETER": text}), **parameters)
    (failure,) = evaluate(ROWS, suite)
    assert failure.rows is not None
    assert failure.rows.tolist() == rows
    assert isinstance(suite.expectations[0].limits["max_value"], int | float)


def test_a_list_of_values_comes_from_the_spec(suite_of: Callable[..., Suite]) -> None:
    one = {
        "type": "expect_column_values_to_be_in_set",
        "kwargs": {"column": "rooms", "value_set": {"$PARAMETER": "all"}},
    }
    (failure,) = evaluate(ROWS, suite_of(one, all=[3, 99.0]))
    assert failure.rows is not None
    assert failure.rows.tolist() == [1]


@pytest.mark.parametrize(
    ("expectation", "parameters", "match"),
    [
        (limit(max_value={"$PARAMETER": "most"}), {}, "'most', which has no value .*contract.parameters is empty"),
        (
            limit(max_value={"$PARAMETER": "msot * 2"}),
            {"most": 1},
            "no expectation in .* uses it; did you mean 'msot'",
        ),
        (limit(max_value=4), {"most": 1}, r"gives \['most'\], but no expectation"),
        (limit(max_value={"$PARAMETER": "most"}), {"most": "many"}, "refuses|cannot be computed"),
    ],
)
def test_a_parameter_without_a_value_or_a_use_is_a_fault(
    suite_of: Callable[..., Suite], expectation: dict[str, Any], parameters: dict[str, Any], match: str
) -> None:
    with pytest.raises(ContractError, match=match):
        suite_of(expectation, **parameters)


def test_a_parameter_is_a_number_a_text_or_a_list_of_them() -> None:
    for value in ({"a": 1}, True, None, [None]):
        with pytest.raises(ValueError, match="expected a number, a text, or a list of them"):
            ProjectSpec.model_validate({**HOUSES, "contract": {"parameters": {"most": value}}})
