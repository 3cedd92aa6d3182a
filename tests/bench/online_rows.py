"""Whether rows that are answered on request have the bits that the nightly batch gives them, on a million rows.

Rows have missing cells, numbers as text, cells that the contract refuses, cities that the model does not know, and
times around both changes of the clock, with an offset and without; feature tables have values that arrive late, count
from a day after their time on, and are too old after five. `LEEWAY_BENCH_ROWS` chooses another number of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from sklearn.ensemble import HistGradientBoostingRegressor

from flows.steps.in_service.single_rows import RowTerms, checked_rows, row_terms
from tasks.dataset.feature_assembly import Assembled
from tasks.features import as_of
from tasks.inference.schema_parts import DatePart
from tasks.model import ModelSchema, Predictor, export_model, fit_deferral
from tasks.model.input_matrix import input_matrix
from tasks.package.table_arrays import ALWAYS_US, table_arrays
from tasks.row_contract import RowRefused, TypedRow
from tasks.row_contract.table_values import JoinedTables
from tasks.serve.served_version import AnsweredRow, ServedVersion
from tests.bench.figures import Figures, Time
from tests.bench.places import own_place
from tests.bench.sizes import rows as rows_measured
from tests.unit.serve.packages import CITIES, MOMENT, package_of, rows_of_flats, spec_of, write_suite

ROWS = 1_000_000
BLOCK = 20_000
ZONE = "Europe/Berlin"
CLOCK_CHANGES = (pd.Timestamp("2026-03-28"), pd.Timestamp("2026-10-24"))
KINDS = ("old", "new", "listed")
OWNERS: dict[str, Any] = {
    "name": "owners",
    "uri": "owners",
    "entity": ["city"],
    "event_time": "from",
    "delay_days": 1,
    "max_age_days": 5,
    "columns": {"numbers": ["income"], "booleans": ["member"], "categories": ["kind"]},
}
FEATURES = {"numbers": ["area", "rooms"], "booleans": ["garden"], "categories": ["city"], "dates": ["built"]}
CHANGES: dict[str, Any] = {"features": FEATURES | {"tables": [OWNERS]}, "schedule": {"time_zone": ZONE}}
SCHEMA = ModelSchema(
    project="flats",
    task="regression",
    metric="mean_absolute_error",
    event_time="day",
    numbers=("area", "rooms", "income"),
    booleans=("garden", "member"),
    categories={"city": CITIES, "kind": KINDS},
    dates=tuple(DatePart("built", kind) for kind in ("days", "year", "weekday")),
)


def bench_online(console: Console) -> Figures:
    count, rng = rows_measured(ROWS), np.random.default_rng(0)
    figures = Figures(f"{count:,} rows answered on request and by the nightly batch")
    with own_place() as place:
        write_suite(place)
        terms, values = row_terms(spec_of(**CHANGES), place), owners(rng)
        model = fitted(rng)
        package, files = package_of(place, model, **CHANGES)
        version = ServedVersion(package, files, place)
        arrays = table_arrays({"owners": values}, terms.spec, ALWAYS_US)
        tables = JoinedTables(version.contract, arrays, ALWAYS_US, "1.2")
        found = {"the same bits": 0, "refused for the same reasons": 0}
        differing: list[str] = []
        spent: dict[str, list[Time]] = {"the batch": [], "on request": []}
        for first in range(0, count, BLOCK):
            rows = asked(rng, first, min(BLOCK, count - first))
            batch: list[Any] = []
            online: list[Any] = []
            spent["the batch"].append(Time.of(partial(_keep, batch, by_night, rows, terms, model, values)))
            spent["on request"].append(Time.of(partial(_keep, online, on_request, rows, version, tables)))
            for row, one, other in zip(rows, batch, online, strict=True):
                if one != other:
                    differing.append(f"{row}: {one} by night, {other} on request")
                else:
                    found["refused for the same reasons" if isinstance(one, frozenset) else "the same bits"] += 1
        console.print(f"{found}, {len(differing)} differ {differing[:3]}")
        assert not differing
        for name, times in spent.items():
            whole = Time(sum(each.seconds for each in times), sum(each.cpu_seconds or 0.0 for each in times))
            figures.add(name, whole, None if name == "the batch" else "the batch")
    return figures


def _keep(made: list[Any], answer: Callable[..., list[Any]], *given: Any) -> None:
    made += answer(*given)


def owners(rng: np.random.Generator, count: int = 4_000) -> pd.DataFrame:
    """Return values of a feature table for half an hour each, of which some arrive again with another number."""
    near = np.array([change.value // 1000 for change in CLOCK_CHANGES])[rng.integers(0, 2, count)]
    times = near + rng.integers(-14 * 48, 14 * 48, count) * 30 * 60 * 1_000_000
    return pd.DataFrame(
        {
            "entity": pd.Series(rng.choice([*CITIES, "Ulm"], count), dtype="str"),
            "event_time": pd.Series(times.astype("datetime64[us]")),
            "income": np.where(rng.random(count) < 0.2, np.nan, rng.normal(3000, 800, count)),
            "member": pd.Series(rng.random(count) < 0.5, dtype="boolean").mask(rng.random(count) < 0.2),
            "kind": pd.Series(rng.choice([*KINDS, "unseen"], count), dtype="str"),
            "arrival_rank": rng.permutation(count),
        }
    )


def fitted(rng: np.random.Generator) -> Predictor:
    """Return a model that uses every column, and leaves about half of the rows to people."""
    rows = rows_of_flats(2_000).assign(
        income=rng.normal(3000, 800, 2_000),
        member=pd.array(rng.random(2_000) < 0.5, dtype="boolean"),
        kind=pd.array(rng.choice(KINDS, 2_000), dtype="str"),
    )
    target = rows["area"] * 10 + rows["income"] / 10 + (rows["kind"] == "new") * 50 + rng.normal(0, 20, 2_000)
    model = export_model(HistGradientBoostingRegressor(max_iter=60).fit(input_matrix(rows, SCHEMA), target), SCHEMA)
    rule = fit_deferral(model, rows, np.abs(model.predict(rows) - target), target_error=17.0, leading=["area"])
    return replace(model, schema=replace(model.schema, deferral=replace(rule, threshold=-13.0)))


def asked(rng: np.random.Generator, first: int, count: int) -> list[dict[str, Any]]:
    """Return rows as clients send them."""
    return [_row(rng, number) for number in range(first, first + count)]


def _row(rng: np.random.Generator, number: int) -> dict[str, Any]:
    pick, area = rng.random(8), float(rng.normal(70, 30))
    moment = CLOCK_CHANGES[number % 2] + pd.Timedelta(minutes=int(rng.integers(0, 3 * 24 * 60)))
    offset = ("", "Z", "+01:00", "+02:00")[rng.integers(0, 4)]
    return {
        "flat": number,
        "day": moment.isoformat() + offset,
        "area": None if pick[0] < 0.01 else f" {area}" if pick[0] < 0.1 else area if pick[0] < 0.99 else "wide",
        "rooms": None if pick[1] < 0.1 else int(rng.integers(1, 6)),
        "garden": (None, True, "yes", 0, "maybe")[np.searchsorted([0.1, 0.5, 0.7, 0.995], pick[2])],
        "city": None if pick[3] < 0.1 else str(rng.choice([*CITIES, "Ulm", " Bonn ", "Unseen", "x"])),
        "built": None if pick[4] < 0.1 else f"{rng.integers(1950, 2026)}-{rng.integers(1, 13):02d}-15",
    }


def by_night(rows: Sequence[dict[str, Any]], terms: RowTerms, model: Predictor, values: pd.DataFrame) -> list[Any]:
    """Return what the batch makes of rows: the reasons for which one is refused, or the bits of its answer."""
    (table,) = terms.spec.features.tables

    def joined(frame: pd.DataFrame, _places: Sequence[int]) -> Assembled:
        return Assembled(as_of(frame, values, table, "day", ZONE), np.ones(len(frame), dtype=bool))

    checked = checked_rows(rows, terms, joined)
    made: list[Any] = [frozenset(codes) for codes in checked.reasons]
    answers = checked.scored(model, MOMENT)
    columns = (answers[name].tolist() for name in ("prediction", "score", "confidence", "deferred", "reasons"))
    for place, (prediction, score, sure, unsure, reasons) in zip(
        checked.accepted, zip(*columns, strict=True), strict=True
    ):
        made[place] = (prediction.hex(), score.hex(), sure.hex(), bool(unsure), reasons)
    return made


def on_request(rows: Sequence[dict[str, Any]], version: ServedVersion, tables: JoinedTables) -> list[Any]:
    """Return what a worker makes of rows, 64 at a time."""
    made: list[Any] = []
    for row in rows:
        try:
            made.append(tables.joined(version.reader.read(row)))
        except RowRefused as refusal:
            made.append(frozenset(fault.reason for fault in refusal.faults))
    accepted = [place for place, one in enumerate(made) if isinstance(one, TypedRow)]
    for start in range(0, len(accepted), 64):
        places = accepted[start : start + 64]
        for place, answered in zip(places, version.answers([made[each] for each in places]), strict=True):
            made[place] = _bits(answered)
    return made


def _bits(answered: AnsweredRow) -> tuple[Any, ...]:
    computed, place = answered.computed, answered.place
    numbers = (computed.prediction[place], computed.score[place], computed.confidence[place])
    return (*(float(each).hex() for each in numbers), bool(computed.unsure[place]), computed.reasons[place])
