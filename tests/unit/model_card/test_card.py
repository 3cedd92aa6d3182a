from __future__ import annotations

import html
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model_card import Request, metrics, model_card, params, tags
from tasks.model_card.card import KINDS, TO_ANSWER, answered
from tasks.render.values import number
from tasks.spec.project_spec import ProjectSpec

SPEC = ProjectSpec.model_validate(
    {
        "project": "house-prices",
        "scope": {
            "owner": "Ada",
            "objective": "Price of a house for the agent.",
            "metric": "mean_absolute_log_error",
            "target": 0.14,
        },
        "source": {"uri": "landing", "id": ["id"], "event_time": "at", "label": {"column": "price"}},
        "features": {"numbers": ["size"]},
        "automation": {"approvers": ["Ada", "Bob"]},
    }
)
REQUEST = Request(
    spec=SPEC,
    decision="house-prices/2026-11-20",
    reason="error 0.162 is past its leeway 0.15",
    kind="concept",
    recipe="event_time",
    trained_from=date(2026, 1, 1),
    trained_until=date(2026, 10, 23),
    champion=2,
)
EVIDENCE: dict[str, Any] = {
    "verdict": "clear_win",
    "passed": True,
    "metric": "mean_absolute_log_error",
    "rows": 1234,
    "start": "2026-10-01",
    "end": "2026-10-28",
    "challenger_loss": 0.13,
    "challenger_low": 0.127,
    "challenger_high": 0.133,
    "champion_loss": 0.146,
    "difference": -0.016,
    "difference_low": -0.02,
    "difference_high": -0.012,
    "challenger_bias": 0.023,
    "champion_bias": 0.078,
    "baseline_loss": 0.4,
    "slices": [
        {"column": "town", "value": "Ely", "rows": 40, "challenger_loss": 0.12, "champion_loss": 0.15, "change": -0.2},
        {
            "column": "town",
            "value": "Rye",
            "rows": 60,
            "challenger_loss": 0.14,
            "champion_loss": 0.125,
            "change": 0.12,
            "refused": True,
        },
    ],
    "latency_ms": 0.03,
    "size_mb": 0.24,
    "parity": 9e-16,
    "reasons": ["better by 11 %", "no slice clearly worse"],
}
FIRST = {
    **EVIDENCE,
    **dict.fromkeys(("champion_loss", "champion_bias")),
    "difference": -0.27,
    "difference_low": -0.29,
    "difference_high": -0.25,
    "slices": [],
}


@pytest.mark.parametrize(
    "said",
    [
        "**May this version become champion of house-prices?** The champion is version 2 now.",
        "tag `approval` with the value `approved` or `rejected` under Tags below",
        "Approvers: Ada, Bob. Owner: Ada.",
        "The evidence is valid for 30 days.",
        "Reason: error 0.162 is past its leeway 0.15",
        "1,234 rows, from 2026-10-01 to 2026-10-28",
        "| mean absolute log error | 0.13 | 0.146 | 0.4 |",
        "| 95 % interval | 0.127 to 0.133 |",
        "Challenger minus champion: **-0.016** (95 % interval -0.02 to -0.012). Below zero, the challenger is better.",
        "Target of the project: 0.14 (reached).",
        "The gate passed: clear win.",
        "- no slice clearly worse",
        "on rows from 2026-01-01 to 2026-10-23",
    ],
)
def test_an_approver_reads_what_why_and_how(said: str) -> None:
    assert said in model_card(EVIDENCE, REQUEST).replace("&#95;", "_").replace("\N{NO-BREAK SPACE}" * 3, " ")


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_of_drift_is_explained_in_full(kind: str) -> None:
    assert f"Drift: {KINDS[kind]}. Reason:" in model_card(EVIDENCE, replace(REQUEST, kind=kind))


def test_the_slice_that_did_worst_comes_first() -> None:
    card = model_card(EVIDENCE, REQUEST).replace("\N{NO-BREAK SPACE}" * 3, " ")
    assert card.index("Rye | 60 | 0.14 | 0.125 | +12.0% **above the limit** |") < card.index(
        "Ely | 40 | 0.12 | 0.15 | -20.0% |"
    )


def test_a_first_model_has_nothing_to_be_compared_with() -> None:
    card = model_card(FIRST, replace(REQUEST, champion=None))
    assert "There is no champion yet." in card
    assert "| 0.13 | n/a | 0.4 |" in card.replace("\N{NO-BREAK SPACE}" * 3, " ")
    assert "Challenger minus baseline: **-0.27**" in card
    assert "### Slices" not in card


def test_almost_nothing_known_is_still_a_card() -> None:
    card = model_card({**dict.fromkeys(EVIDENCE), "verdict": "unknown"}, REQUEST)
    assert model_card({}, REQUEST) == card
    assert "The gate **did not pass**: unknown." in card
    assert "None" not in card


def test_text_of_others_is_shown_and_not_obeyed() -> None:
    nasty = "<script>alert(1)</script> [x](javascript:y) **b** | `c`\n# d https://evil.example www.evil.example"
    request = replace(REQUEST, reason=nasty, kind=nasty, recipe=nasty, decision=nasty)
    evidence = {**EVIDENCE, "reasons": [nasty], "slices": [{"column": nasty, "value": nasty}], "verdict": nasty}
    card = model_card(evidence, request)
    for active in ("<", "[x]", "**b**", "`c`", "\n# d", "https:", "www."):
        assert active not in card
    assert " ".join(nasty.split()) in html.unescape(card)


