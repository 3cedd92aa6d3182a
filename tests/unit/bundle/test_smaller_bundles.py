"""A bundle of a smaller form has its bits in every runtime, says so, and keeps no answers of its version."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from tasks.bundle import BundledVersion, bundle_files, signed_bundle
from tasks.bundle.compressed.form_costs import form_costs
from tasks.bundle.compressed.smaller_forms import SmallerForm, deferral_margin, smaller_forms
from tasks.bundle.compressed.student import StudentShape, student_of
from tasks.bundle.packed_model import packed_model
from tasks.bundle.runtimes.answer_queue import AnswerQueue
from tasks.bundle.runtimes.answering_bundle import Bundle
from tasks.bundle.runtimes.bundle_content import BundleError
from tasks.bundle.runtimes.compact_walk import CompactModel
from tasks.bundle.task import write_bundle
from tasks.compact import CompactEvaluator
from tasks.inference.preprocessing import preprocess
from tasks.model import OnnxModel
from tasks.model.input_matrix import input_matrix
from tests.unit.bundle.bundles import LICENCE, MOMENT, bundled_kind, random_rows
from tests.unit.bundle.test_browser_bundle import is_ready, opened
from tests.unit.bundle.test_c_bundle import compiled, said_by
from tests.unit.serve.packages import KEY, fitted, package_of, rows_of_flats, write_suite


@cache
def forms_of(kind: str) -> dict[str, SmallerForm]:
    model = fitted(kind)
    assert isinstance(model, OnnxModel)
    assert model.compact_bytes is not None
    columns = preprocess(input_matrix(rows_of_flats(), model.schema), model.schema)
    return {form.name: form for form in smaller_forms(model.compact_bytes, model.schema, columns)}


@cache
def smaller(kind: str, leaf: str) -> BundledVersion:
    """Return what a bundle with all trees of a model, and narrow leaves, is made of."""
    model = fitted(kind)
    assert isinstance(model, OnnxModel)
    form = next(form for form in forms_of(kind).values() if form.leaf == leaf and "first" not in form.name)
    with tempfile.TemporaryDirectory() as folder:
        write_suite(Path(folder))
        package, _ = package_of(Path(folder), replace(model, compact_bytes=form.content))
    return bundled_kind(kind, package=package, model=form.content, leaf=form.leaf, smaller=form.name)


def test_every_form_is_a_smaller_file_and_python_has_its_sums_bit_by_bit() -> None:
    for kind in ("regression", "binary", "multiclass", "forest", "xgboost"):
        whole, *others = forms_of(kind).values()
        assert (whole.name, whole.bound) == ("", 0.0)
        assert len(others) >= 2
        columns = preprocess(input_matrix(rows_of_flats(40, seed=4), fitted(kind).schema), fitted(kind).schema)
        before = CompactEvaluator(whole.content, "a").run(columns)
        for form in others:
            packed = packed_model(form.content, form.leaf)
            assert len(packed.content) < len(whole.content)
            sums = CompactEvaluator(form.content, "a").run(columns)
            assert [CompactModel(*packed).sums(row) for row in columns.tolist()] == sums.tolist()
            assert np.abs(sums - before).max() <= form.bound
            assert form_costs(form, "compiled", columns).kb == len(packed.content) / 1000
    assert [form.name for form in forms_of("linear").values()] == [""]


def test_leaves_of_two_bytes_are_tried_where_no_sure_decision_can_change() -> None:
    model = fitted("binary")
    assert isinstance(model, OnnxModel)
    assert model.compact_bytes is not None
    margin = deferral_margin(model.compact_bytes, model.schema)
    assert all(form.bound < margin for form in forms_of("binary").values() if form.leaf == "i2")
    always = replace(model.schema, deferral=None)
    assert deferral_margin(model.compact_bytes, always) == np.inf


def test_a_student_is_near_the_answers_that_it_learned() -> None:
    form = forms_of("regression")[""]
    columns = preprocess(input_matrix(rows_of_flats(), fitted("regression").schema), fitted("regression").schema)
    answers = CompactEvaluator(form.content, "a").run(columns).ravel()
    found = CompactEvaluator(student_of(form.content, columns, StudentShape(10, 8)).file, "a").run(columns).ravel()
    assert np.square(found - answers).mean() < 0.1 * answers.var()


@pytest.mark.parametrize(("kind", "leaf"), [("regression", "i2"), ("multiclass", "f4")])
def test_a_smaller_bundle_is_tested_where_it_runs(kind: str, leaf: str, browser: Browser, tmp_path: Path) -> None:
    bundled = smaller(kind, leaf)
    files = signed_bundle(bundle_files("python", bundled, LICENCE), "python", bundled, KEY, MOMENT)
    write_bundle(files, tmp_path / "python")
    bundle = Bundle.open(tmp_path / "python")
    assert f"{bundled.smaller} instead of the whole model" in files["README.txt"].decode()
    with pytest.raises(BundleError, match="not those of its version"):
        AnswerQueue(bundle, tmp_path / "kept")
    assert said_by(compiled(tmp_path, bundle_files("c", bundled, LICENCE)))[0] == 0
    page_file = tmp_path / "index.html"
    page_file.write_bytes(bundle_files("browser", bundled, LICENCE)["index.html"])
    page = opened(browser, page_file)
    assert is_ready(page)
    rows = [row for row in random_rows(60) if "sums" in bundle.found(row)]
    found = page.evaluate("rows => rows.map(row => leeway.found(row).sums)", rows)
    assert found == [bundle.found(row)["sums"] for row in rows]
