"""The parts of the card about the errors, the labels and the kind of the model."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model_card import Details, Request, model_card
from tasks.spec.project_spec import ProjectSpec
from tests.unit.model_card.conftest import ANALYSIS, WEAK

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
def test_an_approver_reads_where_the_errors_are_and_what_the_model_is(said: str) -> None:
    assert said in model_card(EVIDENCE, REQUEST, DETAILS)


def test_a_category_of_few_rows_has_no_name_on_the_card() -> None:
    card = model_card(EVIDENCE, REQUEST, DETAILS)
    assert "town = Ely" in card
    assert "Wye" not in card
    few = {"errors": {"weak": [WEAK | {"rows": 9}]}}
    assert "town = (rare) and size = (rare): error 3 on 9 rows" in model_card(EVIDENCE, REQUEST, Details(few))


def test_a_model_that_defers_every_row_or_none_says_so() -> None:
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


def test_rows_without_consent_are_counted_on_the_card() -> None:
    card = model_card(EVIDENCE, REQUEST, Details({"without_consent": 1_204}))
    assert "Rows without consent, from which it did not learn: 1,204." in card
    assert "consent" not in model_card(EVIDENCE, REQUEST, Details({"without_consent": 0}))
