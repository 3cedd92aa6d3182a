from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from flows.workspace import open_lake
from tasks.lake import Batch, add_batches
from tasks.spec import home

if TYPE_CHECKING:
    from tests.cli.conftest import Leeway

SPEC = """\
project: shop
scope: {owner: me, objective: Sell., metric: mean_absolute_error}
source: {uri: landing, id: [order_id], event_time: date, label: {column: price}}
features: {numbers: [size], booleans: [paid], categories: [kind]}
"""


@pytest.fixture
def shop(here: Path, orders: pd.DataFrame) -> Path:
    """A project that is all right."""
    folder = here / "deployments" / "shop"
    (folder / "landing").mkdir(parents=True)
    orders.to_csv(folder / "landing" / "orders.csv", index=False)
    (folder / "project.yaml").write_text(SPEC)
    (folder / "expectations.json").write_text('{"name": "shop", "expectations": []}')
    return folder


def wrong(leeway: Leeway, *options: str) -> list[str]:
    """Return what check finds wrong, and make sure that it counts right."""
    said = leeway("check", "shop", *options)
    found = [line.removeprefix("wrong ") for line in said.out.splitlines() if line.startswith("wrong ")]
    assert (said.code, said.err) == (1 if found else 0, "")
    assert said.out.splitlines()[-1].startswith(f"shop: {len(found)} fault" if found else "shop is ready")
    return found


@pytest.mark.usefixtures("shop")
def test_a_project_that_is_all_right_ends_with_0(leeway: Leeway) -> None:
    assert wrong(leeway) == []


def test_what_check_finds_is_json_for_other_programs(shop: Path, leeway: Leeway) -> None:
    fine = leeway("check", "shop", "--json")
    assert (fine.code, json.loads(fine.out)) == (0, {"project": "shop", "faults": []})
    (shop / "expectations.json").unlink()
    said = leeway("check", "shop", "--json")
    (fault,) = json.loads(said.out)["faults"]
    assert (said.code, "expectations.json" in fault) == (1, True)
    assert leeway("check", "shop", "--json", "--fix").code == 2


def test_everything_wrong_with_a_spec_and_around_it_is_said_at_once(shop: Path, leeway: Leeway) -> None:
    (shop / "project.yaml").write_text(SPEC.replace("numbers", "number").replace("mean_abs", "mean-abs"))
    (shop / "expectations.json").unlink()
    (shop / "landing" / "orders.csv").unlink()
    found = wrong(leeway)
    assert len(found) == 4
    assert found[0].startswith("deployments/shop/project.yaml:2: scope.metric: found 'mean-absolute_error'")
    assert found[1].startswith("deployments/shop/project.yaml:4: unknown key 'number' in features")
    assert found[2].startswith("deployments/shop/expectations.json does not exist")
    assert found[3] == "nothing has landed in landing"


def test_a_missing_suite_does_not_hide_what_else_is_wrong(shop: Path, leeway: Leeway) -> None:
    lines = "notifications: [{to: 'env:NO_SUCH_VARIABLE'}]\n"
    text = SPEC.replace("categories: [kind]", "categories: [kind], function: 'nowhere:add'") + lines
    (shop / "project.yaml").write_text(text)
    (shop / "expectations.json").unlink()
    (shop / "landing" / "orders.csv").unlink()
    found = wrong(leeway)
    assert [each.split(" ")[0] for each in found] == [
        "deployments/shop/expectations.json",
        "features.function",
        "notifications",
        "nothing",
    ]


def test_every_expectation_that_cannot_be_used_is_named(shop: Path, leeway: Leeway) -> None:
    rules = [{"type": "expect_column_values_to_not_be_null", "kwargs": {"column": name}} for name in ("siz", "knd")]
    (shop / "expectations.json").write_text(json.dumps({"name": "shop", "expectations": rules}))
    assert [each.split(";")[1] for each in wrong(leeway)] == [
        " expected a column of project.yaml",
        " expected a column of project.yaml",
    ]


