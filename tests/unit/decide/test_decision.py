from dataclasses import replace
from datetime import date

import pytest

from tasks.decide import RegimeEvidence, ReleaseOutcome, ShadowOutcome, Situation, decide
from tasks.records import (
    Bounded,
    Decision,
    DriftStatistic,
    Estimated,
    Matters,
    MayRetrain,
    Performance,
    QuestionId,
    ServedProof,
    SkewedRow,
    Statistic,
    Suspicion,
    UnknownClass,
    WhichKind,
    answer_of,
    without_names,
)
from tasks.spec import ProjectSpec

NIGHT = date(2026, 3, 2)
SMALL = {
    "project": "mine",
    "scope": {"owner": "me", "objective": "x", "metric": "mean_absolute_error"},
    "source": {"uri": "in", "id": ["id"], "event_time": "t", "label": {"column": "y", "delay_days": 14}},
    "features": {"numbers": ["a", "b", "c"]},
}


def spec(**changes: object) -> ProjectSpec:
    return ProjectSpec.model_validate(SMALL | changes)


def performance(loss: float, bias: float) -> Performance:
    """A promise of 1.0, a leeway of 0.1 for the loss and 0.25 for the bias, intervals of 0.02 on each side."""
    return Performance(
        start=date(2026, 1, 20),
        end=date(2026, 2, 16),
        rows=500,
        loss=Bounded(loss, loss - 0.02, loss + 0.02, 1.0, 0.1),
        bias=Bounded(bias, bias - 0.02, bias + 0.02, 0.0, 0.25),
    )


def situation(**facts: object) -> Situation:
    usual: dict[str, object] = {
        "champion": 1,
        "champion_age_days": 40,
        "window_rows": 300,
        "window_days": 7,
        "performance": performance(1.0, 0.0),
        "last_retraining": date(2026, 1, 1),
        "fresh_rows": 900,
        "rows_in_30_days": 1000,
    }
    return Situation("mine", NIGHT, **(usual | facts))  # type: ignore[arg-type]  # facts are named by each test


def test_a_quiet_night_is_only_scored() -> None:
    decision = decide(situation(), spec())
    assert (decision.action, decision.kind) == ("score", "none")


def test_an_error_past_its_leeway_retrains_and_is_called_concept_drift_when_no_column_moved() -> None:
    decision = decide(situation(performance=performance(1.2, 0.0)), spec())
    assert (decision.action, decision.kind) == ("retrain", "concept")


def test_a_bias_past_its_leeway_retrains_although_the_error_is_fine() -> None:
    decision = decide(situation(performance=performance(1.05, 0.3)), spec())
    assert decision.action == "retrain"
    assert "bias +0.3 is past +0 ± 0.25" in decision.reason


def test_an_error_that_fell_is_no_reason_to_retrain() -> None:
    assert decide(situation(performance=performance(0.5, 0.0)), spec()).action == "score"


def test_an_error_that_chance_explains_waits_however_large_it_is() -> None:
    seen = performance(1.2, 0.0)
    unsure = replace(seen, loss=replace(seen.loss, low=0.99, high=1.41))
    assert decide(situation(performance=unsure), spec()).action == "score"


def test_within_leeway_is_said_only_where_the_leeway_covers_the_error() -> None:
    seen = performance(1.2, 0.0)
    unsure = replace(seen, loss=replace(seen.loss, low=0.99, high=1.41))
    assert decide(situation(), spec()).reason == "within leeway"
    assert decide(situation(performance=unsure), spec()).reason == "past its leeway, but chance may still explain it"


def test_an_error_that_is_sure_but_within_what_is_tolerated_waits() -> None:
    assert decide(situation(performance=performance(1.09, 0.0)), spec()).action == "score"


def test_moved_columns_without_harm_are_held_not_retrained() -> None:
    decision = decide(situation(moved=(DriftStatistic("a", Statistic.LEVEL, 0.3, 0.1),), kind="covariate"), spec())
    assert (decision.action, decision.kind) == ("hold", "covariate")
    assert decision.reason == "a moved (3.0 x its leeway), no harm seen yet; labels until 2026-02-16"


def test_of_several_classes_it_is_not_said_that_the_predictions_changed_because_that_is_not_measured() -> None:
    moved = (DriftStatistic("a", Statistic.LEVEL, 0.3, 0.1),)
    scope = {"owner": "me", "objective": "x", "metric": "log_loss", "baseline": "mean"}
    several = spec(scope=scope, training={"task": "multiclass"})
    said = [
        answer_of(decide(situation(moved=moved, kind="covariate"), each).answers, WhichKind)
        for each in (spec(), several)
    ]
    assert [answer.answer.split(": ", 1)[1] for answer in said if answer] == [
        "the rows have changed, and the predictions with them",
        "the rows have changed; how the predictions have is not measured for several classes",
    ]


