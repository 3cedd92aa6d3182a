"""Rows with feature tables and columns that a function makes are answered online as the batch answers them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.loaded_version import Champion
from flows.serving.feature_publishing.online_function import prove_online_function
from flows.serving.feature_publishing.table_publisher import TablePublisher
from flows.serving.log_carrier import LogCarrier
from flows.serving.package_version import packaged
from flows.serving.project_terms import ProjectTerms
from flows.steps.in_service.served_rows import prove_served, score_served
from flows.steps.in_service.single_rows import row_terms
from flows.workspace import Workspace
from tasks import clock
from tasks.dataset.feature_assembly import with_made
from tasks.errors import DataError
from tasks.lake import Batch, Lake, latest
from tasks.model import ModelSchema, Predictor, export_model, model_files
from tasks.model.input_matrix import input_matrix
from tasks.records import ServedProof
from tasks.registry.manifest import seal, verify
from tasks.registry.statement import Statement
from tasks.registry.versions import Version
from tasks.row_contract.row_reader import cells
from tasks.row_contract.table_values import kinds_of
from tasks.serve.champions import Champions
from tasks.serve.made_features import side_process
from tasks.serve.processes.prediction_log import PredictionLog
from tasks.serve.row_answering import RowAnswering
from tasks.serve.service_app import ServiceApp
from tasks.serve.service_settings import LogTerms, ServiceSettings
from tasks.serving_store import ApiKeys, ServingStore, new_key
from tasks.serving_store.logged_rows import SERVED, logged_answers
from tasks.spec import read_spec
from tasks.user_code.on_request.cell_rows import typed_column
from tests.coroutines import run_apart
from tests.integration.test_taking_in import SPEC, WEATHER, taken_in, written
from tests.unit.serve.packages import KEY, MOMENT, counters_of

FRAMES = """
def add(rows):
    worst = rows["rain"].where(rows["rain"] != 9)
    if (rows["rain"] == 13).any():
        raise ValueError("no one drives")
    return rows.assign(wet_km=rows["km"] * worst / 3, is_far=rows["km"] > 20, sort=rows["zone"].str.upper())
"""
ONE_ROW = """
def add(row):
    km, rain, zone = row["km"], row["rain"], row["zone"]
    if rain == 13:
        raise ValueError("no one drives")
    wet_km = None if km is None or rain is None or rain == 9 else km * rain / 3
    return {"wet_km": wet_km, "is_far": km is not None and km > 20, "sort": zone and zone.upper()}
"""
FEATURES = SPEC["features"] | {
    "tables": [WEATHER | {"delay_days": 1, "max_age_days": 20}],
    "function": "frames:add",
    "made": {"numbers": ["wet_km"], "booleans": ["is_far"], "categories": ["sort"]},
}
WAYS = {"in the worker": {"online_function": "alone:add"}, "in a process": {}}


def model_of(project: str = "trips") -> Predictor:
    """Return a small model of the columns of trips, of their table and of their function."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    schema = ModelSchema(
        project=project,
        task="regression",
        metric="mean_absolute_error",
        event_time="at",
        numbers=("km", "rain", "wet_km"),
        booleans=("is_far",),
        categories={"zone": ("z0", "z1"), "sort": ("Z0", "Z1")},
    )
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"km": rng.uniform(0, 50, 300), "rain": rng.choice([np.nan, 1.0, 2.0, 9.0], 300)})
    rows["wet_km"], rows["is_far"] = rows["km"] * rows["rain"] / 3, (rows["km"] > 20).astype("boolean")
    rows["zone"] = pd.Series(rng.choice(["z0", "z1"], 300), dtype="str")
    rows["sort"] = rows["zone"].str.upper()
    fares = rows["km"] + 3 * rows["rain"].fillna(4) + rows["wet_km"].fillna(0) + (rows["zone"] == "z1")
    return export_model(HistGradientBoostingRegressor(max_iter=12).fit(input_matrix(rows, schema), fares), schema)


@dataclass(frozen=True)
class ServedWorkspace(Workspace):
    """A workspace of which the registry has one version."""

    version: Any = None

    def served_version(self, number: int, digest: str) -> Champion | str:
        return self.version if (number, digest) == (1, self.version.digest) else "there is another version"


