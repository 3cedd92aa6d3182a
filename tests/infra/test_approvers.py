"""What an approver may not do in MLflow: change what others read before they approve, or take names."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from types import ModuleType

import pytest

ALLOWED = frozenset({"ann"})
CHANGES = {
    "rewrite the card of a version": ("PATCH", "model-versions/update"),
    "change the stage of a version": ("POST", "model-versions/transition-stage"),
    "delete a version": ("DELETE", "model-versions/delete"),
    "add a version": ("POST", "model-versions/create"),
    "take a name": ("POST", "registered-models/create"),
    "rename a model": ("POST", "registered-models/rename"),
    "rewrite the description of a model": ("PATCH", "registered-models/update"),
    "move an alias": ("POST", "registered-models/alias"),
    "remove an alias": ("DELETE", "registered-models/alias"),
    "tag a model": ("POST", "registered-models/set-tag"),
}


@pytest.fixture(scope="module")
def rule() -> ModuleType:
    path = Path(__file__).parents[2] / "infra" / "mlflow" / "leeway_approvers.py"
    spec = importlib.util.spec_from_file_location("leeway_approvers", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings(action="ignore"):  # MLflow imports what Starlette deprecates
        spec.loader.exec_module(module)
    return module


def test_only_an_approver_raises_a_degree_and_under_its_own_name(rule: ModuleType) -> None:
    assert "it may not write the tag degree.raise" in rule.refusal("pipeline", {"degree.raise": "full"}, ALLOWED)
    assert rule.refusal("ann", {"degree.raise": "full", "degree.by": "ann"}, ALLOWED) == ""
    assert rule.refusal("ann", {"Degree.By": "bob"}, ALLOWED) == "ann may only write ann as the tag degree.by"


@pytest.mark.parametrize("tag", ["degree.raise", " Degree.Reason"])
def test_no_one_adds_to_an_answer_that_another_has_begun(tag: str, rule: ModuleType) -> None:
    for written in ("degree.by", "Degree.By "):
        said = rule.begun_refusal("ann", [tag], {written: "bob", "approval.by": "ann"})
        assert said == f"{written} is bob: delete that tag, or write ann as it, before {tag}"
    assert rule.begun_refusal("ann", [tag, "approval"], {"degree.by": "ann"}) == ""
    assert rule.begun_refusal("ann", ["degree.by"], {"degree.by": "bob"}) == ""


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("root", ["/api/2.0", "/ajax-api/2.0", "/prefix/ajax-api/2.0"])
def test_an_approver_cannot(change: str, root: str, rule: ModuleType) -> None:
    method, path = CHANGES[change]
    said = rule.change_refusal("ann", method, f"{root}/mlflow/{path}", ALLOWED)
    assert said == f"ann is an approver (LEEWAY_APPROVERS): it may only write the tags of an answer, not {path}"
    assert rule.change_refusal("pipeline", method, f"{root}/mlflow/{path}", ALLOWED) == ""


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "model-versions/set-tag"),
        ("DELETE", "model-versions/delete-tag"),
        ("GET", "model-versions/get"),
        ("POST", "registered-models/get-latest-versions"),
        ("GET", "registered-models/search"),
    ],
)
def test_an_approver_reads_and_answers(method: str, path: str, rule: ModuleType) -> None:
    assert rule.change_refusal("ann", method, f"/ajax-api/2.0/mlflow/{path}", ALLOWED) == ""