def test_what_looks_broken_is_asked_about_and_never_trained_on() -> None:
    broken = Suspicion("null_burst", ("a",), "40 % are empty")
    decision = decide(situation(suspicions=(broken,), performance=performance(2.0, 0.5)), spec())
    assert (decision.action, decision.kind) == ("ask", "unclear")
    assert "null burst in a (40 % are empty)" in decision.reason


def test_rows_that_have_stopped_to_come_are_reported_and_nothing_is_trained_on_the_old_ones() -> None:
    gone = "no rows have landed since 2025-12-21, 42 days ago; one delivery in 14 days is expected"
    found = decide(situation(performance=performance(2.0, 0.0), overdue=gone), spec())
    assert (found.action, found.reason.startswith(gone)) == ("hold", True)
    assert found.answers[0].answer == f"no, {gone}"


def test_labels_that_surprise_while_the_error_is_tolerated_are_held() -> None:
    surprise = DriftStatistic("label", Statistic.RESIDUAL, 0.3, 0.1)
    decision = decide(situation(surprises=(surprise,), kind="concept"), spec())
    assert (decision.action, decision.kind) == ("hold", "concept")
    assert decision.reason == (
        "labels differ from predictions more than allowed (residual, 3.0 x its leeway), the error is within leeway"
    )


@pytest.mark.parametrize(
    ("seen", "hurts", "kind"),
    [
        ("virtual", False, "virtual"),
        ("virtual", True, "both"),
        ("none", True, "concept"),
        ("prior", True, "prior"),
        ("slice", True, "slice"),
    ],
)
def test_an_error_past_its_leeway_is_concept_drift_unless_labels_say_something_narrower(
    seen: str, hurts: bool, kind: str
) -> None:
    moved = (DriftStatistic("a", Statistic.LEVEL, 0.3, 0.1),) if seen == "virtual" else ()
    error = performance(1.2 if hurts else 1.0, 0.0)
    assert decide(situation(kind=seen, moved=moved, performance=error), spec()).kind == kind


def test_what_is_expected_without_labels_is_said_where_it_was_right_before() -> None:
    expected = Estimated(loss=1.3, error=0.05, expected=1.0, trusted=True)
    answers = {each.question: each for each in decide(situation(estimated=expected), spec()).answers}
    assert "without labels 1.3 ± 0.05 is expected" in answers[QuestionId.MATTERS].answer
    unsure = {
        each.question: each for each in decide(situation(estimated=replace(expected, trusted=False)), spec()).answers
    }
    assert "without labels" not in unsure[QuestionId.MATTERS].answer


def test_a_quarantined_batch_stops_everything_else() -> None:
    decision = decide(situation(quarantined=("2026-03-02.csv",), performance=performance(2.0, 0.5)), spec())
    assert decision.action == "quarantine"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"waiting": 2}, "version 2 waits for approval"),
        ({"under_way": date(2026, 3, 1)}, "the retraining of 2026-03-01 is still under way"),
        ({"last_retraining": date(2026, 2, 20)}, "cooldown: 10 of 28 days"),
        ({"last_refused": date(2026, 2, 20)}, "back-off"),
        ({"retrainings_in_30_days": 2}, "budget: 2 of 2"),
        ({"fresh_rows": 10}, "only 10 of 200 new labelled rows"),
    ],
)
def test_each_obstacle_holds_the_retraining_and_is_named(facts: dict[str, object], said: str) -> None:
    decision = decide(situation(performance=performance(1.2, 0.0), **facts), spec())
    assert decision.action == "hold"
    assert said in decision.reason


