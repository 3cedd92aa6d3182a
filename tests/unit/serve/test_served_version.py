"""A version is served only if it answers as the nightly batch, bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.serve.served_version import ServedVersion
from tests.unit.serve.packages import fitted, package_of, write_suite

KINDS = ("regression", "binary", "multiclass", "forest", "linear")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("flats")
    write_suite(made)
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model_repeats_the_answers_of_the_batch(kind: str, folder: Path) -> None:
    package, files = package_of(folder, fitted(kind))
    answered = [reference.answer for reference in package.references if reference.answer is not None]
    codes = {code for reference in package.references for code in reference.refused}
    assert len(answered) > 100
    assert len({answer.prediction for answer in answered}) > (1 if kind == "multiclass" else 10)
    assert {"not_a_number:area", "expect_column_values_to_not_be_null:area", "not_a_time:day"} <= codes
    if kind in {"regression", "binary"}:
        assert {answer.deferred for answer in answered} == {True, False}
        assert any(answer.reasons for answer in answered)
    ServedVersion(package, files).prove(package.references)
