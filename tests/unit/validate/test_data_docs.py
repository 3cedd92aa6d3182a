from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

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


def test_the_pages_need_no_network_and_run_no_script(tmp_path: Path) -> None:
    index = build_data_docs(ROWS, SUITE, "houses <2026>", tmp_path / "site")
    build_data_docs(ROWS, SUITE, "houses <2026>", tmp_path / "site")
    pages = [path for path in index.parent.rglob("*.html") if path != index]
    assert len(pages) == 2  # the last run and the suite
    for path in pages:
        head, *rest = path.read_text(encoding="utf-8").split("<head>")[1].split("default-src 'none'")
        assert head == "<meta http-equiv='Content-Security-Policy' content=\""
        assert len(rest) == 1
    first = index.read_text(encoding="utf-8")
    assert "<h1>houses &lt;2026&gt;</h1>" in first
    assert "<script" not in first
    linked = re.findall("<a href='([^']+)'", first)
    assert {index.parent / unquote(address) for address in linked} == set(pages)


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="no site"):
        build_data_docs(ROWS, SUITE, "houses", tmp_path)
    assert (tmp_path / "thesis.txt").is_file()
