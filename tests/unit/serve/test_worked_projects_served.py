"""The worked projects are served, but for the one of which its page says why it is not."""

from __future__ import annotations

import gzip
import runpy
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from flows.demo.worked_projects import SHOWN, worked_project
from flows.serving.package_version import packaged
from flows.steps.in_service.single_rows import row_terms
from tasks.model import ModelSchema, export_model
from tasks.model.input_matrix import input_matrix
from tasks.package import unservable
from tasks.registry.manifest import verify
from tasks.serve.served_version import ServedVersion
from tasks.spec import ProjectSpec, read_spec
from tests.unit.serve.packages import KEY, MOMENT, sealed, version_of

PROJECTS = [one for name in SHOWN for one in worked_project(name).chain]
SCREENS = worked_project("screen-inspection").path
NOT_SERVED = {"patient-records": "privacy.pseudonymise"}


def schema_of(spec: ProjectSpec) -> ModelSchema:
    """Return the schema of a model that reads every feature."""
    names = spec.features.learned
    return ModelSchema(spec.project, "regression", spec.scope.metric, spec.source.event_time, numbers=tuple(names))


@pytest.mark.parametrize("path", [one.path for one in PROJECTS], ids=lambda path: path.parent.name)
def test_a_worked_project_is_served_or_its_page_says_why_not(path: Path) -> None:
    spec = read_spec(path)
    contract = row_terms(spec, path.parent).contract
    faults = unservable(spec, schema_of(spec))
    expected = NOT_SERVED.get(spec.project)
    assert (contract.project, bool(faults)) == (spec.project, expected is not None)
    if expected:
        assert all(expected in fault for fault in faults)
        assert f"not served: `{expected}`" in (path.parent / "README.md").read_text(encoding="utf-8")


def measured_screens() -> pd.DataFrame:
    """Return the rows of the first delivery that name whole pictures, with what the function measures on them."""
    folder = SCREENS.parent / "landing" / "screens"
    (first, *_) = sorted(folder.glob("*.csv.gz"))
    rows = pd.read_csv(BytesIO(gzip.decompress(first.read_bytes()))).head(80)
    rows["picture"] = [(folder / "pictures" / name).read_bytes() for name in rows["picture"]]
    made: pd.DataFrame = runpy.run_path(str(SCREENS.parent / "features.py"))["of_pictures"](rows)
    return made


def test_a_screen_is_judged_on_request_by_what_is_measured_on_its_picture() -> None:
    spec, screens = read_spec(SCREENS), measured_screens()
    names = tuple(spec.features.made.numbers)
    schema = ModelSchema("flats", "binary", spec.scope.metric, spec.source.event_time, numbers=names)
    target = (screens["dark_spot"] > screens["dark_spot"].median()).to_numpy(np.float64)
    model = export_model(HistGradientBoostingClassifier(max_iter=5).fit(input_matrix(screens, schema), target), schema)
    files = sealed(model, "flats/1")
    signed = verify(files, [KEY.public_key()], {"project": "flats", "key": "flats/1"})
    package = packaged(version_of(1, "flats/1"), files, signed, row_terms(spec, SCREENS.parent), MOMENT)
    version = ServedVersion(package, files)
    version.prove(package.references)
    asked: list[dict[Any, Any]] = screens[["screen", "time", *names]].head(5).to_dict("records")
    answers = version.answers([version.reader.read({**row, "screen": str(row["screen"])}) for row in asked])
    batch = model.predict(screens.head(5))
    assert [one.computed.prediction[one.place] for one in answers] == batch.tolist()
