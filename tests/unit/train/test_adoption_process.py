"""A file that is adopted is read by another process: what that does, or cannot do, is a refusal in words."""

from __future__ import annotations

import json
import pickle
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from skops.io import dumps

from tasks.errors import DataError
from tasks.model import SkopsModel
from tasks.spec import ProjectSpec
from tasks.train import SeparateAdoption, separate_adoption
from tasks.train.adopted import adoption_process
from tasks.user_code.confined.confinement import landlock_version
from tests.unit.model.adopted_rows import flats, one_hot

SPEC = ProjectSpec.model_validate(
    {
        "project": "flats",
        "scope": {"owner": "ann", "objective": "Rents.", "metric": "mean_absolute_error", "baseline": "median"},
        "source": {"uri": "landing", "id": ["id"], "event_time": "day", "label": {"column": "rent"}},
        "features": {"numbers": ["rooms", "age"], "booleans": ["lift"], "categories": ["city", "plan"]},
    }
)
UNTIL = date(2026, 3, 1)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    days = [date(2026, 2, 1), UNTIL, date(2026, 3, 2)]
    return flats().assign(event_date=np.repeat(np.array(days, dtype=object), 80))


def fitted(rows: pd.DataFrame, final: Any) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    before = ColumnTransformer([("texts", one_hot(), ["plan", "city"]), ("numbers", SimpleImputer(), ["rooms", "age"])])
    return make_pipeline(before, final).fit(rows, rows["rent"])


@contextmanager
def adoption(name: str, content: bytes, folder: Path) -> Iterator[SeparateAdoption]:
    with separate_adoption(name, content, SPEC, (folder / "project", folder / "home")) as pipeline:
        yield pipeline


@pytest.mark.parametrize("final", ["Ridge", "KNeighborsRegressor"])
def test_a_pipeline_comes_back_as_a_model_that_answers_as_it_does(
    final: str, rows: pd.DataFrame, tmp_path: Path
) -> None:
    from sklearn.linear_model import Ridge
    from sklearn.neighbors import KNeighborsRegressor

    estimator = Ridge() if final == "Ridge" else KNeighborsRegressor(algorithm="brute")
    original = fitted(rows, estimator)
    with adoption("model.skops", dumps(original), tmp_path) as pipeline:
        assert (pipeline.estimator, set(pipeline.columns)) == (final, {"plan", "city", "rooms", "age"})
        model = pipeline.fitted(rows, UNTIL)
    assert isinstance(model.portable, SkopsModel) == (final == "KNeighborsRegressor")
    assert np.abs(model.portable.predict(rows) - original.predict(rows)).max() < 1e-9
    assert (model.rows, model.trained_from, model.trained_until) == (160, date(2026, 2, 1), UNTIL)
    assert model.portable.schema.trained_until == "2026-03-01"
    assert not pipeline.process.is_alive


def test_a_refusal_of_the_process_is_one_of_the_flow(tmp_path: Path) -> None:
    from sklearn.linear_model import Ridge

    with (
        pytest.raises(DataError, match=r"model\.pkl is not adopted: reading a pickle runs the code in it"),
        adoption("model.pkl", pickle.dumps(1), tmp_path),
    ):
        pytest.fail("it was read")
    paid = Ridge().fit(pd.DataFrame({"salary": [1.0, 2.0]}), [1.0, 2.0])
    with (
        pytest.raises(DataError, match="salary: no features of the spec"),
        adoption("model.skops", dumps(paid), tmp_path),
    ):
        pytest.fail("it was read")


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a process answer that a file has taken over, with less memory and time than a real one."""
    monkeypatch.setattr(adoption_process, "ANSWERED_BY", "tests.unit.train.hostile_answers")
    monkeypatch.setattr(adoption_process, "MOST_MEMORY_BYTES", 2**30)
    monkeypatch.setattr(adoption_process, "PROCESSOR_SECONDS", 4)


@pytest.mark.usefixtures("hostile")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("crash", "the process that reads it ended by SIGSEGV"),
        ("fill", "the process that reads it ended"),
        ("go_on", "used 4 s of processor time, which is all it may use"),
        ("other_columns", "answered something that is no result"),
        ("other_kind", "answered something that is no result"),
        ("other_files", "answered something that is no result"),
        ("no_model", "answered something that is no result"),
    ],
)
def test_a_process_that_a_file_has_taken_over_ends_in_a_refusal(
    name: str, said: str, rows: pd.DataFrame, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=rf"{name} is not adopted: .*{said}"), adoption(name, b"", tmp_path) as pipeline:
        pipeline.fitted(rows, UNTIL)


@pytest.mark.skipif(not landlock_version(), reason="the kernel has no Landlock")
@pytest.mark.usefixtures("hostile")
def test_it_sees_no_secret_no_key_and_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id").write_text("marker")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "marker")
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("LANG", str(server.getsockname()[1]))
        with pytest.raises(DataError) as raised, adoption("look", b"", tmp_path):
            pytest.fail("it was read")
    found = json.loads(str(raised.value))
    assert found.pop("secrets") == []
    assert "allowed" not in found.values(), found