def overlong(text: str, reasons: list[str], slices: int) -> str:
    part = {
        "column": text,
        "value": text,
        "rows": 10**9,
        "challenger_loss": 1.2345e-7,
        "champion_loss": 9.8765e-7,
        "change": 0.5,
    }
    scope = SPEC.scope.model_copy(update={"owner": text, "objective": text})
    automation = SPEC.automation.model_copy(update={"approvers": [text] * 4})
    spec = SPEC.model_copy(update={"scope": scope, "automation": automation, "project": "x" * 63})
    request = replace(REQUEST, spec=spec, decision=text, reason=text, kind=text, recipe=text)
    return model_card({**EVIDENCE, "verdict": text, "reasons": reasons, "slices": [part] * slices}, request)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=300), st.lists(st.text(max_size=300), max_size=12), st.integers(0, 40))
def test_a_card_is_never_longer_than_the_registry_keeps(text: str, reasons: list[str], slices: int) -> None:
    card = overlong(text * 4, reasons, slices)
    assert len(card) <= 5000
    assert "`approved` or `rejected`" in card


def test_the_longest_of_all_cards_still_names_slices() -> None:
    card = overlong("<" * 5000, ["<" * 5000] * 40, 40)
    assert len(card) <= 5000
    assert "### Slices (" in card


def test_tags_are_short_words() -> None:
    assert tags(EVIDENCE, REQUEST) == {
        "leeway.verdict": "clear_win",
        "leeway.decision": "house-prices/2026-11-20",
        "leeway.kind": "concept",
        "leeway.recipe": "event_time",
        "leeway.loss": "0.13 (champion 0.146)",
        "leeway.compared_with": "2",
    }
    first = tags(FIRST, replace(REQUEST, champion=None))
    assert (first["leeway.loss"], first["leeway.compared_with"]) == ("0.13", "none")


def test_the_run_keeps_the_settings_and_the_numbers() -> None:
    assert params(REQUEST)["trained_until"] == "2026-10-23"
    assert metrics(FIRST)["challenger_loss"] == 0.13
    assert not {"champion_loss", "passed", "slices"} & set(metrics(FIRST))
    assert metrics({"rows": float("nan"), "size_mb": True}) == {}


def test_a_number_is_four_digits() -> None:
    assert [number(value) for value in (0.123456, 1234567, -0.5, "x")] == ["0.1235", "1.235e+06", "-0.5", "n/a"]


def test_a_question_that_was_answered_is_not_asked_any_more() -> None:
    card = f"**May it?** Champion now: version 1.\n\n{TO_ANSWER} `approval`.\n\n### Why now\n\nIt drifted.\n"
    done = answered(card, "version 2 is champion")
    assert done == "version 2 is champion\n\n### Why now\n\nIt drifted.\n"
    assert answered(done, "version 2 was rolled back") == "version 2 was rolled back\n\n### Why now\n\nIt drifted.\n"


def with_metrics(count: int) -> dict[str, Any]:
    mine = {"higher_is_better": True, "value": 0.75, "low": 0.7, "high": 0.8, "fault": ""}
    pair = {"champion": 0.7, "difference": 0.05, "difference_low": -0.01, "difference_high": 0.11, "max_loss": 0.02}
    return {**EVIDENCE, "metrics": [{"challenger": {"name": f"m{at}", **mine}, **pair} for at in range(count)]}


def test_further_metrics_are_a_table_of_the_card_and_series_of_the_version() -> None:
    card = model_card(with_metrics(1), REQUEST).replace("\N{NO-BREAK SPACE}" * 3, " ")
    assert "| m0 (higher is better) | 0.75 | 0.7 to 0.8 | 0.7 | 0.05 (-0.01 to 0.11) | 0.02 |" in card
    assert {name: metrics(with_metrics(1))[name] for name in ("metric.m0", "metric.m0_champion")} == {
        "metric.m0": 0.75,
        "metric.m0_champion": 0.7,
    }
    assert "Other metrics" not in model_card(with_metrics(0), REQUEST)


def test_a_card_with_many_metrics_shows_the_first_and_stays_short_enough() -> None:
    card = model_card(with_metrics(20), REQUEST)
    assert "more in evidence.json of the source run" in card
    assert len(model_card(with_metrics(20), REQUEST)) <= 5000


def with_groups(count: int) -> dict[str, Any]:
    gap = {"column": "town", "measure": "true_positive_rate", "rows": 90, "value": 0.5, "others": 0.75, "limit": 0.2}
    ends = {"difference": -0.25, "low": -0.3, "high": -0.2}
    more = {"champion": -0.1, "p_value": 0.2, "refused": False}
    return {**EVIDENCE, "fairness": [{"challenger": {**gap, **ends, "group": f"t{at}"}, **more} for at in range(count)]}


def test_differences_between_groups_are_a_table_of_the_card_and_as_many_as_fit() -> None:
    card = model_card(with_groups(1), REQUEST).replace("\N{NO-BREAK SPACE}" * 3, " ")
    assert "| town = t0 | true positive rate | 90 | 0.5 | 0.75 | -0.25 (-0.3 to -0.2) | -0.1 | 0.2 |" in card
    assert len(model_card(with_groups(60) | {"metrics": with_metrics(20)["metrics"]}, REQUEST)) <= 5000
