"""A project from data Leeway has not seen, and that `leeway check` accepts it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from tasks.spec import ProjectSpec, read_spec

if TYPE_CHECKING:
    from tests.cli.conftest import Leeway

WORDS = ("--time", "date", "--label", "price")


def spec_of(name: str) -> ProjectSpec:
    return read_spec(Path("deployments") / name / "project.yaml")


def accepted(leeway: Leeway, *words: str, name: str) -> ProjectSpec:
    """Run init and then check; both must end well."""
    said = leeway("init", *words)
    assert (said.code, said.err) == (0, "")
    assert "every row passes the spec and the expectations" in said.out
    assert f"`leeway check {name}` and `leeway up`" in said.out
    checked = leeway("check", name)
    assert checked.code == 0, checked.out
    assert "wrong" not in checked.out
    return spec_of(name)


def test_a_csv_with_ids_becomes_a_project_and_is_copied(here: Path, leeway: Leeway, orders: pd.DataFrame) -> None:
    orders.to_csv("orders.csv", index=False)
    spec = accepted(leeway, "orders.csv", *WORDS, name="orders")
    assert (spec.source.id, spec.source.uri, spec.source.arrival) == (["order_id"], "landing", "modified")
    assert (spec.features.numbers, spec.features.booleans, spec.features.categories) == (["size"], ["paid"], ["kind"])
    copied = here / "deployments" / "orders" / "landing" / "orders.csv"
    assert copied.read_bytes() == (here / "orders.csv").read_bytes()
    assert (here / "deployments" / "spec.schema.json").is_file()


def test_rows_without_a_unique_id_are_named_together_with_their_time(leeway: Leeway, orders: pd.DataFrame) -> None:
    shops = orders.assign(order_id=orders.index % 4).rename(columns={"order_id": "shop"})
    shops.to_csv("shops.csv", index=False)
    assert accepted(leeway, "shops.csv", *WORDS, name="shops").source.id == ["shop", "date"]


def test_rows_that_nothing_names_are_refused_and_nothing_is_left(
    here: Path, leeway: Leeway, orders: pd.DataFrame
) -> None:
    orders.assign(order_id=7, size=1.5).to_csv("same.csv", index=False)
    said = leeway("init", "same.csv", *WORDS)
    assert said.code == 1
    assert "--id" in said.err
    assert not (here / "deployments").exists()


def test_a_yes_or_no_label_makes_a_binary_project(leeway: Leeway, orders: pd.DataFrame) -> None:
    orders.assign(won=np.where(orders["price"] > 150, "Y", "N")).drop(columns="price").to_csv("won.csv", index=False)
    spec = accepted(leeway, "won.csv", "--time", "date", "--label", "won", name="won")
    assert (spec.training.task, spec.scope.metric) == ("binary", "log_loss")


def test_parquet_and_json_lines_give_the_same_project(leeway: Leeway, orders: pd.DataFrame) -> None:
    orders.assign(date=pd.to_datetime(orders["date"])).to_parquet("Aufträge 2026-01-31.parquet")
    orders.to_json("lines.jsonl", orient="records", lines=True)
    typed = accepted(leeway, "Aufträge 2026-01-31.parquet", *WORDS, name="auftrage")
    lines = accepted(leeway, "lines.jsonl", *WORDS, "--id", "order_id", name="lines")
    assert typed.features == lines.features
    assert (typed.source.format, typed.source.arrival) == ("parquet", "filename")
    assert lines.source.format == "jsonl"


@pytest.mark.parametrize("inside", [True, False])
def test_a_folder_is_named_and_not_copied(inside: bool, here: Path, leeway: Leeway, orders: pd.DataFrame) -> None:
    folder = here / ("deployments/weekly/landing" if inside else "weekly")
    folder.mkdir(parents=True)
    for week, rows in orders.groupby(orders.index // 30):
        rows.to_csv(folder / f"2026-02-0{int(str(week)) + 1}.csv", index=False)
    spec = accepted(leeway, str(folder), *WORDS, name="weekly")
    assert spec.source.uri == ("landing" if inside else str(folder))
    assert spec.source.arrival == "filename"
    assert sorted(each.name for each in (here / "deployments" / "weekly").iterdir()) == [
        "expectations.json",
        *(["landing"] if inside else []),
        "project.yaml",
    ]


def test_a_project_is_never_overwritten(leeway: Leeway, orders: pd.DataFrame) -> None:
    orders.to_csv("orders.csv", index=False)
    assert leeway("init", "orders.csv", *WORDS).code == 0
    before = Path("deployments/orders/project.yaml").read_bytes()
    said = leeway("init", "orders.csv", "--time", "date", "--label", "size")
    assert said.code == 1
    assert said.err.startswith("error: deployments/orders/project.yaml exists and is never overwritten")
    assert Path("deployments/orders/project.yaml").read_bytes() == before


def test_wrong_names_are_reported_with_the_nearest(here: Path, leeway: Leeway, orders: pd.DataFrame) -> None:
    orders.to_csv("orders.csv", index=False)
    said = leeway("init", "orders.csv", "--time", "dat", "--label", "prise")
    assert said.code == 1
    assert "did you mean 'date'?" in said.err
    assert "did you mean 'price'?" in said.err
    assert "did you mean 'orders.csv'?" in leeway("init", "order.csv", *WORDS).err
    assert not (here / "deployments").exists()


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("notes.txt", "hello", "expected csv, jsonl or Parquet"),
        ("ragged.csv", "date,price\n2026-01-01\n", "line 2 has 1 cells, the header 2"),
        ("empty.csv", "", "is not in the data"),
        ("!.csv", "a,b\n1,2\n", "give one with --project NAME"),
    ],
)
def test_what_cannot_be_a_project_is_refused(name: str, content: str, expected: str, leeway: Leeway) -> None:
    Path(name).write_text(content, encoding="utf-8")
    said = leeway("init", name, *WORDS)
    assert said.code == 1
    assert expected in said.err
    assert "did not foresee" not in said.err


def test_a_folder_must_hold_one_kind_of_file_and_nothing_else(leeway: Leeway, orders: pd.DataFrame) -> None:
    Path("mixed").mkdir()
    orders.to_csv("mixed/a.csv", index=False)
    orders.to_parquet("mixed/b.parquet")
    assert "has csv and parquet files" in leeway("init", "mixed", *WORDS).err
    Path("mixed/b.parquet").rename("mixed/README.md")
    assert "README.md: expected csv, jsonl or Parquet" in leeway("init", "mixed", *WORDS).err
    Path("mixed/README.md").unlink()
    orders.drop(columns="price").to_csv("mixed/c.csv", index=False)
    assert "c.csv has no column 'price', which other files have" in leeway("init", "mixed", *WORDS).err
    assert "inside the data" in leeway("init", ".", *WORDS).err


def test_of_many_files_the_newest_are_read_and_that_is_said(
    leeway: Leeway, orders: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("daily").mkdir()
    for day, rows in orders.groupby(orders["date"]):
        rows.to_csv(f"daily/{day}.csv", index=False)
    monkeypatch.setattr(
        "flows.cli.init.data_sample.READ_BYTES", sum(path.stat().st_size for path in Path("daily").iterdir()) // 2
    )
    said = leeway("init", "daily", *WORDS)
    assert said.code == 0
    assert "the newest 14 of 30 files" in said.out or "the newest 15 of 30 files" in said.out


def test_a_delivery_that_does_not_pass_is_named(leeway: Leeway, orders: pd.DataFrame) -> None:
    Path("daily").mkdir()
    orders.to_csv("daily/2026-01-31.csv", index=False)
    Path("daily/2026-02-01.csv").write_text("order_id,date\n1\n", encoding="utf-8")
    said = leeway("init", "daily", *WORDS)
    assert said.code == 1
    assert "2026-02-01.csv: line 2 has 1 cells" in said.out
    assert spec_of("daily").source.id == ["order_id"]


@pytest.mark.parametrize(("separator", "encoding"), [(";", "cp1252"), ("\t", "utf-8"), ("|", "utf-8")])
def test_how_the_csv_is_written_is_found_out(
    separator: str, encoding: str, leeway: Leeway, orders: pd.DataFrame
) -> None:
    written = orders.assign(size=orders["size"] + 0.25, kind=orders["kind"].replace("flat", "Maisonette für zwei"))
    written.to_csv("auftrag.csv", index=False, sep=separator, encoding=encoding, decimal=",")
    source = accepted(leeway, "auftrag.csv", *WORDS, name="auftrag").source
    assert (source.separator, source.encoding, source.decimal) == (separator, encoding, ",")


def test_names_that_leeway_uses_itself_are_no_obstacle(leeway: Leeway, orders: pd.DataFrame) -> None:
    own = {"order_id": "row_id", "date": "event_date", "size": "batch_id", "kind": "revision"}
    orders.rename(columns=own).to_csv("own.csv", index=False)
    spec = accepted(leeway, "own.csv", "--time", "event_date", "--label", "price", "--id", "row_id", name="own")
    assert spec.source.id == ["row_id (delivered)"]
    assert spec.features.numbers == ["batch_id (delivered)"]
