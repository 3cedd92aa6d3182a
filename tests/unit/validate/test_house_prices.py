"""The example project's own data against its own contract."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tasks.ingest import FolderSource, landed
from tasks.records import Delivery, Kind
from tasks.spec.project_spec import ProjectSpec
from tasks.validate import Suite, check, check_all, check_labels, read_suite
from tests.deliveries import delivered

FOLDER = Path(__file__).parents[3] / "deployments" / "house-prices"
SPEC = ProjectSpec.model_validate(yaml.safe_load((FOLDER / "project.yaml").read_text(encoding="utf-8")))
SALES = 21_613


def deliveries(kind: Kind, folder: str) -> list[Delivery]:
    place = FolderSource(FOLDER / folder)
    arrivals = landed(place.list(), kind, SPEC, date(2016, 1, 1))
    assert not arrivals.unplaced
    read = [delivered(place.read(each.key), each, SPEC, b"") for each in arrivals.landed]
    return [each for each in read if isinstance(each, Delivery)]


@pytest.fixture(scope="module")
def suite() -> Suite:
    return read_suite(FOLDER / SPEC.contract.suite, SPEC)


def test_every_sale_and_every_price_of_the_example_is_accepted_and_they_belong_together(suite: Suite) -> None:
    sales = check_all(deliveries("rows", "landing/sales"), SPEC, suite)
    prices = [check_labels(each, SPEC) for each in deliveries("labels", "landing/prices")]
    assert {each.verdict for each in [*sales, *prices]} == {"accepted"}
    assert {each.findings for each in [*sales, *prices]} == {()}
    rows, labels = (pd.concat([each.accepted for each in found]) for found in (sales, prices))
    assert len(rows) == len(labels) == len(rows.merge(labels, on="row_id")) == SALES
    assert rows["row_id"].is_unique


def test_a_sale_lands_after_its_week_and_its_price_two_weeks_later() -> None:
    (sales,) = (each for each in deliveries("rows", "landing/sales") if each.landed.arrival == date(2014, 5, 12))
    (prices,) = (each for each in deliveries("labels", "landing/prices") if each.landed.arrival == date(2014, 5, 26))
    assert (sales.frame["date"].min(), sales.frame["date"].max()) == ("2014-05-05", "2014-05-11")
    assert sales.frame[["id", "date"]].equals(prices.frame[["id", "date"]])
    assert "price" not in sales.frame


def in_square_metres(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(sqft_living=(frame["sqft_living"].astype(float) * 0.0929).round(1).astype(str))


def with_places_exchanged(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.rename(columns={"lat": "long", "long": "lat"})


def with_zip_codes_as_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(zipcode=frame["zipcode"] + ".0")


def with_ages_for_years(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(yr_built=(2014 - frame["yr_built"].astype(int)).astype(str))


@pytest.mark.parametrize(
    "harm", [in_square_metres, with_places_exchanged, with_zip_codes_as_numbers, with_ages_for_years]
)
def test_the_contract_of_the_example_catches_an_upstream_mistake(
    harm: Callable[[pd.DataFrame], pd.DataFrame], suite: Suite
) -> None:
    delivery = deliveries("rows", "landing/sales")[10]
    checked = check(Delivery(delivery.batch_id, delivery.landed, harm(delivery.frame)), SPEC, suite)
    assert checked.verdict == "quarantined"


def test_prices_in_thousands_are_caught(suite: Suite) -> None:
    delivery = deliveries("labels", "landing/prices")[10]
    frame = delivery.frame.assign(price=delivery.frame["price"].str[:-3])
    assert check_labels(Delivery(delivery.batch_id, delivery.landed, frame), SPEC, suite).verdict == "quarantined"
