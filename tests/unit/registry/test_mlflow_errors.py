from __future__ import annotations

import pytest

from tasks.errors import DataError, SpecError, Terminal, Unreachable
from tasks.registry import Registry
from tasks.registry.mlflow_errors import is_missing, translated
from tasks.registry.mlflow_names import checked_key, checked_project, metric_name


class Coded(Exception):  # noqa: N818 - represents MLflow's exception, which carries a code
    def __init__(self, error_code: str) -> None:
        super().__init__("it said\n  so.")
        self.error_code = error_code


class Answered(Exception):  # noqa: N818 - represents requests' HTTPError, which carries a response
    def __init__(self, status_code: int) -> None:
        super().__init__("no")
        self.response = self
        self.status_code = status_code


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (Coded("INTERNAL_ERROR"), Unreachable, "did not answer: it said so. Check"),
        (Coded("TEMPORARILY_UNAVAILABLE"), Unreachable, "did not answer"),
        (Coded("PERMISSION_DENIED"), Terminal, "--allowed-hosts"),
        (Coded("RESOURCE_DOES_NOT_EXIST"), Terminal, "no such object"),
        (Coded("INVALID_PARAMETER_VALUE"), Terminal, "refused"),
        (Answered(503), Unreachable, "did not answer"),
        (Answered(429), Unreachable, "did not answer"),
        (Answered(401), Terminal, "MLFLOW_TRACKING_USERNAME"),
        (Answered(404), Terminal, "no such object"),
        (TimeoutError("slow"), Unreachable, "did not answer: slow"),
    ],
)
def test_only_a_clear_refusal_is_final(error: Exception, kind: type[Exception], said: str) -> None:
    found = translated(error, "http://localhost:5000")
    assert type(found) is kind
    assert said in str(found)
    assert "http://localhost:5000" in str(found)


def test_missing_is_distinguished_from_refused() -> None:
    assert is_missing(Coded("RESOURCE_DOES_NOT_EXIST"))
    assert is_missing(Answered(404))
    assert not is_missing(Coded("INVALID_PARAMETER_VALUE"))


@pytest.mark.parametrize("url", ["sqlite:///mlflow.db", "./mlruns", "databricks", "http://me:secret@host:5000"])
def test_only_a_server_without_a_password_in_its_address_is_a_registry(url: str) -> None:
    with pytest.raises(SpecError, match="expected http"):
        Registry(url)
    with pytest.raises(SpecError, match="expected http"):
        Registry("http://mlflow:5000", ui_url=url)


@pytest.mark.parametrize("text", ["", "it's", "a' or tags.x = 'b", "-x", "x" * 201])
def test_a_key_cannot_change_the_search_it_is_part_of(text: str) -> None:
    with pytest.raises(DataError):
        checked_key(text)
    with pytest.raises(DataError):
        checked_project(text)


def test_any_column_becomes_a_metric_name() -> None:
    assert metric_name("drift/prix (€)/psi") == "drift/prix ___/psi"
    assert len(metric_name("x" * 300)) == 250