@pytest.mark.parametrize(
    ("facts", "action"),
    [  # the strain of an error of 1.25 is 2.5: 0.25 more than the promise, with a leeway of 0.1
        ({"last_retraining": date(2026, 2, 20), "at_retraining": RegimeEvidence(900, 1.5)}, "retrain"),  # 900 rows came
        ({"last_retraining": date(2026, 2, 20), "at_retraining": RegimeEvidence(901, 1.5)}, "hold"),
        (
            {"last_retraining": date(2026, 2, 20), "at_retraining": RegimeEvidence(5000, 1.0)},
            "retrain",
        ),  # twice the strain
        ({"last_refused": date(2026, 2, 20), "at_refusal": RegimeEvidence(150, 1.5)}, "retrain"),  # 300 are known now
        ({"last_refused": date(2026, 2, 20), "at_refusal": RegimeEvidence(151, 1.5)}, "hold"),
        ({"last_refused": date(2026, 2, 20), "at_refusal": RegimeEvidence(5000, 1.0)}, "retrain"),
    ],
)
def test_waiting_ends_when_rows_of_the_regime_or_the_error_have_doubled(facts: dict[str, object], action: str) -> None:
    seen = replace(performance(1.25, 0.0), regime_rows=300)
    assert decide(situation(performance=seen, **facts), spec()).action == action


def test_a_new_regime_is_a_week_old_before_a_model_is_trained_on_it() -> None:
    young, older = (replace(performance(1.25, 0.0), regime_days=days) for days in (6, 7))
    held = decide(situation(performance=young), spec())
    assert held.action == "hold"
    assert "labels of only 6 of 7 days are known since the error has left its promise" in held.reason
    assert decide(situation(performance=older), spec()).action == "retrain"


def test_a_new_class_is_learned_once_more_days_have_it_than_a_challenger_is_judged_on() -> None:
    hold_out = spec().split.holdout_days
    young, older = (
        replace(performance(1.25, 0.0), regime_days=days, unknown_alone=True) for days in (hold_out + 6, hold_out + 7)
    )
    held = decide(situation(performance=young), spec())
    assert held.action == "hold"
    assert f"of a new class a challenger learns none of the newest {hold_out}" in held.reason
    assert decide(situation(performance=older), spec()).action == "retrain"


def test_a_retraining_that_costs_more_than_it_saves_is_held() -> None:
    priced = spec(scope=SMALL["scope"] | {"training_cost": 300, "loss_cost_per_row": 1.0})  # type: ignore[operator]
    # 0.2 too much error on each of 1,000 rows at 1.0 each is 200 in 30 days, less than 300.
    decision = decide(situation(performance=performance(1.2, 0.0)), priced)
    assert decision.action == "hold"
    assert "not worth" in decision.reason


def test_retraining_by_request_only_asks() -> None:
    decision = decide(situation(performance=performance(1.2, 0.0)), spec(automation={"retrain": "ask"}))
    assert decision.action == "ask"


def test_a_model_past_its_age_is_retrained_without_any_drift() -> None:
    decision = decide(situation(champion_age_days=400), spec(monitoring={"max_model_age_days": 365}))
    assert (decision.action, decision.kind) == ("retrain", "age")


def test_without_a_champion_the_night_waits_and_says_what_to_do() -> None:
    decision = decide(Situation("mine", NIGHT), spec())
    assert decision.action == "wait"
    assert "leeway run retrain mine" in decision.reason


def test_the_same_situation_is_decided_alike() -> None:
    seen = situation(performance=performance(1.2, 0.0), moved=(DriftStatistic("a", Statistic.LEVEL, 0.3, 0.1),))
    assert decide(seen, spec()) == decide(seen, spec())


def test_every_answer_carries_its_numbers() -> None:
    decision = decide(situation(performance=performance(1.2, 0.0)), spec())
    matters, may = answer_of(decision.answers, Matters), answer_of(decision.answers, MayRetrain)
    assert matters is not None
    assert matters.performance is not None
    assert may is not None
    assert matters.performance.loss.value == pytest.approx(1.2)
    assert (may.fresh_rows, may.wanted, may.obstacles) == (900, True, ())


def answer_to(decision: Decision, question: str) -> str:
    return next((each.answer for each in decision.answers if each.question == question), "")


WORSE = ReleaseOutcome(
    3, "worse", "found a loss of 0.3; the gate promised 0.1 to 0.2: worse", back_to=2, numbers={"rows": 300}
)


def test_a_release_that_does_worse_than_promised_asks_and_names_the_way_back() -> None:
    decision = decide(situation(released=WORSE), spec())
    assert decision.action == "ask"
    assert decision.reason.startswith("version 3 does worse than promised: found a loss of 0.3")
    assert decision.reason.endswith("`leeway rollback mine` brings version 2 back")
    assert answer_to(decision, QuestionId.RECOVERED).startswith("no, version 3: found a loss of 0.3")
    first = decide(situation(released=replace(WORSE, back_to=None)), spec())
    assert "there is no earlier version" in first.reason


