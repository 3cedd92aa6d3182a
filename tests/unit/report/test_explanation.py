from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from tasks.records import AutomationCounts, BatchVerdict, Estimated, Statistic, Suspicion
from tasks.report import Why, night_markdown, why_lines
from tasks.spec import ProjectSpec
from tests.recorded_entries import event_entry, moved, performance
from tests.unit.report.conftest import HOSTILE

if TYPE_CHECKING:
    from tests.unit.report.conftest import Night


def how_far(why: Why) -> tuple[str, ...]:
    return next(section.lines for section in why.sections if section.title == "How far from an alarm")


def test_a_quiet_night_names_the_statistic_nearest_its_leeway(spec: ProjectSpec, night: Night) -> None:
    quiet = night(0, moved=(moved("bathrooms", 0.68), moved("age", 0.2)), performance=performance(1.05))
    assert how_far(why_lines(quiet, spec)) == (
        "bathrooms used 68% of its leeway; another 0.08 sd (level) is an alarm",
        "the error is 1.05; another 0.05 reaches the limit of 1.1",
    )
    assert why_lines(quiet, spec).headline == "scored; no drift"


def test_a_distance_has_the_unit_of_its_statistic(spec: ProjectSpec, night: Night) -> None:
    found = why_lines(night(0, moved=(moved("area", 2.0), moved("age", 0.5, Statistic.NULLS))), spec)
    table = next(section.table for section in found.sections if section.title == "What moved")
    assert table is not None
    assert table.rows == (
        ("area", "level", "0.5000 sd", "0.2500 sd", "200%"),
        ("age", "nulls", "12.50 % of rows", "25.00 % of rows", "50%"),
    )


def test_without_labels_it_says_when_they_come(spec: ProjectSpec, night: Night) -> None:
    assert how_far(why_lines(night(0, moved=(moved("area", 2.0),)), spec)) == (
        "area is past its leeway (2.0 x); drift alone does not retrain, an error must",
        "labels are missing: the error of tonight's rows is known from 2026-02-15 at the earliest",
    )


def test_too_few_rows_are_counted(spec: ProjectSpec, night: Night) -> None:
    least = spec.monitoring.min_rows
    waited = why_lines(night(0, window_rows=0), spec)
    assert how_far(waited) == (f"{least} more rows since the champion's training: there were 0 of {least}",)
    almost = why_lines(night(0, window_rows=least - 1), spec)
    assert how_far(almost) == (f"1 more row since the champion's training: there were {least - 1} of {least}",)
    first = night(0, champion=None)
    assert how_far(why_lines(first, spec)) == ("there is no champion: `leeway run retrain mine`, then approve it",)


def test_each_obstacle_is_named_with_the_day_or_number_that_ends_it(spec: ProjectSpec, night: Night) -> None:
    record = [
        event_entry("retraining", "registered", 0),
        event_entry("retraining", "registered", 20),
        event_entry("retraining", "refused", 25),
    ]
    held = night(
        30 - 1,
        moved=(moved("area", 2.0),),
        performance=performance(1.3),
        waiting=4,
        last_retraining=date(2026, 2, 20),
        last_refused=date(2026, 2, 26),
        retrainings_in_30_days=2,
        fresh_rows=150,
    )
    assert held.action == "hold"
    assert how_far(why_lines(held, spec, record)) == (
        "an answer is needed: version 4 waits for approval",
        "cooldown until 2026-03-20 at the latest",  # 2 March + (28 - 10)
        "back-off until 2026-03-26 at the latest",  # 26 February + 28
        "the budget allows the next on 2026-03-03",  # 1 February + 30
        "50 more labelled rows: there are 150 of 200",
    )
    assert "back-off: the gate refused a challenger 4 of 28 days ago" in how_far(why_lines(held, spec))


