"""The commands that read and change the record: no server is asked."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from tasks.lake import Lake, append_entry, latest, read_entries
from tasks.records import Action, Delivery, Finding, Landed, NightEntry, PromotionEntry, SuspicionState
from tasks.rollout import NOTHING_SEEN, GuardrailEvidence, GuardrailTerms, RolloutTerms
from tasks.spec import read_spec
from tasks.validate import check_all, read_suite
from tasks.validate.acceptance.task import quarantine
from tests.recorded_entries import decided_night, event_entry, moved, rollout_entries

if TYPE_CHECKING:
    from tests.cli.conftest import Leeway

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
NIGHT = date(2026, 1, 31)


@pytest.fixture
def lake(here: Path, leeway: Leeway, orders: pd.DataFrame) -> Lake:
    """The project `orders`, with a lake that no night has been run on."""
    orders.to_csv("orders.csv", index=False)
    assert leeway("init", "orders.csv", "--time", "date", "--label", "price").code == 0
    return Lake(str(here / "deployments" / ".leeway" / "lake"))


def night(day: date, action: Action = "score") -> NightEntry:
    decided = decided_night(moved=(moved("size", 2.0),), rows=120, labels=120, rows_quarantined=3)
    return replace(decided, name=f"{day}/1", night=day, time=NOON, action=action, drift="none", reason="[all] is well")


@pytest.mark.usefixtures("here")
def test_status_without_projects_says_how_to_begin(leeway: Leeway) -> None:
    said = leeway("status")
    assert (said.code, said.err) == (0, "")
    assert "leeway init DATA --time COLUMN --label COLUMN" in said.out


@pytest.mark.usefixtures("lake")
def test_status_of_a_project_without_nights_is_a_line(leeway: Leeway) -> None:
    said = leeway("status")
    assert said.code == 0
    assert [cell.strip() for cell in said.out.splitlines()[2].split("│")] == ["orders", "none", "-", "-", "-", "-"]
    assert "orders: no night has been run yet; `leeway run nightly orders` runs the first" in said.out
    assert "no servers answer; `leeway up` starts them" in said.out


def test_status_shows_a_night_and_goes_on_past_a_wrong_spec(lake: Lake, leeway: Leeway) -> None:
    append_entry(lake, "orders", night(NIGHT, "ask"))
    broken = Path("deployments/broken/project.yaml")
    broken.parent.mkdir()
    broken.write_text("project: broken\n")
    said = leeway("status")
    assert said.code == 0
    assert "its spec cannot be used: `leeway check broken`" in said.out
    assert "ask: [all] is well" in said.out
    assert "the night of 2026-01-31" in said.out
    assert leeway("status", "broken").code == 1


def test_programs_read_status_and_decision_as_json(lake: Lake, leeway: Leeway) -> None:
    append_entry(lake, "orders", night(NIGHT))
    Path("deployments/broken").mkdir()
    Path("deployments/broken/project.yaml").write_text("project: broken\n")
    broken, orders = json.loads(leeway("status", "--json").out)
    assert "missing key 'scope'" in broken["spec_faults"][0]
    assert (orders["champion"], orders["last_night"], orders["action"]) == (None, "2026-01-31", "score")
    assert [need["what"] for need in orders["needs_attention"]] == ["no row is answered, because there is no model yet"]
    assert datetime.fromisoformat(orders["next_night"]) > datetime.now(UTC)
    decision = json.loads(leeway("why", "orders", "2026-01-31", "--json").out)
    assert (decision["kind"], decision["reason"]) == ("night", "[all] is well")
    assert decision["details"]["rows"] == 120
    assert leeway("why", "orders", "2026-01-20", "--json").code == 1


def test_why_shows_every_answer_with_its_numbers(lake: Lake, leeway: Leeway) -> None:
    append_entry(lake, "orders", night(NIGHT))
    said = leeway("why", "orders", "2026-01-31")
    assert said.code == 0
    assert "orders 2026-01-31: scored; no drift  [all] is well" in said.out
    assert "rows=300 window_days=7 min_rows=50" in said.out
    assert "200%" in said.out
    assert "120 rows and 120 labels accepted, 3 rows quarantined" in said.out
    message = said.out.split("How far from an alarm")[1]
    assert "size is past its leeway (2.0 x); drift alone does not retrain" in message


def test_status_and_why_show_a_rollout_and_what_a_person_can_do(lake: Lake, leeway: Leeway) -> None:
    guardrails = (GuardrailTerms("redone", "higher", 0.03),)
    terms = RolloutTerms((0.1,) * 6, 0.01, 10, 0.01, 24.0, 72.0, guardrails=guardrails)
    known = (GuardrailEvidence("redone", 1.25, -2.5, "redone 9.0 % of 400 with the candidate"),)
    seen = replace(NOTHING_SEEN, refused=1, guardrails=known)
    stored: dict[str, Any] = {"terms": terms.to_dict(), "seen": seen.to_dict()}
    steps = rollout_entries("advanced", "doubted", reason="it [b]differs[/b]", **stored)
    for entry in [event_entry("promotion", "promoted", subject="version 1"), *steps]:
        whole = replace(entry, digest="1") if isinstance(entry, PromotionEntry) else entry
        append_entry(lake, "orders", whole)
    said = leeway("status")
    assert "orders: rollout of version 2, doubted, 0 % of the requests since 2026-02-03 13:00 UTC" in said.out
    assert "the rollout of version 2 is in doubt" in said.out
    assert "`leeway rollback orders` ends it" in said.out
    why = leeway("why", "orders", "rollout")
    assert (why.code, why.err) == (0, "")
    assert "orders: rollout of version 2, doubted" in why.out
    assert "it [b]differs[/b]" in why.out
    assert "step 2 judged again from what is stored: the same" in why.out
    assert re.search(r"users' redone is worse +│ 1\.25 +│ 6\.21", why.out), "log(5 / .01): a guardrail is a test too"
    assert "redone 9.0 % of 400 with the candidate" in why.out
    assert leeway("why", "orders", "rollout", "2").out == why.out
    other = leeway("why", "orders", "rollout", "7")
    assert other.code == 1
    assert "orders has no rollout of version 7; versions with one: 2" in other.err


def test_a_verdict_that_is_another_one_from_what_is_stored_is_said(lake: Lake, leeway: Leeway) -> None:
    terms = RolloutTerms((0.1,) * 6, 0.01, 10, 0.01, 24.0, 72.0)
    stored: dict[str, Any] = {"terms": terms.to_dict(), "seen": NOTHING_SEEN.to_dict(), "share": 0.5}
    for entry in rollout_entries("advanced", "advanced", **stored):
        append_entry(lake, "orders", entry)
    said = leeway("why", "orders", "rollout")
    assert said.code == 1
    assert "step 2 judged again from what is stored: another one: nothing, 50 %" in said.out


def test_why_of_a_night_that_was_not_run_names_the_span(lake: Lake, leeway: Leeway) -> None:
    said = leeway("why", "orders", "2026-01-20")
    assert said.code == 1
    assert said.err.startswith("error: orders has no decision for 2026-01-20; no night has been run yet")
    for day in (11, 12, 31):
        append_entry(lake, "orders", night(date(2026, 1, day)))
    said = leeway("why", "orders", "2026-01-20")
    assert said.code == 1
    assert "the record has 3 nights from 2026-01-11 to 2026-01-31; the nearest is 2026-01-12" in said.err


def delivered(lake: Lake, rows: pd.DataFrame) -> None:
    """Let a delivery of rows through the contract and store what comes of it, as a night does."""
    from tasks.validate.acceptance.task import store

    folder = Path("deployments/orders")
    spec = read_spec(folder / "project.yaml")
    landed = Landed("rows", "february.csv", 100, NIGHT, "stamp")
    (checked,) = check_all([Delivery("ab" * 32, landed, rows)], spec, read_suite(folder / "expectations.json", spec))
    store(lake, spec, [checked], NIGHT, NOON)


def test_a_release_needs_one_quarantined_batch(lake: Lake, leeway: Leeway, orders: pd.DataFrame) -> None:
    said = leeway("release", "orders", "abcdef")
    assert said.code == 1
    assert "orders has no quarantined batch, so none is called 'abcdef'" in said.err
    delivered(lake, orders.assign(paid="perhaps"))
    for unknown in ("abab", "cdcdcdcd", "march.csv"):
        said = leeway("release", "orders", unknown)
        assert said.code == 1
        assert f"0 quarantined batches of orders match {unknown!r}" in said.err
        assert said.err.endswith("abababab (february.csv)\n")


def test_a_released_batch_is_in_and_the_record_says_who_and_why(
    lake: Lake, leeway: Leeway, orders: pd.DataFrame
) -> None:
    far = orders.assign(order_id=orders["order_id"] + 1000, size=9e9)
    far.loc[0, "order_id"] = None
    delivered(lake, far)
    said = leeway("release", "orders", "february.csv", "--reason", "a new kind of order")
    assert (said.code, said.err) == (0, "")
    assert "released february.csv: 119 rows accepted; still quarantined, because not readable: 1" in said.out
    (batch,) = latest(lake, "orders")
    assert (batch.verdict, batch.rows_accepted) == ("released", 119)
    (entry,) = read_entries(lake, "orders", "release")
    assert entry.reason == "119 rows released: a new kind of order"
    assert "the command line" in entry.actor
    again = leeway("release", "orders", "february.csv")
    assert again.code == 1
    assert "no quarantined batch" in again.err


def suspected(quarantined: bool = False) -> NightEntry:
    """Return a night that asked about the column `size`."""
    asked = SuspicionState("unit_change", ("size",), NIGHT, NIGHT, "1,000 x what they were", quarantined=quarantined)
    return replace(decided_night(suspected=(asked,)), name="n", night=NIGHT, time=NOON)


def test_an_answer_is_recorded_and_no_longer_needed(lake: Lake, leeway: Leeway) -> None:
    append_entry(lake, "orders", suspected())
    said = leeway("status", "orders")
    assert "broken or drifted: unit change in size since 2026-01-31" in said.out
    assert "`leeway answer orders size fault|drift`" in " ".join(said.out.split())
    wrong = leeway("answer", "orders", "weight", "fault")
    assert wrong.code == 1
    assert "orders has no open suspicion about 'weight'; under suspicion: size" in wrong.err
    said = leeway("answer", "orders", "size", "fault", "--reason", "the scale was replaced")
    assert (said.code, said.err) == (0, "")
    assert "a fault; deliveries are quarantined until the values are as before" in " ".join(said.out.split())
    (entry,) = read_entries(lake, "orders", "answer")
    assert (entry.action, entry.subject) == ("fault", "unit_change of size, 2026-01-31")
    assert (entry.reason, "the command line" in entry.actor) == ("the scale was replaced", True)
    assert "broken or drifted" not in leeway("status", "orders").out


def test_a_fault_of_rows_as_a_whole_is_answered_by_their_name(lake: Lake, leeway: Leeway) -> None:
    asked = SuspicionState("duplicated_rows", (), NIGHT, NIGHT, "9 % repeat another row")
    append_entry(lake, "orders", replace(decided_night(suspected=(asked,)), name="n", night=NIGHT, time=NOON))
    assert "`leeway answer orders rows fault|drift`" in " ".join(leeway("status", "orders").out.split())
    said = leeway("answer", "orders", "rows", "fault")
    assert (said.code, said.err) == (0, "")
    words = " ".join(said.out.split())
    assert "a fault; it lasts until a delivery without it has come, and no model learns from its rows" in words
    assert "quarantined" not in words


def test_what_was_quarantined_as_broken_is_released_as_drift(lake: Lake, leeway: Leeway, orders: pd.DataFrame) -> None:
    delivered(lake, orders)
    (batch,) = latest(lake, "orders")
    spec = read_spec(Path("deployments/orders/project.yaml"))
    quarantine(lake, spec, {batch: [Finding("unit_change", "size", "critical", len(orders), "1,000 x")]})
    append_entry(lake, "orders", suspected(quarantined=True))
    said = leeway("answer", "orders", "size", "drift")
    assert (said.code, said.err) == (0, "")
    assert f"models learn from it; {len(orders)} quarantined rows released" in " ".join(said.out.split())
    (batch,) = latest(lake, "orders")
    assert (batch.verdict, batch.rows_accepted) == ("released", len(orders))
    again = leeway("answer", "orders", "size", "fault")
    assert (again.code, "under suspicion: nothing" in again.err) == (1, True)