class Trips:
    """A project of trips with the weather of their zones, and its service in this process."""

    def __init__(self, where: Path, **features: Any) -> None:
        self.folder, self.lake, self.takes = where / "projects" / "trips", Lake(str(where / "lake")), 0
        self.folder.parent.mkdir()
        self.spec = written(self.folder, features=FEATURES | features, serving={"log": True})
        (self.folder / "weather").mkdir()
        (self.folder / "frames.py").write_text(FRAMES, encoding="utf-8")
        (self.folder / "alone.py").write_text(ONE_ROW, encoding="utf-8")
        self.root = where / "home" / "serving"
        self.store = ServingStore(self.root, [KEY.public_key()])
        self.terms = ProjectTerms(self.folder / "project.yaml")
        self.tables = TablePublisher("trips", self.lake, self.store)
        self.files = seal(model_files(model_of()), {"project": "trips", "key": "trips/1"}, KEY, Statement("a", MOMENT))
        self.champions = Champions(self.store, ["trips"])
        counters = counters_of("trips")
        self.log = PredictionLog(self.root, {"trips": LogTerms(label="fare")}, counters, 0)
        settings = ServiceSettings(projects=("trips",), root=str(self.root), trusted=(), budget_ms=60_000)
        key, self.key = new_key("mine")
        self.app = ServiceApp(RowAnswering(self.champions, settings, counters, self.log), ApiKeys((key,)))

    def package(self) -> Any:
        about = {"project": "trips", "key": "trips/1"}
        version = Version("trips", 1, "a run", {"leeway.key": "trips/1"}, (), MOMENT, "")
        signed = verify(self.files, [KEY.public_key()], about)
        return packaged(version, self.files, signed, row_terms(self.spec, self.folder), MOMENT)

    def publish(self) -> None:
        """Publish the version, as the controller does."""
        package = self.package()
        digest = self.store.add_package(package, self.files, KEY)
        self.tables.publish(self.terms.terms(), KEY, clock.now())
        self.store.publish(package, digest, KEY, clock.now())
        self.follow()

    def follow(self) -> bool:
        """Follow what was published, as a worker does; return whether it answers from something else now."""
        assert self.champions.changed() == ["trips"]
        found = self.champions.load("trips")
        assert self.champions.faults == {}
        if found is not None:
            self.champions.exchange(found)
        return found is not None

    def weather(self, day: int, **rain: float) -> None:
        """Let the weather of zones since a day land, take it in, and publish it."""
        rows = "".join(f"{zone},2026-01-{day},{value}\n" for zone, value in rain.items())
        (self.folder / "weather" / f"2026-01-{day}.csv").write_text(f"zone,since,rain\n{rows}", encoding="utf-8")
        taken_in(self.lake, self.spec, self.folder, None)
        self.tables._due = 0.0
        self.tables.publish(self.terms.terms(), KEY, clock.now())

    def land_log(self) -> None:
        """Let what was logged land, and take it in."""
        self.log.start()
        self.log.close()
        LogCarrier(self.root, self.spec, self.folder).carry()
        for number, file in enumerate(self.landed):
            file.rename(file.with_name(f"2026-01-30-{number}-ab.jsonl"))
        taken_in(self.lake, self.spec, self.folder, None)

    @property
    def landed(self) -> list[Path]:
        return sorted((self.folder / self.spec.served_uri("rows")).glob("*.jsonl"))

    @property
    def served(self) -> list[Batch]:
        names = {f"{SERVED}/{file.name}" for file in self.landed}
        return [batch for batch in latest(self.lake, "trips") if batch.key in names]

    def proof(self) -> ServedProof:
        """Take in what has landed, and prove it."""
        if not self.landed:
            self.land_log()
        taken_in(self.lake, self.spec, self.folder, None)
        proof = prove_served(self.workspace, self.served)
        assert proof is not None
        return proof

    def ask(self, rows: list[dict[str, Any]], milliseconds: str = "") -> tuple[int, dict[str, Any]]:
        """Return the status and content of a reply of the service."""
        body, replies = json.dumps({"rows": rows}).encode(), list[dict[str, Any]]()
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        headers |= {"x-deadline-ms": milliseconds} if milliseconds else {}
        sent = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": "POST", "path": "/v1/projects/trips/predict", "headers": sent}

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            replies.append(message)

        run_apart(self.app(scope, receive, send))
        return replies[0]["status"], json.loads(replies[1]["body"])

    def predictions(self, rows: list[dict[str, Any]]) -> list[float]:
        status, content = self.ask(rows)
        assert status == 200, content
        return [answer["prediction"] for answer in content["answers"]]

    @property
    def workspace(self) -> Workspace:
        digest = verify(self.files, [KEY.public_key()], {"project": "trips", "key": "trips/1"}).digest
        champion: Any = cast("Any", _Loaded(model_of(), digest))
        return ServedWorkspace(self.spec, self.folder, self.root.parent, self.lake, cast("Any", None), version=champion)

    def batch(self, rows: list[dict[str, Any]]) -> list[float]:
        """Return what the batch predicts for rows now."""
        frame = pd.DataFrame(rows).astype({"id": "str", "km": "float64", "zone": "str", "at": "datetime64[us]"})
        return list(model_of().predict(self.workspace.features(frame)))