def test_fix_removes_expectations_of_columns_taken_out_and_leaves_what_may_be_mistyped(
    shop: Path, leeway: Leeway
) -> None:
    def rule(column: str) -> dict[str, object]:
        return {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": column}, "meta": {"notes": "why"}}

    path, kept = shop / "expectations.json", [rule("size"), rule("knd")]
    path.write_text(json.dumps({"name": "shop", "meta": {"mine": 1}, "expectations": [rule("humidity"), *kept]}))
    said = leeway("check", "shop", "--fix")
    assert "removed expect_column_values_to_not_be_null on ['humidity']" in said.out
    assert (said.code, "mentions column 'knd'" in said.out) == (1, True)
    assert json.loads(path.read_text()) == {"name": "shop", "meta": {"mine": 1}, "expectations": kept}
    before = path.stat().st_mtime_ns
    assert "removed" not in leeway("check", "shop", "--fix").out
    assert path.stat().st_mtime_ns == before


def test_a_newest_delivery_that_breaks_the_contract_is_wrong(shop: Path, leeway: Leeway) -> None:
    path = shop / "landing" / "orders.csv"
    path.write_text(path.read_text().replace("house,Y", "house,perhaps"))
    found = wrong(leeway)
    assert found[0].startswith("orders.csv: quarantined, 120 of 120 rows refused")
    assert any("paid is neither true nor false" in each for each in found)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("def add(frame):\n    return frame.head(1)\n", "120 rows and returned DataFrame with 1 rows"),
        (
            "def add(frame):\n    return frame['no_such_column']\n",
            "function fails on it: KeyError: 'no_such_column'",
        ),
        ("raise ValueError('not today')\n", "importing it fails: ValueError('not today')"),
    ],
)
def test_a_feature_function_is_tried(function: str, expected: str, shop: Path, leeway: Leeway) -> None:
    module = f"own_features_{abs(hash(function))}"  # a module is imported once in a process
    (shop / f"{module}.py").write_text(function)
    (shop / "project.yaml").write_text(
        SPEC.replace("categories: [kind]", f"categories: [kind], function: '{module}:add'")
    )
    assert [expected in each for each in wrong(leeway, "--run")].count(True) == 1


def test_code_of_a_project_that_is_checked_is_not_run(shop: Path, leeway: Leeway) -> None:
    proof = shop / "it-was-run"
    (shop / "unread.py").write_text(f"open({str(proof)!r}, 'w').close()\ndef add(frame):\n    return frame\n")
    (shop / "project.yaml").write_text(SPEC.replace("categories: [kind]", "categories: [kind], function: 'unread:add'"))
    assert wrong(leeway) == []
    assert not proof.exists()
    (shop / "project.yaml").write_text(SPEC.replace("categories: [kind]", "categories: [kind], function: 'unread:sub'"))
    fault = "features.function is 'unread:sub', but unread.py does not define 'sub' at its top level"
    assert wrong(leeway) == [fault]
    (shop / "project.yaml").write_text(SPEC + "metrics: [{use: 'unread:gain', higher_is_better: true}]\n")
    assert wrong(leeway) == ["metrics names 'unread:gain', but unread.py does not define 'gain' at its top level"]
    assert not proof.exists()


def test_a_project_upstream_must_be_one(shop: Path, leeway: Leeway) -> None:
    (shop.parent / "stock").mkdir()
    (shop.parent / "stock" / "project.yaml").write_text(SPEC.replace("shop", "stock"))
    (shop / "project.yaml").write_text(SPEC + "upstream: [{project: stock}, {project: stok}, {project: agents}]\n")
    assert wrong(leeway) == [
        "upstream names 'stok', no known project; known: stock; did you mean 'stock'?",
        "upstream names 'agents', no known project; known: stock",
    ]


def test_a_delivery_of_several_files_is_checked_whole(shop: Path, orders: pd.DataFrame, leeway: Leeway) -> None:
    (shop / "project.yaml").write_text(SPEC.replace("{uri: landing,", "{uri: landing, batch: folder,"))
    (shop / "landing" / "orders.csv").unlink()
    (shop / "landing" / "day").mkdir()
    orders.iloc[:70].to_csv(shop / "landing" / "day" / "one.csv", index=False)
    orders.iloc[70:].to_csv(shop / "landing" / "day" / "two.csv", index=False)
    assert wrong(leeway) == []
    broken = orders.iloc[70:].assign(size="big")
    broken.to_csv(shop / "landing" / "day" / "two.csv", index=False)
    found = wrong(leeway)
    assert found[0].startswith(f"day: quarantined, {len(orders)} of {len(orders)} rows refused")
    assert any("size is not a number: such as 'big'" in each for each in found)


def test_a_link_that_is_not_followed_is_named(shop: Path, leeway: Leeway) -> None:
    (shop / "landing" / "more").symlink_to(shop.parent)
    assert wrong(leeway) == ["landing/more is never ingested: link not followed"]


