"""A pipeline that was trained elsewhere lives like one of Leeway: a real lake and registry, real runs of MLflow."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from tasks.errors import DataError, EvidenceError
from tasks.lake import read_entries, read_nights
from tasks.records import RetrainingEntry, retrainings_of
from tests.houses import HOUSES

if TYPE_CHECKING:
    from flows.workspace import Workspace

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:.*Any type hint:UserWarning"
)  # of third parties' own imports
PROJECT = "foreign"
NIGHT, NEXT, LATER, UNTIL = date(2014, 7, 7), date(2014, 7, 14), date(2014, 8, 18), date(2014, 6, 8)
LANDING = {
    "sales": {
        "2014-07-07": ("2014-05-05", "2014-07-07"),
        "2014-07-14": ("2014-07-14", "2014-07-14"),
        "2014-08-18": ("2014-07-21", "2014-08-18"),
    },
    "prices": {
        "2014-07-07": ("2014-05-19", "2014-07-07"),
        "2014-07-14": ("2014-07-14", "2014-07-14"),
        "2014-08-18": ("2014-07-21", "2014-08-18"),
    },
}
NUMBERS, PLACE = ["sqft_living", "grade", "lat", "yr_built", "bathrooms"], "zipcode"


@pytest.fixture(scope="module")
def workspace(servers: Path, houses: Callable[[Path, Any], None]) -> Workspace:
    from flows.nightly import nightly
    from flows.workspace import open_workspace

    houses(servers / "projects" / PROJECT, LANDING)
    nightly(PROJECT, NIGHT)
    return open_workspace(PROJECT)


def retrainings(workspace: Workspace) -> list[RetrainingEntry]:
    return retrainings_of(read_entries(workspace.lake, PROJECT, "retraining"))


def weeks(kind: str) -> pd.DataFrame:
    files = sorted((HOUSES / "landing" / kind).iterdir())
    return pd.concat([pd.read_csv(file, dtype={PLACE: str}) for file in files if file.stem <= "2014-07-28"])


def pipeline(columns: list[str]) -> Any:
    """A pipeline of other people, fitted on the sales up to a day, from the files as they are."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    before = ColumnTransformer([("place", encoder, [PLACE]), ("numbers", SimpleImputer(), columns)])
    sales = weeks("sales").merge(weeks("prices"), on=["id", "date"])
    seen = sales[sales["date"] <= UNTIL.isoformat()]
    final = HistGradientBoostingRegressor(max_iter=60, max_leaf_nodes=12, random_state=0)
    return make_pipeline(before, final).fit(seen[[PLACE, *columns]], seen["price"])


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from skops.io import dump

    path = tmp_path_factory.mktemp("elsewhere") / "houses.skops"
    dump(pipeline(NUMBERS), path)
    return path


def logged_run(**options: Any) -> str:
    """The run of another project, with a pipeline that knows little."""
    import mlflow

    mlflow.set_tracking_uri(os.environ["MLFLOW_TRACKING_URI"])
    mlflow.set_experiment("elsewhere")
    with mlflow.start_run() as run:
        mlflow.sklearn.log_model(pipeline(["yr_built"]), name="prices", pip_requirements=[], **options)
    return str(run.info.run_id)


def test_an_adopted_pipeline_is_proven_approved_and_serves_and_is_retrained_by_the_projects_recipe(
    workspace: Workspace, file: Path
) -> None:
    from flows.adopt import adopt
    from flows.cli.commands.models.answer_challenger import answer_challenger
    from flows.nightly import nightly
    from flows.promote import promote
    from flows.retrain import retrain

    done = adopt(PROJECT, str(file), UNTIL, NIGHT, "their best")
    assert (done["action"], done["subject"]) == ("registered", "version 1")
    assert adopt(PROJECT, str(file), UNTIL, NIGHT) == done  # a second call repeats nothing
    version = workspace.registry.version(PROJECT, 1)
    assert version is not None
    files = workspace.registry.fetch(version)  # every file is in the signed manifest
    training = json.loads(files["training.json"])
    assert training["adopted"]["file"] == "houses.skops"
    assert (training["trained_until"], training["parity"] < 1e-9) == (UNTIL.isoformat(), True)
    assert "their best; adopted from houses.skops" in version.description
    assert "model.onnx" in files
    entry = retrainings(workspace)[-1]
    assert entry.holdout_start is not None
    assert entry.holdout_start > UNTIL
    answer_challenger(PROJECT, 1, "approved", "looks right")
    promote(PROJECT, NIGHT)
    champion = workspace.champion()
    assert champion is not None
    sales = weeks("sales").iloc[:500]
    assert champion.model.predict(sales) == pytest.approx(pipeline(NUMBERS).predict(sales), rel=1e-9)
    nightly(PROJECT, NEXT)
    night = read_nights(workspace.lake, PROJECT)[-1]
    assert (night.night, night.champion) == (NEXT, 1)
    assert night.moved  # compared with the rows that the adopted version was trained on
    nightly(PROJECT, LATER)
    trained = retrain(PROJECT, LATER)
    retraining = retrainings(workspace)[-1]
    assert retraining.evidence["champion_loss"] > 0, trained


def test_only_the_place_that_trained_it_can_train_it_again(workspace: Workspace) -> None:
    from flows.backtest.retrace_version import reproduce

    with pytest.raises(EvidenceError, match=r"version 1 of foreign was adopted from houses.skops \(sha256 "):
        reproduce(workspace, 1)


def test_a_pipeline_of_a_run_is_adopted_and_refused_by_the_gate_where_it_is_worse(workspace: Workspace) -> None:
    from flows.adopt import adopt

    trusted = ["numpy.dtype", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"]
    run = logged_run(serialization_format="skops", skops_trusted_types=trusted)
    done = adopt(PROJECT, run, UNTIL, LATER)
    assert done["action"] == "refused"
    entry = retrainings(workspace)[-1]
    assert entry.because == "by hand; adopted from prices/model.skops"
    assert entry.evidence["champion_loss"] < entry.evidence["challenger_loss"]
    pickled = logged_run(serialization_format="cloudpickle")
    with pytest.raises(DataError, match=r"prices/model.pkl.*; expected one skops file.*serialization_format='skops'"):
        adopt(PROJECT, pickled, UNTIL, LATER)


def test_what_cannot_be_adopted_is_said_before_anything_is_recorded(workspace: Workspace, file: Path) -> None:
    from flows.adopt import adopt

    before = retrainings(workspace)
    with pytest.raises(DataError, match=r"found 0 labelled rows up to 2014-04-01; expected .*training.min_rows"):
        adopt(PROJECT, str(file), date(2014, 4, 1), LATER)
    with pytest.raises(DataError, match=r"found 0 labelled rows after 2014-09-01, the last day that it was trained on"):
        adopt(PROJECT, str(file), date(2014, 9, 1), LATER)
    with pytest.raises(DataError, match=r"found no file .*gone.skops"):
        adopt(PROJECT, str(file.with_name("gone.skops")), UNTIL, LATER)
    with pytest.raises(DataError, match="nosuchrun is neither a file here nor a run of http"):
        adopt(PROJECT, "nosuchrun", UNTIL, LATER)
    assert retrainings(workspace) == before
