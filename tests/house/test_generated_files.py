"""Generated files are what the code generates: after a change to the spec's models run `python -m tasks.spec`."""

from __future__ import annotations

from pathlib import Path

from tasks.spec.reference import with_reference
from tasks.spec.schema import schema_text

DEPLOYMENTS = Path(__file__).parents[2] / "deployments"


def test_the_schema_is_what_the_models_generate() -> None:
    assert (DEPLOYMENTS / "spec.schema.json").read_text(encoding="utf-8") == schema_text()


def test_the_reference_is_what_the_models_generate() -> None:
    readme = (DEPLOYMENTS / "README.md").read_text(encoding="utf-8")
    assert readme == with_reference(readme)
