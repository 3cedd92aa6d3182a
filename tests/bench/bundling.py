"""Bundles of a model of the house prices: their size, how soon a browser answers first, and whether the bits are equal.

200 trees on all sales, with the contract of the project. `LEEWAY_BENCH_ROWS` is how many generated rows Chromium, C and
CPython answer; a row that differs in one bit of its sum is counted.
"""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from flows.serving.bundles.bundle_version import bundled_version
from flows.steps.in_service.single_rows import row_terms
from tasks.bundle import FORMS, BundledVersion, Form, bundle_files
from tasks.bundle.bundle_plan import bundle_data, bundle_plan
from tasks.bundle.c_program.c_files import c_files
from tasks.bundle.runtimes.answering_bundle import Bundle
from tasks.errors import DataError
from tasks.inference.schema_parts import TimeFeature
from tasks.model import model_files
from tasks.registry.manifest import seal, verify
from tasks.registry.statement import Statement
from tasks.registry.versions import Version
from tasks.spec import ProjectSpec, read_spec
from tests.bench.figures import Figures, Time
from tests.bench.sizes import rows as rows_measured
from tests.bench.sizes import sized
from tests.houses import HOUSES, house_model, weeks

TREES = sized(200, 5)
ROWS = 100_000
MOMENT = datetime(2026, 11, 20, tzinfo=UTC)
OPENINGS = sized(5, 1)
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
PAGE_ROWS = 5_000
FIRST = "row => { const t = performance.now(); leeway.found(row); return performance.now() - t }"
GZIP = 9


def bench_bundles(console: Console) -> Figures:
    spec = read_spec(HOUSES / "project.yaml")
    found = _registered(spec)
    terms = row_terms(spec, HOUSES)
    figures = Figures(f"bundles of {TREES} trees of the house prices")
    bundled: dict[Form, BundledVersion] = {}
    for form in FORMS:
        bundled[form] = bundled_version(found, terms, form, MOMENT)
        files: dict[str, bytes] = {}

        def make(form: Form = form, files: dict[str, bytes] = files) -> None:
            files.update(bundle_files(form, bundled[form], b"licence"))

        try:
            figures.add(f"write {form}", Time.of(make))
        except DataError as error:
            console.print(f"{form}: {error}")
            del bundled[form]
            continue
        console.print(
            f"{form}: {_kb(files.values())}; {', '.join(f'{n} {_kb([c])}' for n, c in sorted(files.items()))}"
        )
    rows = _generated(rows_measured(ROWS), spec)
    bundle = Bundle(bundle_data(bundle_plan(bundled["python"], compact=True), []))
    wanted: list[dict[str, Any]] = []
    figures.add(f"CPython, {len(rows):,} rows", Time.of(lambda: wanted.extend(map(bundle.found, rows))))
    if "c" in bundled:
        console.print(f"C: {_differing_in_c(bundled['c'], rows[:PAGE_ROWS], wanted)}")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        console.print("no Chromium is installed")
    else:
        _browse(console, figures, chromium, bundled["browser"], rows, wanted)
    return figures


def _registered(spec: ProjectSpec) -> tuple[Version, Mapping[str, bytes], Any]:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key, about = Ed25519PrivateKey.generate(), {"project": spec.project, "key": "house-prices/1"}
    model = house_model(spec, ("2014", "2016"), TREES, TimeFeature("2014-05-02", 390.0))
    files = seal(model_files(model), about, key, Statement("a run", MOMENT))
    version = Version(spec.project, 1, "a run", {"leeway.key": about["key"]}, (), MOMENT, "")
    return version, files, verify(files, [key.public_key()], about)


def _generated(count: int, spec: ProjectSpec) -> list[dict[str, Any]]:
    """Return rows near those that were sold: every number moved a little, some values missing."""
    sold = pd.read_csv(StringIO(weeks("sales", "2014", "2016")), dtype={"zipcode": "str"})
    rng = np.random.default_rng(3)
    drawn = sold.iloc[rng.integers(0, len(sold), count)].reset_index(drop=True)
    for name in spec.features.numbers:
        moved = drawn[name] * (1 + rng.normal(0, 0.01, count) * (rng.random(count) < 0.5))
        drawn[name] = moved.where(rng.random(count) > 0.05, None)
    drawn["date"] = drawn["date"].astype(str)
    made: list[dict[str, Any]] = json.loads(drawn.to_json(orient="records", double_precision=15))
    return made


def _differing_in_c(bundled: BundledVersion, rows: Sequence[dict[str, Any]], wanted: Sequence[Any]) -> str:
    references = [{"row": row, "found": found} for row, found in zip(rows, wanted, strict=False)]
    files = c_files(bundled, bundle_plan(bundled, compact=True), references)
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
        strict = ("-std=c99", "-Wall", "-Wextra", "-Werror")
        subprocess.run(["cc", *strict, "-O2", "-o", "t", "model.c", "selftest.c", "-lm"], cwd=folder, check=True)
        subprocess.run(["cc", *strict, "-Os", "-c", "model.c"], cwd=folder, check=True)
        size = subprocess.run(["size", "model.o"], cwd=folder, check=True, capture_output=True, text=True).stdout
        code = int(size.splitlines()[1].split()[0])
        done = subprocess.run([f"{folder}/t"], check=False, capture_output=True, text=True)
    return f"{done.stdout.strip()}; compiled code and tables {code / 1e3:.1f} kB"


def _browse(
    console: Console,
    figures: Figures,
    chromium: str,
    bundled: BundledVersion,
    rows: Sequence[dict[str, Any]],
    wanted: Sequence[dict[str, Any]],
) -> None:
    from playwright.sync_api import sync_playwright

    files = bundle_files("browser", replace(bundled), b"licence")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as player:
        path = Path(folder, "index.html")
        path.write_bytes(files["index.html"])
        browser = player.chromium.launch(executable_path=chromium, args=FLAGS)
        for _ in range(OPENINGS):
            page = browser.new_context(offline=True).new_page()
            page.goto(path.as_uri())
            page.wait_for_function("document.documentElement.dataset.ready")
            state = page.evaluate("({...document.documentElement.dataset, whole: performance.now()})")
            first = page.evaluate(
                "row => { const t = performance.now(); leeway.found(row); return performance.now() - t }", rows[0]
            )
            console.print(
                f"Chromium: ready, with references, in {state['openMs']} ms; first answer after {first:.1f} ms more"
            )
        differing = 0
        began = Time.of(lambda: None)
        for start in range(0, len(rows), PAGE_ROWS):
            part = rows[start : start + PAGE_ROWS]
            spent, sums = page.evaluate(
                "rows => { const t = performance.now(); const found = rows.map(leeway.found); "
                "return [(performance.now() - t) / 1000, found.map(each => each.sums ?? each.refused)] }",
                part,
            )
            began = Time(began.seconds + spent)
            expected = [each.get("sums", each.get("refused")) for each in wanted[start : start + PAGE_ROWS]]
            differing += sum(one != other for one, other in zip(sums, expected, strict=True))
        figures.add(f"Chromium, {len(rows):,} rows", began, f"CPython, {len(rows):,} rows")
        console.print(f"rows with other bits in Chromium than in CPython: {differing:,} of {len(rows):,}")
        browser.close()


def _kb(contents: Any) -> str:
    content = b"".join(contents)
    return f"{len(content) / 1e3:.1f} kB ({len(gzip.compress(content, GZIP)) / 1e3:.1f} gzipped)"
