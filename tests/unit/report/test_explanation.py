from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.report import Why, night_markdown, why_lines
from tasks.spec import ProjectSpec
from tests.unit.report.conftest import HOSTILE, bounded, shifted

if TYPE_CHECKING:
    from tests.unit.report.conftest import Event, Night


def takes(why: Why) -> tuple[str, ...]:
    return next(section.lines for section in why.sections if section.title.startswith("What it would"))


def may_it(**numbers: object) -> dict[str, object]:
    return {"question": "may it retrain?", "answer": "no", "numbers": numbers}


def test_a_quiet_night_names_the_statistic_nearest_its_leeway(spec: ProjectSpec, night: Night) -> None:
    moved = [shifted("bathrooms", 0.68), shifted("age", 0.2)]
    quiet = night(0, moved=moved, performance={"loss": bounded(1.05), "bias": bounded(0.0)})
    assert takes(why_lines(quiet, spec)) == (
        "bathrooms would have had to move another 0.08 sd (wasserstein); 68% of its leeway is used",
        "the error would have had to rise another 0.05, from 1.05 to 1.1",
    )


def test_without_labels_it_says_when_they_come(spec: ProjectSpec, night: Night) -> None:
    moved = night(0, action="hold", reason="area moved, no harm seen", moved=[shifted("area", 2.0)])
    assert takes(why_lines(moved, spec)) == (
        "area is past its leeway (2.0 x); drift alone does not retrain, an error must",
        "labels: the error of tonight's rows is known from 2026-02-15 at the earliest",
    )


def test_too_few_rows_are_counted(spec: ProjectSpec, night: Night) -> None:
    answer = {"question": "enough rows?", "answer": "no", "numbers": {"rows": 12, "min_rows": 50}}
    waited = night(0, action="wait", reason="too few rows", answers=[answer])
    assert takes(why_lines(waited, spec)) == ("38 more rows since the champion's training: there were 12 of 50",)
    first = night(0, action="wait", reason="no champion yet: train one")
    assert takes(why_lines(first, spec)) == ("a champion: `leeway run retrain mine`, then an approval",)


def test_each_obstacle_is_named_with_the_day_or_number_that_lifts_it(
    spec: ProjectSpec, night: Night, event: Event
) -> None:
    obstacles = [
        "version 4 waits for approval",
        "cooldown: 10 of 28 days since the last",
        "back-off: the gate refused a challenger 5 of 28 days ago",
        "budget: 2 of 2 in 30 days",
        "only 150 of 200 new labelled rows",
    ]
    record = [
        event("retraining", "registered", 0),
        event("retraining", "registered", 20),
        event("retraining", "refused", 25),
    ]
    held = night(
        30 - 1,
        action="hold",
        reason="error past; not retraining, cooldown",
        moved=[shifted("area", 2.0)],
        answers=[may_it(obstacles=obstacles, days_since_retraining=10, fresh_rows=150)],
    )
    assert takes(why_lines(held, spec, record)) == (
        "an answer: version 4 waits for approval",
        "cooldown until 2026-03-20",  # 2 March + (28 - 10)
        "back-off until 2026-03-26",  # 26 February + 28
        "the budget frees on 2026-03-03",  # 1 February + 30
        "50 more labelled rows: there are 150 of 200",
    )
    assert "back-off: the gate refused a challenger 5 of 28 days ago" in takes(why_lines(held, spec))


def test_a_retraining_that_would_not_pay_names_the_gap(spec: ProjectSpec, night: Night) -> None:
    answer = {
        "question": "worth retraining?",
        "answer": "no",
        "numbers": {"expected_loss": 40.0, "training_cost": 100.0},
    }
    held = night(
        0,
        action="hold",
        reason="not worth it",
        answers=[answer],
        performance={"loss": bounded(1.3), "bias": bounded(0)},
    )
    assert takes(why_lines(held, spec)) == ("another 60 of expected loss in 30 days: a retraining costs 100",)


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("retrain", "nothing: it acted"),
        ("quarantine", "a corrected delivery, or a person's word: `leeway release mine BATCH`"),
        ("ask", "a person's look; then `leeway run retrain mine` if the rows are right"),
    ],
)
def test_a_night_that_acted_says_whose_turn_it_is(action: str, said: str, spec: ProjectSpec, night: Night) -> None:
    assert takes(why_lines(night(0, action=action, moved=[shifted("area", 20.0)]), spec)) == (said,)


def test_a_nights_screen_has_every_part(spec: ProjectSpec, night: Night, event: Event) -> None:
    answers = [{"question": "does it matter?", "answer": "yes: error 1.3", "numbers": {"rows": 120, "loss": 0.123456}}]
    moved = [shifted("area", 2.0), shifted("age", 0.5, "null_share")]
    seen = night(
        0,
        action="retrain",
        moved=moved,
        answers=answers,
        batches={"rows a.csv": "accepted"},
        suspicions=[{"column": "area", "kind": "unit change", "factor": 1000.0}],
        where_first={"step": "raw", "since": "2026-01-30"},
        estimated=bounded(1.2),
        performance={"loss": bounded(1.3), "bias": bounded(0.0), "end": "2026-01-18"},
    )
    why = why_lines(seen, spec, [seen, event("retraining", "registered")])
    assert why.text().splitlines() == [
        "within leeway",
        "What moved:",
        "- 1 columns past their leeway",
        "- suspected unit change of area (factor=1000)",
        "Where first:",
        "- step=raw since=2026-01-30",
        "Does it hurt?",
        "- yes: error 1.3",
        "- realised error 1.3 (1.2 to 1.4) up to 2026-01-18",
        "- estimated without labels: 1.2 (1.1 to 1.3)",
        "What was done:",
        "- 10 rows and 5 labels taken in, 1 set aside",
        "- rows a.csv: accepted",
        "- retraining: registered version 2 (it won)",
        "What it would have taken to act:",
        "- nothing: it acted",
    ]
    assert why.sections[-1].table is not None
    assert why.sections[-1].table.rows == (("does it matter?", "yes: error 1.3", "rows=120 loss=0.1235"),)


def test_a_nights_markdown_is_a_table_whatever_the_data_held(spec: ProjectSpec, night: Night) -> None:
    answers = [{"question": "which|kind?", "answer": "a\nb", "numbers": {}}]
    text = night_markdown(spec, night(0, answers=answers, moved=[shifted(HOSTILE, 2.0), shifted("a_b", 1.0)]))
    assert "| which&#124;kind? | a b |  |" in text
    assert "| &#60;script&#62;alert(&#39;1&#39;)&#60;/script&#62; | wasserstein | 0.5000 | 0.2500 | 200% |" in text
    assert "| a&#95;b | wasserstein |" in text
    assert "<script" not in text
