from __future__ import annotations

from tasks.model_card.task import Package
from tests.unit.model_card.conftest import ANALYSIS


def test_a_package_has_its_plots_and_its_signature_among_its_files() -> None:
    schema = b'{"numbers": ["size"], "booleans": [], "categories": {}, "event_time": "at"}'
    package = Package({"model.onnx": b"", "schema.json": schema}, b"", {}, {"importances": {"size": 1.0}}, [], ANALYSIS)
    files = package.files("houses")
    assert {"MLmodel", "plots.html", "analysis.json"} <= set(files)
    assert b"<h2>Importances</h2>" in files["plots.html"]
