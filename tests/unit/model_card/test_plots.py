from __future__ import annotations

from xml.etree import ElementTree as ET

from tasks.model_card.plots import plots
from tests.unit.model_card.conftest import ANALYSIS


def test_the_plots_are_one_page_that_fetches_nothing() -> None:
    page = plots("houses <1>", ANALYSIS, {"size": 0.75, "<town>": 0.25, "unused": 0.0})
    for title in ("Residuals", "Calibration", "Learning curve", "Importances"):
        assert f"<h2>{title}</h2>" in page
    assert "http" not in page
    assert "<1>" not in page
    assert "<town>" not in page
    assert len(page) < 12_000
    body = page[page.index("<main") : page.index("</main>") + len("</main>")]
    figures = ET.fromstring(body).findall("figure")  # noqa: S314 - our own text
    assert [len(figure.findall(".//svg[@role='img']")) for figure in figures] == [1, 1, 1, 0]
    assert len(figures[-1].findall(".//tr")) == 2  # a row for each importance above zero
    assert ">75.0%<" in page
    assert "unused" not in body


def test_nothing_to_draw_is_said() -> None:
    assert "There is nothing to draw." in plots("empty", {}, {})
    one = {"errors": {"bins": [{"prediction": 1.0, "truth": 1.0, "residual": None}]}}
    assert "<svg" not in plots("one", one, {})
