"""The rest of the card: where the model errs, what would help, what it is; and its plots."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model_card import Details, Request, model_card
from tasks.model_card.plots import plots
from tasks.model_card.signature import signature_text
from tasks.model_card.task import Package
from tasks.spec.project_spec import ProjectSpec

SPEC = ProjectSpec.model_validate(
    {
        "project": "houses",
        "scope": {"owner": "Ada", "objective": "Prices.", "metric": "mean_absolute_error"},
        "source": {"uri": "landing", "id": ["id"], "event_time": "at", "label": {"column": "price"}},
        "features": {"numbers": ["size"], "categories": ["town"]},
        "privacy": {"min_category_count": 10},
    }
)
REQUEST = Request(SPEC, "houses/1", "age", "age", "level", date(2026, 1, 1), date(2026, 2, 1), 1, "http://h/#/report")
EVIDENCE: dict[str, Any] = {
    "verdict": "clear_win",
    "passed": True,
    "rows": 100,
    "champion_loss": 2.0,
    "difference": -0.5,
    "difference_low": -0.6,
    "difference_high": -0.4,
    "confidence": 0.9875,
    "uses": 2,
    "slices": [
        {"column": "town", "value": "Ely", "rows": 12, "challenger_loss": 1.0, "champion_loss": 2.0, "change": -0.5},
        {"column": "town", "value": "Wye", "rows": 9, "challenger_loss": 1.0, "champion_loss": 2.0, "change": -0.5},
    ],
}
WEAK = {"where": [["town", "Rye"], ["size", "1 to 2"]], "rows": 25, "loss": 3.0, "rest_loss": 1.0, "share_of_loss": 0.4}
ANALYSIS: dict[str, Any] = {
    "errors": {
        "loss": 1.5,
        "human_level": 1.2,
        "weak": [WEAK],
        "bins": [
            {"rows": 5, "prediction": 1.0, "truth": 1.5, "residual": 0.5, "loss": 1.0},
            {"rows": 5, "prediction": 3.0, "truth": 2.5, "residual": -0.5, "loss": 1.0},
        ],
    },
    "learning_curve": {"rows": [10, 20, 40], "losses": [4.0, 3.0, 2.5], "answer": "More rows would help."},
    "labels": {
        "same": {"rows": 40, "rows_apart": 4},
        "wrong": {"examined": 1000, "found": 7},
        "relabelled": {"rows": 0, "rows_apart": 0},
        "moved": [{}],
    },
}
RULE = {"threshold": -0.1, "target_error": 2.0, "share": 0.8, "error": 1.1, "error_bound": 1.9}
FACTS = {"format": "onnx (runs without scikit-learn)", "estimator": "sklearn.Boosting", "size_mb": "0.24"}
LINKS = {"decision": REQUEST.decision_link, "plots": "http://h/#/plots.html"}
DETAILS = Details(ANALYSIS, FACTS, RULE, LINKS)


@pytest.mark.parametrize(
    "said",
    [
        "Decision [houses/1](http://h/#/report). Drift: the champion is old.",
        "(98.75 % interval -0.6 to -0.4)",
        "These rows were used in 2 earlier decisions, so the confidence is raised",
        "- town = Rye and size = 1 to 2: error 3 on 25 rows, 1 on the others; 40% of the total error",
        "Human error: 1.2; error of the model: 1.5.",
        "More rows would help.",
        "Labels: 4 of 40 rows with the same features are labelled differently; 7 of 1,000 examined labels are",
        "likely wrong; periods in which the mean label jumped: 1.",
        "[plots](http://h/#/plots.html)",
        "Boosting, 0.24 MB, onnx (runs without scikit-learn).",
        "It decides 80% of the rows itself, with an error of 1.1 (at most 1.9; target 2)",
        "`approval.by` with your name). Or run `leeway approve houses`",
        "`leeway rollback houses`: the previous version serves again, and this version cannot be promoted again.",
        "refitted on all labelled rows",
    ],
)
def test_an_approver_reads_where_it_errs_and_what_it_is(said: str) -> None:
    assert said in model_card(EVIDENCE, REQUEST, DETAILS)


def test_a_category_of_few_rows_has_no_name_on_the_card() -> None:
    card = model_card(EVIDENCE, REQUEST, DETAILS)
    assert "town = Ely" in card
    assert "Wye" not in card
    few = {"errors": {"weak": [WEAK | {"rows": 9}]}}
    assert "town = (rare) and size = (rare): error 3 on 9 rows" in model_card(EVIDENCE, REQUEST, Details(few))


def test_a_model_that_passes_every_row_on_says_so() -> None:
    details = replace(DETAILS, deferral=RULE | {"threshold": None})
    assert "It defers **every** row to people: for no share of the rows is the error certainly below 2" in model_card(
        EVIDENCE, REQUEST, details
    )
    assert "It defers no row to people" in model_card(EVIDENCE, REQUEST, replace(DETAILS, deferral={}))


def test_consistent_labels_are_one_short_sentence() -> None:
    details = Details({"labels": {"same": {"rows": 9, "rows_apart": 0}, "moved": []}})
    assert "Labels: no inconsistency found." in model_card(EVIDENCE, REQUEST, details)


@settings(max_examples=30, deadline=None)
@given(st.text(min_size=1, max_size=200), st.integers(0, 12))
def test_a_full_card_is_never_longer_than_the_registry_keeps(text: str, count: int) -> None:
    long = text * (800 // len(text))
    scope = SPEC.scope.model_copy(update={"owner": long, "objective": long})
    automation = SPEC.automation.model_copy(update={"approvers": [long] * 4})
    spec = SPEC.model_copy(update={"scope": scope, "automation": automation, "project": "x" * 63})
    request = replace(REQUEST, spec=spec, decision=long, reason=long, kind=long, recipe=long)
    part = {"column": long, "value": long, "rows": 10**9, "challenger_loss": 1e-7, "champion_loss": 1e-7, "change": 0.5}
    weak = WEAK | {"where": [[long, long], [long, long]]}
    analysis = ANALYSIS | {"errors": ANALYSIS["errors"] | {"weak": [weak] * count}}
    facts = dict.fromkeys(FACTS, long)
    links = dict.fromkeys(LINKS, f"http://{'h' * 60}/{'p' * 150}")
    evidence = EVIDENCE | {"reasons": [long] * 12, "slices": [part] * count, "verdict": long}
    card = model_card(evidence, request, Details(analysis, facts, RULE, links))
    assert len(card) <= 5000
    assert "`approved` or `rejected`" in card


def test_the_plots_are_one_page_that_fetches_nothing() -> None:
    page = plots("houses <1>", ANALYSIS, {"size": 0.75, "<town>": 0.25, "unused": 0.0})
    for title in ("Residuals", "Calibration", "Learning curve", "Importances"):
        assert f"<h2>{title}</h2>" in page
    assert "http" not in page
    assert "<1>" not in page
    assert "<town>" not in page
    assert len(page) < 10_000
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


def test_the_signature_names_inputs_and_no_flavour() -> None:
    schema = {
        "task": "regression", "event_time": "at", "numbers": ["size"], "booleans": ["new"], "categories": {"town": []},
        "time": {"origin": "2026-01-01", "held_at_days": 3.0}, "dates": [],
    }  # fmt: skip
    read = yaml.safe_load(signature_text(schema))
    inputs = json.loads(read["signature"]["inputs"])
    assert [(each["name"], each["type"]) for each in inputs] == [
        ("size", "double"), ("new", "boolean"), ("town", "string"), ("at", "datetime"),
    ]  # fmt: skip
    assert read["flavors"] == {}


def test_a_package_has_its_plots_and_its_signature_among_its_files() -> None:
    schema = b'{"numbers": ["size"], "booleans": [], "categories": {}, "event_time": "at"}'
    package = Package({"model.onnx": b"", "schema.json": schema}, b"", {}, {"importances": {"size": 1.0}}, [], ANALYSIS)
    files = package.files("houses")
    assert {"MLmodel", "plots.html", "analysis.json"} <= set(files)
    assert b"<h2>Importances</h2>" in files["plots.html"]