def test_a_release_that_does_worse_is_retrained_where_that_is_due_anyway() -> None:
    assert decide(situation(released=WORSE, performance=performance(1.2, 0.0)), spec()).action == "retrain"


def test_a_broken_source_is_looked_at_before_the_release() -> None:
    decision = decide(situation(released=WORSE, quarantined=("2026-03-02.csv",)), spec())
    assert decision.action == "quarantine"
    assert answer_to(decision, QuestionId.RECOVERED).startswith("no")


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("as_promised", "yes, version 3: found"),
        ("better", "yes, version 3: found"),
        ("unknown", "not known, version 3: found"),
        ("too_early", "too early: 300 of 200 rows of version 3 have matured"),
    ],
)
def test_a_release_that_keeps_its_promise_changes_nothing(verdict: str, said: str) -> None:
    decision = decide(situation(released=replace(WORSE, verdict=verdict)), spec())
    assert decision.action == "score"
    assert answer_to(decision, QuestionId.RECOVERED).startswith(said)


def test_how_the_challenger_does_is_reported_and_decides_nothing() -> None:
    decision = decide(situation(shadowed=ShadowOutcome(4, "0.2 in service, the champion 0.3")), spec())
    assert decision.action == "score"
    assert answer_to(decision, QuestionId.CHALLENGER) == "version 4: 0.2 in service, the champion 0.3"
    assert answer_to(decide(situation(), spec()), QuestionId.CHALLENGER) == ""


def test_a_service_that_answers_as_the_batch_is_reported_and_changes_nothing() -> None:
    decision = decide(situation(served=ServedProof(120, versions=(2,))), spec())
    assert decision.action == "score"
    assert answer_to(decision, QuestionId.SERVED_AS_BATCH) == "yes: 120 rows, bit for bit"
    assert answer_to(decide(situation(), spec()), QuestionId.SERVED_AS_BATCH) == ""


def test_a_service_that_answers_in_another_way_is_reported_to_a_person() -> None:
    skewed = ServedProof(120, 3, (SkewedRow("7", 2, "inputs"),), 1, "gone", (2,))
    decision = decide(situation(served=skewed), spec())
    assert decision.action == "ask"
    assert "answers in another way than the batch: 3 of 120 rows differ, the first of version 2" in decision.reason
    assert answer_to(decision, QuestionId.SERVED_AS_BATCH) == (
        "no: 3 of 120 rows differ, row 7 of version 2 from its inputs on; 1 row could not be scored again: gone"
    )


@pytest.mark.parametrize(
    ("action", "facts", "by_request"),
    [
        ("quarantine", {"quarantined": ("2026-03-02.csv",)}, False),
        ("retrain", {"performance": performance(1.2, 0.0)}, False),
        ("ask", {"suspicions": (Suspicion("stuck", ("a",), "one value"),)}, False),
        ("ask", {"performance": performance(1.2, 0.0)}, True),
    ],
)
def test_a_skew_is_said_whatever_the_night_does(action: str, facts: dict[str, object], by_request: bool) -> None:
    skewed = ServedProof(120, 3, (SkewedRow("7", 2, "inputs"),))
    project = spec(automation={"retrain": "ask"}) if by_request else spec()
    alone, decision = (decide(situation(served=proof, **facts), project) for proof in (None, skewed))
    assert decision.action == alone.action == action
    assert decision.reason.startswith(alone.reason)
    assert "answers in another way than the batch: 3 of 120 rows differ" in decision.reason


def test_rows_that_could_not_be_proven_are_no_fault_of_the_service() -> None:
    decision = decide(situation(served=ServedProof(unproven=2, why="gone")), spec())
    assert decision.action == "score"
    assert answer_to(decision, QuestionId.SERVED_AS_BATCH) == "not known; 2 rows could not be scored again: gone"


def test_a_night_names_the_classes_that_the_champion_does_not_know_unless_they_are_private() -> None:
    labels = (UnknownClass("cargo", 11), UnknownClass("tandem", 1))
    for found, action in ((performance(1.2, 0.0), "retrain"), (performance(1.0, 0.0), "score")):
        seen = situation(performance=replace(found, unknown_classes=labels))
        decision = decide(seen, spec())
        assert decision.action == action
        named = "12 of 500 labels are of a class that the champion does not know: 'cargo' (11), 'tandem' (1)"
        assert decision.reason.endswith(named)
        private = decide(replace(seen, performance=replace(found, unknown_classes=without_names(labels))), spec())
        assert private.reason.endswith("12 of 500 labels are of a class that the champion does not know")