def test_a_function_that_may_need_feature_tables_is_imported_and_not_tried(shop: Path, leeway: Leeway) -> None:
    table = "tables: [{name: weather, uri: rain, entity: [kind], event_time: day, columns: {numbers: [rain]}}]"
    text = SPEC.replace("categories: [kind]", f"categories: [kind], function: 'mine:add', {table}")
    (shop / "project.yaml").write_text(text)
    (shop / "mine.py").write_text("def add(frame):\n    return frame.assign(wet=frame['rain'] > 1)\n")
    (shop / "rain").mkdir()
    (shop / "rain" / "2026-01-02.csv").write_text("kind,day,rain\nflat,2026-01-01,3\nhouse,2026-01-01,0\n")
    assert wrong(leeway, "--run") == []
    assert "imported, and not tried: it may need values of the feature tables" in leeway("check", "shop", "--run").out


PRIVATE = "privacy: {pseudonymise: [order_id]}\n"


def test_a_short_key_is_wrong_where_the_next_night_refuses_it(
    shop: Path, leeway: Leeway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pseudonyms that an earlier version stored with a short key must stay equal: there, the night uses it."""
    (shop / "project.yaml").write_text(SPEC + PRIVATE)
    monkeypatch.setenv("LEEWAY_PRIVACY_KEY", "short")
    assert ["has 5 bytes" in fault for fault in wrong(leeway)] == [True]
    lake = open_lake(home(shop / "project.yaml"))
    add_batches(lake, "shop", [Batch.placeholder("b", datetime(2026, 1, 1, tzinfo=UTC))])
    assert wrong(leeway) == []
    assert lake.get("shop", "pseudonyms") is None


def test_labels_that_a_night_refuses_as_too_large_are_wrong(shop: Path, leeway: Leeway) -> None:
    text = SPEC.replace("label: {column: price}", "label: {column: price, uri: prices}") + "ingest: {memory_mb: 128}\n"
    (shop / "project.yaml").write_text(text)
    (shop / "prices").mkdir()
    labels = pd.DataFrame({"order_id": [f"order-{number:080}" for number in range(500_000)], "price": "1"})
    labels.to_csv(shop / "prices" / "2026-01-02.csv", index=False)
    found = wrong(leeway)
    assert [fault.startswith("2026-01-02.csv: 2026-01-02.csv cannot be read: labels") for fault in found] == [
        False,
        True,
    ]


def test_all_projects_are_checked_with_one_command(shop: Path, leeway: Leeway) -> None:
    other = shop.with_name("stall")
    other.mkdir()
    (other / "project.yaml").write_text(SPEC.replace("project: shop", "project: stall"))
    said = leeway("check", "--all")
    assert (said.code, said.out.splitlines()[-1]) == (1, "stall: 2 faults")
    assert "shop is ready" in said.out
    found = json.loads(leeway("check", "--all", "--json").out)
    assert [(project["project"], len(project["faults"])) for project in found] == [("shop", 0), ("stall", 2)]


def test_a_folder_that_can_be_no_project_is_not_passed_over(shop: Path, leeway: Leeway) -> None:
    strange = shop.with_name("House_Prices")
    strange.mkdir()
    (strange / "project.yaml").write_text(SPEC)
    said = leeway("check", "--all", "--files")
    assert said.code == 1
    assert said.out.startswith(
        "wrong the folder deployments/House_Prices has a spec, but no name of a project; expected"
    )
    assert json.loads(leeway("check", "--all", "--files", "--json").out)[1]["project"] is None


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("words", [(), ("shop", "--all"), ("--all", "--fix"), ("shop", "--fix", "--json")])
def test_check_asks_for_one_project_or_all(words: tuple[str, ...], leeway: Leeway) -> None:
    assert leeway("check", *words).code == 2


def test_the_files_of_a_project_can_be_checked_where_nothing_lands(shop: Path, leeway: Leeway) -> None:
    for landed in (shop / "landing").iterdir():
        landed.unlink()
    assert leeway("check", "shop").code == 1
    said = leeway("check", "--all", "--files")
    assert (said.code, said.out.splitlines()[-1]) == (0, "shop: no fault in its files; what lands was not read")
    (shop / "project.yaml").write_text(SPEC.replace("objective: Sell.", "objective: 3"))
    broken = leeway("check", "shop", "--files")
    assert broken.code == 1
    assert "objective" in broken.out
    assert "landed" not in broken.out


@pytest.mark.usefixtures("here")
def test_without_a_project_check_all_says_how_to_begin(leeway: Leeway) -> None:
    said = leeway("check", "--all")
    assert said.code == 1
    assert "there is no project in deployments; `leeway init DATA` creates one" in said.err
