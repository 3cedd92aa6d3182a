import re
from datetime import UTC, date, datetime

from tasks.lake import Entry
from tasks.report import night_markdown, page
from tasks.spec import ProjectSpec

SPEC = ProjectSpec.model_validate(
    {
        "project": "mine",
        "scope": {"owner": "<b>me</b>", "objective": "x & y", "metric": "mean_absolute_error"},
        "source": {"uri": "in", "id": ["id"], "event_time": "t", "label": {"column": "y"}},
        "features": {"numbers": ["a"]},
    }
)
HOSTILE = "<script>alert(1)</script>"


def night(day: int, **details: object) -> Entry:
    usual: dict[str, object] = {
        "rows": 10,
        "labels": 5,
        "quarantined": 1,
        "answers": [{"question": "valid?", "answer": "yes", "numbers": {}}],
        "moved": [
            {
                "column": HOSTILE,
                "statistic": "wasserstein",
                "distance": 0.2,
                "leeway": 0.1,
                "creep": False,
                "strain": 2.0,
            }
        ],
        "performance": {
            "start": "2026-01-01",
            "end": "2026-01-28",
            "rows": 100,
            "loss": {"value": 1.0, "low": 0.9, "high": 1.1, "expected": 1.0, "leeway": 0.1},
            "bias": {"value": 0.0, "low": -0.1, "high": 0.1, "expected": 0.0, "leeway": 0.25},
        },
    }
    moment = datetime(2026, 2, day, tzinfo=UTC)
    return Entry(
        f"n{day}",
        "night",
        date(2026, 2, day),
        moment,
        "hold",
        f"{HOSTILE} moved",
        drift="covariate",
        details=usual | details,
    )


def test_the_page_needs_no_network() -> None:
    text = page(SPEC, [night(1), night(2)], 3)
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=", text)
    assert "version 3 serves" in text


def test_nothing_that_came_from_data_or_people_becomes_markup() -> None:
    text = page(SPEC, [night(1)], None)
    assert HOSTILE not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; moved" in text
    assert "<b>me</b>" not in text


def test_a_project_without_a_night_has_a_page_too() -> None:
    text = page(SPEC, [], None)
    assert "no model serves yet" in text
    assert text.count("none yet") == 2


def test_a_night_decided_twice_stands_once_with_its_last_decision() -> None:
    first, second = night(1), night(1)
    text = page(SPEC, [first, second], None)
    assert text.count("<td>2026-02-01</td>") == 1


def test_a_nights_markdown_is_a_table_whatever_the_data_held() -> None:
    entry = night(1, answers=[{"question": "which|kind?", "answer": "a\nb", "numbers": {}}])
    text = night_markdown(SPEC, entry)
    assert "| which\\|kind? | a b |" in text
    assert "| &lt;script&gt;alert(1)&lt;/script&gt; | wasserstein | 0.2000 | 0.1000 | 200% |" in text
