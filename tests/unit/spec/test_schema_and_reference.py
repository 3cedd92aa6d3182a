from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from tasks.spec.docs.json_schema import blocks, known_keys, node_at, schema_text
from tasks.spec.docs.key_reference import reference_markdown, with_reference
from tasks.spec.project_spec import ProjectSpec
from tasks.spec.reading.read_spec import parse_spec

ROOT = Path(__file__).parents[3]
README = (ROOT / "deployments" / "README.md").read_text(encoding="utf-8")
SCHEMA = json.loads(schema_text())
EXAMPLE = README.split("```yaml\n", maxsplit=1)[1].split("```", maxsplit=1)[0]


def test_the_schema_is_sound_and_accepts_the_example() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(yaml.safe_load(EXAMPLE))
    assert parse_spec(EXAMPLE, "house-prices/project.yaml").source.label.delay_days == 14


@pytest.mark.parametrize(
    "path", sorted((ROOT / "deployments").glob("*/project.yaml")), ids=lambda path: path.parent.name
)
def test_the_schema_accepts_every_project(path: Path) -> None:
    spec = parse_spec(path.read_text(encoding="utf-8"), str(path))
    Draft202012Validator(SCHEMA).validate(spec.model_dump(mode="json"))


@pytest.mark.parametrize("written", ["treshold: 3", "gate: {min_rows: 3}", "gate: {min_rows: '30'}", "project: A B"])
def test_the_schema_refuses_what_the_reader_refuses(written: str) -> None:
    data = {**yaml.safe_load(EXAMPLE), **yaml.safe_load(written)}
    assert not Draft202012Validator(SCHEMA).is_valid(data)


def test_the_same_code_gives_the_same_text() -> None:
    assert schema_text() == schema_text()
    assert SCHEMA["title"] == ProjectSpec.__name__


def test_every_key_has_a_meaning() -> None:
    silent = [(*block, key) for block in blocks() for key in known_keys(block) if not _meaning((*block, key))]
    assert silent == []


def _meaning(loc: tuple[str | int, ...]) -> str:
    return str((node_at(loc) or {}).get("description", ""))


def test_the_reference_has_a_row_for_every_key() -> None:
    rows = [line.split("|")[1].strip(" `") for line in reference_markdown().splitlines() if line.startswith("| `")]
    assert rows == [key for block in blocks() for key in known_keys(block)]


def test_writing_the_reference_again_keeps_the_introduction() -> None:
    once = with_reference("# Mine\n\nText.\n")
    assert once.startswith("# Mine\n\nText.\n\n<!-- reference")
    assert with_reference(once) == once