def test_a_retraining_that_would_not_pay_names_the_gap(spec: ProjectSpec, night: Night) -> None:
    scope = spec.scope.model_copy(update={"loss_cost_per_row": 0.25, "training_cost": 100.0})
    priced = spec.model_copy(update={"scope": scope})
    held = night(0, spec=priced, performance=performance(1.3), rows_in_30_days=800)  # 0.3 more on 800 rows at 0.25
    assert held.action == "hold"
    assert how_far(why_lines(held, priced)) == ("another 40 of expected loss in 30 days: a retraining costs 100",)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"performance": performance(1.3)}, "a retraining was started"),
        ({"quarantined": ("a.csv",)}, "it needs a corrected delivery, or `leeway release mine BATCH`"),
        (
            {"suspicions": (Suspicion("stuck", ("area",), "one value"),)},
            "a person has to look; if the rows are right: `leeway run retrain mine`",
        ),
    ],
)
def test_a_night_that_acted_says_what_is_next(
    facts: dict[str, object], said: str, spec: ProjectSpec, night: Night
) -> None:
    assert how_far(why_lines(night(0, moved=(moved("area", 20.0),), **facts), spec)) == (said,)


def test_a_nights_screen_has_every_part(spec: ProjectSpec, night: Night) -> None:
    seen = night(
        0,
        moved=(moved("area", 2.0), moved("age", 0.5, Statistic.NULLS)),
        batches=(BatchVerdict("rows", "a.csv", "partly_quarantined"),),
        recorded_suspicions=(Suspicion("unit_change", ("area",), "1000 times as large", {"factor": 1000.0}),),
        first_step="rows as delivered (area)",
        estimated=Estimated(1.2, 0.05, 1.0, trusted=True),
        performance=performance(1.3),
        automation=AutomationCounts(served_rows=20, deferred_share=0.1),
    )
    why = why_lines(seen, spec, [seen, event_entry("retraining", "registered")])
    assert why.headline == "retrain; covariate and concept drift"
    assert why.text().splitlines() == [
        "error 1.3 is past 1 + 0.1; first in rows as delivered (area)",
        "What moved:",
        "- 1 column past the leeway",
        "- suspected unit change of area: 1000 times as large (factor=1000)",
        "Where first:",
        "- rows as delivered (area)",
        "Does it hurt?",
        "- yes: error 1.3 is past 1 + 0.1",
        "- both: the rows have changed, and the same predictions have become less accurate",
        "- realised error 1.3 (1.2 to 1.4) up to 2026-01-18",
        "- estimated without labels: 1.2 ± 0.05",
        "What was done:",
        "- 10 rows and 5 labels accepted, 1 row quarantined",
        "- rows a.csv: partly quarantined",
        "- 10.0% of the served rows go to a person",
        "- retraining: registered version 2 (it won)",
        "How far from an alarm:",
        "- a retraining was started",
    ]
    assert why.sections[-1].table is not None
    assert why.sections[-1].table.rows[0] == (
        "enough rows?",
        "yes, 300 over 7 days",
        f"rows=300 window_days=7 min_rows={spec.monitoring.min_rows}",
    )


def test_a_nights_markdown_is_a_table_whatever_the_data_held(spec: ProjectSpec, night: Night) -> None:
    seen = night(0, moved=(moved(HOSTILE, 2.0), moved("a_b", 1.0)))
    split = replace(seen, answers=(replace(seen.answers[0], answer="a|b\nc"),))
    text = night_markdown(spec, split)
    assert "| enough rows? | a&#124;b c | rows=300" in text
    assert "| &#60;script&#62;alert(&#39;1&#39;)&#60;/script&#62; | level | 0.5000 sd | 0.2500 sd | 200% |" in text
    assert "| a&#95;b | level |" in text
    assert "<script" not in text


def test_a_night_says_how_many_rows_may_not_be_learned_from(spec: ProjectSpec, night: Night) -> None:
    said = why_lines(replace(night(0), rows_without_consent=1_204), spec).text()
    assert "10 rows and 5 labels accepted, 1 row quarantined, 1,204 without consent to learn from" in said