@dataclass(frozen=True)
class _Loaded:
    model: Predictor
    digest: str


def trip(number: int, zone: str | None = "z0", day: str = "2026-01-12", km: float | None = 30.5) -> dict[str, Any]:
    return {"id": str(number), "at": day, "km": km, "zone": zone}


ROWS = [
    *(trip(number, zone, day) for number, (zone, day) in enumerate([("z0", "2026-01-12"), ("z1", "2026-01-12T08:30")])),
    *(trip(2 + day, "z0", f"2026-01-{day}") for day in range(10, 32, 3)),
    trip(40, "elsewhere"), trip(41, None), trip(42, "z1", km=None), trip(43, "z1", "2026-01-11"),
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_online_is_batch_before_and_after_a_night_and_every_logged_row_proves_it(way: str, tmp_path: Path) -> None:
    trips = Trips(tmp_path, **WAYS[way])
    trips.weather(10, z0=1.5, z1=9)
    trips.publish()
    before = trips.predictions(ROWS)
    assert before == trips.batch(ROWS)
    trips.weather(11, z0=2.0, z1=1.0)
    assert trips.follow()
    after = trips.predictions([row | {"id": f"again {row['id']}"} for row in ROWS])
    assert after == trips.batch(ROWS)
    assert 0 < sum(one != other for one, other in zip(before, after, strict=True)) < len(ROWS)
    assert trips.proof() == ServedProof(rows=2 * len(ROWS), versions=(1,))
    (log,) = trips.landed
    states = {answer.tables for answer in logged_answers(log.read_bytes())}
    assert len(states) == 2
    # The proof can fail: rows that were answered before the night are said to be answered after it.
    log.write_bytes(log.read_bytes().replace(min(states).encode(), max(states).encode()))
    log.rename(log.with_name("2026-01-29-0-ab.jsonl"))
    wrong = trips.proof()
    assert (wrong.rows, wrong.unproven, {row.step for row in wrong.skewed}) == (2 * len(ROWS), 0, {"inputs"})
    # A state that the lake no longer has proves nothing, and says so.
    log = trips.landed[0].rename(log.with_name("2026-01-28-0-ab.jsonl"))
    log.write_bytes(log.read_bytes().replace(max(states).encode(), b"999.999"))
    gone = trips.proof()
    assert (gone.rows, gone.unproven) == (0, 2 * len(ROWS))
    assert "cannot be read as it was at commit 999" in gone.why


def test_the_lake_keeps_served_rows_as_they_were_answered(tmp_path: Path) -> None:
    trips = Trips(tmp_path, **WAYS["in the worker"])
    trips.weather(10, z0=1.5, z1=9)
    trips.publish()
    answered = trips.predictions(ROWS)
    trips.weather(11, z0=2.0, z1=1.0)
    trips.land_log()
    score_served(trips.workspace, trips.served)
    stored = trips.lake.read("trips", "predictions").set_index("row_id")["prediction"]
    assert [stored[row["id"]] for row in ROWS] == answered


def test_a_function_that_is_not_the_one_for_frames_is_not_served(tmp_path: Path) -> None:
    trips = Trips(tmp_path, **WAYS["in the worker"])
    other = ONE_ROW.replace("km > 20", "km >= 0").replace("/ 3", "* (1 / 3)")
    (trips.folder / "alone.py").write_text(other, encoding="utf-8")
    with pytest.raises(DataError, match=r"is not features.function for one row.* differ in is_far.* differ in wet_km"):
        trips.package()
    (trips.folder / "alone.py").write_text(f"import pandas\n{ONE_ROW}", encoding="utf-8")
    with pytest.raises(DataError, match="imports pandas; expected modules of the standard library"):
        trips.package()


def test_a_function_is_tried_in_a_process_of_its_own_and_not_where_packages_are_signed(tmp_path: Path) -> None:
    trips = Trips(tmp_path, **WAYS["in the worker"])
    marked = "__import__('os').environ['LEEWAY_TRIED_HERE'] = '1'\n"
    (trips.folder / "alone.py").write_text(f"{ONE_ROW}\n{marked}", encoding="utf-8")
    trips.package()
    assert "LEEWAY_TRIED_HERE" not in os.environ
    (trips.folder / "alone.py").write_text(f"{ONE_ROW}\nraise SystemExit('no')\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"'alone:add' cannot be called: SystemExit\('no'\)"):
        trips.package()


CARD_FRAUD = Path(__file__).parents[2] / "deployments" / "card-fraud"
CELLS = st.none() | st.sampled_from([0.0, -0.0, 0.1, 3.0, 1e-300, 1e300, -5.0]) | st.floats(-1e6, 1e6)


@settings(max_examples=5, deadline=None)  # each starts a process
@given(
    st.lists(
        st.tuples(CELLS, CELLS, CELLS, st.none() | st.booleans(), st.sampled_from([None, "never", "often"])),
        min_size=1,
        max_size=40,
    )
)
def test_card_fraud_makes_the_same_features_of_one_purchase_as_of_many(purchases: list[tuple[Any, ...]]) -> None:
    spec = read_spec(CARD_FRAUD / "project.yaml")
    contract = row_terms(spec, CARD_FRAUD).contract
    names = ("amount", "spend_30d", "purchases_30d", "online", "habit")
    given = [dict(zip(names, purchase, strict=True)) for purchase in purchases]
    kinds = {name: kind for name, _, kind in cells(contract)}
    for table in contract.tables:
        kinds |= kinds_of(table)
    columns = {name: pd.Series([row.get(name) for row in given], dtype=object) for name in kinds}
    frame = pd.DataFrame({name: typed_column(column, kinds[name]) for name, column in columns.items()})
    prove_online_function(contract, with_made(frame, spec, CARD_FRAUD), CARD_FRAUD)


def test_a_row_of_before_the_tables_is_refused(tmp_path: Path) -> None:
    trips = Trips(tmp_path, **WAYS["in the worker"])
    trips.weather(10, z0=1.5)
    trips.publish()
    status, content = trips.ask([trip(1), trip(2, day="2025-11-01")])
    assert (status, content["error"]["details"][0]["reason"]) == (422, "before_tables:at")
    assert content["error"]["details"][0]["row"] == 1


def test_a_process_that_ends_or_has_other_code_is_a_status_and_never_another_answer(tmp_path: Path) -> None:
    trips = Trips(tmp_path)
    trips.weather(10, z0=1.5)
    trips.publish()
    expected = trips.predictions(ROWS[:1])
    child = side_process._CHILDREN[trips.folder].process
    child.kill()
    child.wait()
    assert trips.predictions(ROWS[:1]) == expected
    ended = FRAMES.replace('raise ValueError("no one drives")', "import os; os._exit(3)")
    (trips.folder / "frames.py").write_text(ended, encoding="utf-8")
    status, content = trips.ask(ROWS[:1])
    assert (status, content["error"]["code"]) == (503, "no_features")
    trips.spec = trips.terms.terms().spec
    trips.weather(11, z0=13)
    trips.publish()
    assert trips.predictions([trip(1, "z1")]) == trips.batch([trip(1, "z1")])
    status, content = trips.ask([trip(2, day="2026-01-13")])
    assert (status, content["error"]["code"]) == (503, "no_features")
    status, content = trips.ask(ROWS[:1], "1")
    assert (status, content["error"]["code"]) == (504, "late")
    assert trips.predictions([trip(3, "z1")]) == trips.batch([trip(3, "z1")])


def test_without_tables_a_row_that_the_function_fails_on_breaks_the_contract(tmp_path: Path) -> None:
    frames = """
def add(rows):
    return rows.assign(wet_km=[60 / km for km in rows["km"]], rain=1.0, is_far=True, sort="")
"""
    made = {"numbers": ["wet_km", "rain"], "booleans": ["is_far"], "categories": ["sort"]}
    trips = Trips(tmp_path, made=made, tables=[])
    (trips.folder / "frames.py").write_text(frames, encoding="utf-8")
    trips.publish()
    assert trips.predictions(ROWS[:3]) == trips.batch(ROWS[:3])
    status, content = trips.ask([trip(1), trip(2, km=0)])
    assert (status, [fault["reason"] for fault in content["error"]["details"]]) == (422, ["feature_function"])
