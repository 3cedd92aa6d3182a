from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tasks.errors import DataError
from tasks.validate.contract.data_docs import build_data_docs
from tasks.validate.contract.suite import Expectation, Suite

ROWS = pd.DataFrame({"rooms": [1.0, 2.0, 99.0]})
LIMIT = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "rooms", "max_value": 40}}
SUITE = Suite(Path("expectations.json"), (Expectation(LIMIT, ("rooms",)),))


def test_data_docs_show_the_expectations_and_what_broke_them(tmp_path: Path) -> None:
    index = build_data_docs(ROWS, SUITE, "houses 2026-01-02", tmp_path / "site")
    assert index.is_file()
    (page,) = (tmp_path / "site" / "validations").rglob("*.html")
    assert "rooms" in page.read_text(encoding="utf-8")
    build_data_docs(ROWS.iloc[:2], SUITE, "houses 2026-01-03", tmp_path / "site")


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="no site"):
        build_data_docs(ROWS, SUITE, "houses", tmp_path)
    assert (tmp_path / "thesis.txt").is_file()
