"""Where it began and which projects it concerns: in the reason of an alarm, and in what may be done about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from tasks.decide import Situation, decide
from tasks.records import (
    Answer,
    Bounded,
    Decision,
    DriftStatistic,
    LocalError,
    OutputMetric,
    Performance,
    QuestionId,
    Statistic,
    SuspicionState,
    UpstreamState,
    WhereFirst,
    WhichKind,
    answer_of,
)
from tasks.spec import ProjectSpec

NIGHT = date(2026, 3, 2)
SPEC = ProjectSpec.model_validate(
    {
        "project": "mine",
        "scope": {"owner": "me", "objective": "x", "metric": "mean_absolute_error"},
        "source": {"uri": "in", "id": ["id"], "event_time": "t", "label": {"column": "y", "delay_days": 14}},
        "features": {"numbers": ["a"]},
    }
)
LOSS, BIAS = Bounded(1.3, 1.2, 1.4, 1.0, 0.1), Bounded(0.0, -0.02, 0.02, 0.0, 0.25)
HURT = Performance(date(2026, 1, 20), date(2026, 2, 16), 500, LOSS, BIAS)
QUIET = Situation("mine", NIGHT, champion=1, champion_age_days=40, window_rows=300, window_days=7, fresh_rows=900)
MOVED = replace(
    QUIET, moved=(DriftStatistic("a", Statistic.LEVEL, 0.3, 0.1),), kind="covariate", first_step="rows as delivered (a)"
)
HELD = UpstreamState("sales", "dataset", NIGHT, "hold", "covariate", ("area",), troubled=True)
QUARANTINED = replace(HELD, action="quarantine", kind="quality", moved=())
PRO = LocalError("plan", "plan is 'pro'", 90, loss=0.5, expected=0.25, leeway=0.125, alone=True)


def answer(decision: Decision, question: str) -> Answer:
    return next(each for each in decision.answers if each.question == question)


def test_an_alarm_names_the_first_step_that_moved_and_the_projects_downstream() -> None:
    decision = decide(replace(MOVED, downstream=("offers", "report")), SPEC)
    assert decision.action == "hold"
    assert decision.reason == (
        "a moved (3.0 x its leeway), no harm seen yet; no labels so far; first in rows as delivered (a); "
        "downstream: offers, report"
    )
    assert answer(decision, QuestionId.WHERE_FIRST).answer == "rows as delivered (a)"


def test_a_project_upstream_that_moved_the_same_night_comes_before_every_step_of_ones_own() -> None:
    decision = decide(replace(MOVED, upstream=(HELD,)), SPEC)
    assert decision.reason.endswith("first upstream: sales (hold on 2026-03-02, covariate: area)")
    where = answer_of(decision.answers, WhereFirst)
    assert where is not None
    assert (where.first_step, where.upstream) == ("rows as delivered (a)", (HELD,))


def test_trouble_upstream_is_reported_on_a_quiet_night_too_and_changes_nothing() -> None:
    decision = decide(replace(QUIET, upstream=(HELD,), downstream=("offers",)), SPEC)
    assert decision.action == "score"
    assert decision.reason == "within leeway; but upstream: sales (hold on 2026-03-02, covariate: area)"


def test_a_quiet_project_upstream_is_only_shown() -> None:
    quiet = UpstreamState("ranker", "model", NIGHT, "score", "none")
    decision = decide(replace(QUIET, upstream=(quiet,)), SPEC)
    assert (decision.reason, answer(decision, QuestionId.WHERE_FIRST).answer) == ("within leeway", "nowhere")
    assert QuestionId.WHERE_FIRST not in {each.question for each in decide(QUIET, SPEC).answers}


@pytest.mark.parametrize("action", ["quarantine", "ask"])
def test_nothing_is_trained_while_a_project_upstream_has_quarantined_something_or_asks(action: str) -> None:
    hurt = replace(QUIET, performance=HURT)
    assert decide(hurt, SPEC).action == "retrain"
    held = decide(replace(hurt, upstream=(replace(QUARANTINED, action=action),)), SPEC)
    assert held.action == "hold"
    assert "upstream, sales is not trusted" in held.reason
    assert decide(replace(hurt, upstream=(HELD,)), SPEC).action == "retrain"


def test_nothing_is_trained_on_rows_for_which_a_model_upstream_may_have_answered_wrongly() -> None:
    ranker = UpstreamState("ranker", "model", NIGHT, "hold", "both", doubted_until=HURT.start)
    held = decide(replace(QUIET, performance=HURT, upstream=(ranker,)), SPEC)
    assert held.action == "hold"
    assert f"upstream, the answers of ranker may have been wrong until {HURT.start}" in held.reason
    past = replace(ranker, doubted_until=HURT.start - timedelta(days=1))
    assert decide(replace(QUIET, performance=HURT, upstream=(past,)), SPEC).action == "retrain"


def test_a_shock_stops_a_retraining_also_in_a_column_that_the_champion_does_not_use() -> None:
    hurt = replace(QUIET, performance=HURT, importances=(("a", 1.0), ("b", 0.0)))
    for kind, action in (("shock", "hold"), ("stuck", "retrain")):
        state = SuspicionState(kind, ("b",), HURT.start, HURT.start)
        assert decide(replace(hurt, suspected=(state,)), SPEC).action == action


def test_nothing_is_trained_while_the_label_is_under_suspicion() -> None:
    hurt = replace(QUIET, performance=HURT, importances=(("a", 1.0), ("b", 0.0)))
    state = SuspicionState("unit_change", (SPEC.source.label.column,), HURT.start, HURT.start)
    assert decide(replace(hurt, suspected=(state,)), SPEC).action == "hold"
    assert SPEC.source.label.column in SPEC.trained_on  # so that a suspicion of the label is one of a used column


def test_an_output_metric_past_its_leeway_is_held_and_trains_nothing() -> None:
    metric = OutputMetric("redone", 800, 0.25, leeway=0.05, expected=0.125, margin=0.02)
    decision = decide(replace(QUIET, outputs=(metric,)), SPEC)
    assert decision.action == "hold"
    assert decision.reason == "within leeway; redone 25.0 % of 800 answered rows, past 12.5 % ± 5 points"
    assert decide(replace(QUIET, outputs=(replace(metric, margin=0.2),)), SPEC).action == "score", "chance explains it"


def test_an_error_past_its_leeway_in_one_slice_is_held_and_the_slice_is_named() -> None:
    decision = decide(replace(QUIET, worse=(PRO,), kind="slice"), SPEC)
    assert (decision.action, decision.kind) == ("hold", "slice")
    said = "where plan is 'pro' the error is 0.5, past 0.25 + 0.125 (90 rows)"
    assert decision.reason == f"{said}; all other rows are within leeway"
    assert said in answer(decision, QuestionId.MATTERS).answer
    assert answer(decision, QuestionId.WHICH_KIND).answer.endswith("(plan is 'pro')")
    kind = answer_of(decision.answers, WhichKind)
    assert kind is not None
    assert kind.slices == ("plan is 'pro'",)


def test_a_slice_that_is_worse_while_all_are_worse_is_named_but_is_not_the_kind() -> None:
    worse = replace(PRO, alone=False)
    assert decide(replace(QUIET, worse=(worse,)), SPEC).action == "score"
    decision = decide(replace(QUIET, worse=(worse,), performance=HURT), SPEC)
    assert (decision.action, decision.kind) == ("retrain", "concept")
    assert decision.reason.endswith("; most where plan is 'pro'")


def test_a_slice_that_moved_alone_is_named_instead_of_its_column() -> None:
    moved = (
        DriftStatistic("plan", Statistic.SHAPE, 0.3, 0.1),
        DriftStatistic("plan", Statistic.SLICE, 0.2, 0.1, where="plan is 'pro'"),
    )
    decision = decide(replace(QUIET, moved=moved, kind="slice"), SPEC)
    assert decision.reason == "plan is 'pro' moved (3.0 x its leeway), no harm seen yet; no labels so far"
    assert answer(decision, QuestionId.WHICH_KIND).answer.startswith("local slice: one part of the rows has changed")


def test_harmless_drift_is_called_so_and_does_not_retrain() -> None:
    label = SPEC.source.label.model_copy(update={"delay_days": 0})
    at_once = SPEC.model_copy(update={"source": SPEC.source.model_copy(update={"label": label})})
    decision = decide(replace(MOVED, kind="virtual"), at_once)
    assert (decision.action, decision.kind) == ("hold", "virtual")
    assert decision.reason.startswith("harmless: a moved (3.0 x its leeway), no harm seen;")
    later = decide(replace(MOVED, kind="virtual"), SPEC).reason  # labels are late: nothing is called harmless yet
    assert later.startswith("a moved (3.0 x its leeway), no harm seen yet; no labels so far")
    harmless = "harmless: the rows have changed, neither predictions nor errors have"
    assert answer(decision, QuestionId.WHICH_KIND).answer == harmless


def test_an_open_suspicion_upstream_stops_a_retraining_although_nothing_is_asked_again() -> None:
    source = UpstreamState("sales", night=NIGHT, action="hold", troubled=True, suspected=True)
    hurt = replace(QUIET, performance=HURT)
    assert decide(hurt, SPEC).action == "retrain"
    assert decide(replace(hurt, upstream=(replace(source, suspected=False),)), SPEC).action == "retrain"
    held = decide(replace(hurt, upstream=(source,)), SPEC)
    assert (held.action, "sales is not trusted" in held.reason) == ("hold", True)
