"""`leeway degree` shows why a degree of automation fell, and lets a person raise it up to that of the spec."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd

from tasks.dataset.degree_in_force import degree_in_force
from tasks.lake import Lake, append_entry, read_entries
from tests.cli.conftest import Leeway
from tests.unit.people.test_audit import night


def test_a_person_raises_a_degree_that_has_fallen_and_not_above_the_spec(
    here: Path, leeway: Leeway, orders: pd.DataFrame
) -> None:
    orders.to_csv("orders.csv", index=False)
    assert leeway("init", "orders.csv", "--time", "date", "--label", "price").code == 0
    lake = Lake(str(here / "deployments" / ".leeway" / "lake"))
    append_entry(lake, "orders", night(3, "partial", "assist"))
    shown = leeway("degree", "orders")
    assert "assist is in force, automation.degree is partial" in shown.out
    assert f"it fell on {date(2026, 1, 3)}" in shown.out
    assert "cannot be raised to" in leeway("degree", "orders", "--raise-to", "full").err
    assert leeway("degree", "orders", "--raise-to", "partial", "--reason", "retrained").code == 0
    assert degree_in_force(read_entries(lake, "orders"), "full") == "partial"
    (entry,) = read_entries(lake, "orders", "degree")
    assert (entry.reason, "it fell on" in getattr(entry, "evidence", "")) == ("retrained", True)
