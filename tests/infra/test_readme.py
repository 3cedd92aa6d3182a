"""infra/README.md names files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

INFRA = Path(__file__).parents[2] / "infra"
TEXT = (INFRA / "README.md").read_text()


def test_every_file_and_heading_it_points_to_is_there() -> None:
    headings = {f"#{line.lstrip('# ').lower().replace(' ', '-')}" for line in TEXT.splitlines() if line.startswith("#")}
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        assert target in headings or (INFRA / target).exists(), target


def test_every_path_of_its_commands_is_there() -> None:
    made = {
        "infra/.env",
        "infra/secrets",
        "infra/runs.env",
        "infra/registry.env",
        "infra/serve.env",
        "infra/secrets/api_key",
    }
    paths = set(re.findall(r"\binfra/[\w./-]*\w", "\n".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL))))
    assert paths
    assert [path for path in paths - made if not (INFRA.parent / path).exists()] == []


def test_every_file_of_infra_is_spoken_of_or_found_from_one_that_is() -> None:
    named = {path.name for path in INFRA.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    private = {path.name for path in (INFRA / "secrets").glob("*")} | {".env"}
    said = TEXT + "".join(path.read_text() for path in INFRA.rglob("*.yaml")) + (INFRA / "Dockerfile").read_text()
    silent = {name for name in named - private if name not in said}
    assert silent <= {"README.md", "Dockerfile.dockerignore", ".gitignore"}


def test_accounts_and_services_it_names_exist() -> None:
    compose = yaml.safe_load((INFRA / "compose.yaml").read_text())
    for name in re.findall(r"`(\w+_(?:password|auth|key))`", TEXT):
        assert name in {*compose["secrets"], "api_key"}, name  # which is an application's, and no container's
    assert {"accounts", "deploy"} <= compose["services"].keys()
