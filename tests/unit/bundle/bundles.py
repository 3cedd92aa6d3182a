"""Bundles that the tests share: each kind of model is fitted and packaged once in a process."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tasks.bundle import BundledVersion, Form, bundle_files, signed_bundle
from tasks.bundle.bundle_plan import bundle_data, bundle_plan
from tasks.bundle.runtimes.answering_bundle import Bundle
from tasks.bundle.task import write_bundle
from tasks.compact import COMPACT_FILE
from tasks.inference.onnx_session import ONNX_FILE
from tasks.model import ModelSchema
from tasks.serving_store import ServablePackage
from tests.unit.serve.packages import CITIES, KEY, fitted, package_of, write_suite

KINDS = ("regression", "binary", "multiclass", "forest", "linear", "xgboost")
MADE_ON, STALE_ON = date(2026, 11, 30), date(2027, 5, 29)
MOMENT = datetime(2026, 11, 30, 12, tzinfo=UTC)
LICENCE = b"Apache-2.0"


@cache
def packaged_kind(kind: str) -> tuple[ServablePackage, dict[str, bytes]]:
    """Return the package of a small model, and the files of its version."""
    with tempfile.TemporaryDirectory() as folder:
        write_suite(Path(folder))
        package, files = package_of(Path(folder), fitted(kind))
    return package, dict(files)


def bundled_kind(kind: str, form: Form = "python", **changes: Any) -> BundledVersion:
    """Return what a bundle is made of."""
    package, files = packaged_kind(kind)
    parts: dict[str, Any] = {
        "package": package,
        "schema": ModelSchema.from_json(files["schema.json"]),
        "model": files[ONNX_FILE if form == "onnx" else COMPACT_FILE],
        "made_on": MADE_ON,
        "stale_on": STALE_ON,
        "serial": 17,
        "label": "price",
        "objective": "A test.",
    }
    return BundledVersion(**(parts | changes))


@cache
def files_of(kind: str, form: Form) -> dict[str, bytes]:
    """Return the signed files of a bundle."""
    bundled = bundled_kind(kind, form)
    return signed_bundle(bundle_files(form, bundled, LICENCE), form, bundled, KEY, MOMENT)


def written(folder: Path, kind: str, form: Form) -> Path:
    """Write a bundle; return its folder."""
    write_bundle(files_of(kind, form), folder / f"{kind}-{form}")
    return folder / f"{kind}-{form}"


def answering(bundled: BundledVersion) -> Bundle:
    """Return the bundle of a version in this process, without references."""
    return Bundle(bundle_data(bundle_plan(bundled, compact=True), []))


def random_rows(count: int, seed: int = 7) -> list[dict[str, Any]]:
    """Return rows of flats as clients send them: missing, unknown and padded values, and times of all kinds."""
    rng = np.random.default_rng(seed)

    def some(choices: Sequence[Any]) -> Any:
        return choices[int(rng.integers(len(choices)))]

    return [
        {
            "flat": number,
            "day": some(["2026-02-03", "2025-11-02T09:30:00Z", "2026-09-01T12:00:00.25", "2026-07-01T23:30:00-08:00"]),
            "area": float(rng.normal(70, 30)) if rng.random() < 0.9 else some([" 71.50 ", "1e2", 3]),
            "rooms": some([None, 1, 2.0, 3, "4", "NA"]),
            "garden": some([None, True, "no", 1, "Y"]),
            "city": some([None, *CITIES, "unknown", " Bonn\u2003", "Z\u00fcrich"]),
            "built": some([None, "2001-02-03", "1999-12-31T23:59:59.999999", "2024-02-29T00:15+05:45"]),
        }
        for number in range(count)
    ]
