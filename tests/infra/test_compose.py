"""The compose file: valid, closed to the world, and of one piece with the image and the scripts it names."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

INFRA = Path(__file__).parents[2] / "infra"
SET_BY_HAND = {"LEEWAY_ARTIFACTS": "s3://artifacts/mlflow"}
OURS = "leeway:0.1.0"
SERVING = ("postgres", "prefect", "mlflow", "worker", "trainer", "serve")
ONCE = ("accounts", "deploy")
PEM = ("signing_key", "verifying_key")
OF_APPLICATIONS = {"api_key"}  # made with the others, and no container's


def interpolated(text: str) -> str:
    """Return the file as compose reads it: `${NAME:-default}` and `${NAME:?why}`."""

    def value(found: re.Match[str]) -> str:
        name, kind, given = found.groups()
        assert name in SET_BY_HAND or kind == "-", f"{name} has no default"
        return SET_BY_HAND.get(name, given or "")

    return re.sub(r"\$\{(\w+)(?::([-?])([^}]*))?\}", value, text)


TEXT = (INFRA / "compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(interpolated(TEXT))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_it_is_a_compose_file() -> None:
    from compose_spec import PyCompose

    read = PyCompose.from_json(json.dumps(COMPOSE))
    read.validate()
    assert set(read.service_names()) == {*SERVING, *ONCE}


def test_a_port_is_published_on_this_machine_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 4
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports)


@pytest.mark.parametrize("name", SERVING)
def test_what_serves_is_asked_whether_it_is_well_and_started_again(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    assert service["deploy"]["resources"]["limits"]["memory"]
    if service["image"] == OURS:
        assert service["environment"]["LEEWAY_HEALTH_URL"].startswith("http://127.0.0.1:")  # the image's own check
    else:
        assert service["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", ONCE)
def test_what_is_done_once_ends_and_has_no_health(name: str) -> None:
    assert (SERVICES[name]["restart"], SERVICES[name]["healthcheck"]) == ("on-failure", {"disable": True})


def test_nothing_starts_before_what_it_needs() -> None:
    waits = {name: service.get("depends_on", {}) for name, service in SERVICES.items()}
    for needed in (each for each in waits.values() if each):
        for name, how in needed.items():
            done = "service_completed_successfully" if name in ONCE else "service_healthy"
            assert how == {"condition": done}
    assert waits["prefect"].keys() == waits["mlflow"].keys() == {"postgres"}
    assert waits["worker"].keys() == waits["trainer"].keys() == {"prefect", "mlflow", *ONCE}
    assert waits["serve"].keys() == {"mlflow", "accounts"}


@pytest.mark.parametrize("name", [name for name, each in SERVICES.items() if each["image"] == OURS])
def test_our_own_containers_can_change_nothing_but_what_is_mounted(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert "user" not in service  # the image's, which is not root


def test_only_servers_reach_the_database_and_the_database_reaches_nothing() -> None:
    assert COMPOSE["networks"]["data"] == {"internal": True}
    assert {name for name, each in SERVICES.items() if "data" in each["networks"]} == {"postgres", "prefect", "mlflow"}
    assert SERVICES["postgres"]["networks"] == ["data"]


def test_a_secret_is_a_file_that_only_the_services_that_need_it_get() -> None:
    assert {name: each["file"] for name, each in COMPOSE["secrets"].items()} == {
        name: f"./secrets/{name}" for name in COMPOSE["secrets"]
    }
    given = {name: set(service.get("secrets", [])) for name, service in SERVICES.items()}
    assert set().union(*given.values()) == COMPOSE["secrets"].keys()
    assert given["worker"] == {"mlflow_pipeline_password", "prefect_auth", "verifying_key"}
    assert given["trainer"] == given["worker"] | {"signing_key"}
    assert given["serve"] == {"mlflow_serving_password", "verifying_key", "api_keys"}
    assert [name for name, secrets in given.items() if "postgres_password" in secrets] == ["postgres"]
    assert [name for name, secrets in given.items() if "signing_key" in secrets] == ["trainer"]
    assert [name for name, secrets in given.items() if "mlflow_approver_password" in secrets] == ["accounts"]


def test_the_accounts_of_the_store_of_runs_and_of_mlflow_are_two() -> None:
    def keys(name: str) -> list[dict[str, Any]]:
        return [each for each in SERVICES[name].get("env_file", []) if isinstance(each, dict)]

    assert keys("worker") == keys("trainer") == [{"path": "runs.env", "required": False}]
    assert keys("mlflow") == [{"path": "registry.env", "required": False}]
    assert keys("serve") == [{"path": "serve.env", "required": False}]
    assert all(keys(name) == [] for name in SERVICES if name not in {"worker", "trainer", "mlflow", "serve"})
    read_by_all = (INFRA / "env.example").read_text()
    assert re.findall(r"^#?AWS_(?:ACCESS_KEY_ID|SECRET_ACCESS_KEY)", read_by_all, re.MULTILINE) == []


def test_each_pool_that_is_made_has_one_worker() -> None:
    pools = re.findall(r"work-pool create (\S+)", SERVICES["deploy"]["command"][-1])
    asking = [service["command"][4] for name, service in SERVICES.items() if name in {"worker", "trainer"}]
    assert sorted(pools) == sorted(asking) == ["leeway", "leeway-train"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_secret_is_named_by_its_file_and_never_said(name: str) -> None:
    service = SERVICES[name]
    for variable, value in service.get("environment", {}).items():
        if re.search(r"PASSWORD|AUTH_STRING|SECRET_KEY|SIGNING_KEY|VERIFYING_KEY|API_KEYS", variable):
            assert variable.endswith("_FILE")
            assert value.removeprefix("/run/secrets/") in service["secrets"]


def test_every_file_that_is_named_is_there() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (INFRA / source).exists(), volume
    build = SERVICES["worker"]["build"]
    assert (INFRA / build["context"] / build["dockerfile"]).samefile(INFRA / "Dockerfile")


def test_the_example_says_all_that_the_file_asks_for() -> None:
    example = (INFRA / "env.example").read_text()
    offered = set(re.findall(r"^#?(\w+)=", example, re.MULTILINE))
    assert set(re.findall(r"\$\{(\w+)", TEXT)) <= offered
    assert {"LEEWAY_LAKE", "AWS_ENDPOINT_URL_S3"} <= offered


def test_secrets_are_made_once_for_all_that_asks_for_them_and_never_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"

    def make() -> dict[str, bytes]:
        subprocess.run(["sh", str(INFRA / "secrets.sh"), str(folder)], check=True, capture_output=True)
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    made = make()
    assert made.keys() == COMPOSE["secrets"].keys() | OF_APPLICATIONS
    assert len(set(made.values())) == len(made)
    assert all(len(content) >= 40 and b"\n" not in content for name, content in made.items() if name not in PEM)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (folder / "prefect_auth").unlink()
    again = make()
    assert again.pop("prefect_auth") != made.pop("prefect_auth")
    assert again == made


def test_a_new_api_key_takes_the_place_of_the_one_of_its_name(tmp_path: Path) -> None:
    def make() -> str:
        done = subprocess.run(["sh", str(INFRA / "secrets.sh"), str(tmp_path)], check=True, capture_output=True)
        return done.stderr.decode()

    make()
    other = {"name": "shop", "sha256": "ab" * 32, "scopes": ["predict"], "projects": []}
    kept = json.loads((tmp_path / "api_keys").read_text())["keys"]
    (tmp_path / "api_keys").unlink()
    (tmp_path / "api_keys").write_text(json.dumps({"keys": [*kept, other]}))
    (tmp_path / "api_key").unlink()
    assert make() == ""
    first, second = json.loads((tmp_path / "api_keys").read_text())["keys"]
    assert second == other
    assert first == {**kept[0], "sha256": hashlib.sha256((tmp_path / "api_key").read_bytes()).hexdigest()}
    (tmp_path / "api_keys").unlink()
    (tmp_path / "api_keys").write_text(json.dumps({"keys": [other]}))
    assert "none of the keys" in make()
    assert json.loads((tmp_path / "api_keys").read_text()) == {"keys": [other]}


def test_the_pair_that_is_made_signs_and_verifies(tmp_path: Path) -> None:
    from tasks.registry import load_keys

    subprocess.run(["sh", str(INFRA / "secrets.sh"), str(tmp_path)], check=True, capture_output=True)
    signing = load_keys(tmp_path, {"LEEWAY_SIGNING_KEY": (tmp_path / "signing_key").read_text()})
    verifying = load_keys(tmp_path, {"LEEWAY_VERIFYING_KEY": (tmp_path / "verifying_key").read_text()})
    assert signing.private is not None
    assert (verifying.private, verifying.trusted) == (None, signing.trusted)


def test_after_a_new_signing_key_versions_of_both_are_verified(tmp_path: Path) -> None:
    from tasks.registry import load_keys

    def make() -> None:
        subprocess.run(["sh", str(INFRA / "secrets.sh"), str(tmp_path)], check=True, capture_output=True)

    make()
    first = load_keys(tmp_path, {"LEEWAY_SIGNING_KEY": (tmp_path / "signing_key").read_text()})
    (tmp_path / "signing_key").unlink()
    make()
    second = load_keys(tmp_path, {"LEEWAY_SIGNING_KEY": (tmp_path / "signing_key").read_text()})
    make()
    verifying = load_keys(tmp_path, {"LEEWAY_VERIFYING_KEY_FILE": str(tmp_path / "verifying_key")})
    assert verifying.trusted == (*second.trusted, *first.trusted)


def test_the_service_is_reached_over_http_and_grpc_on_this_machine_only() -> None:
    service = SERVICES["serve"]
    assert [port.rpartition(":")[2] for port in service["ports"]] == ["8500", "8502"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["command"][service["command"].index("--grpc-port") + 1] == "8502"


def test_the_service_has_time_to_answer_and_to_land_its_log_when_it_is_stopped() -> None:
    from tasks.serve.service_settings import CARRY_SECONDS, ServiceSettings

    workers = ServiceSettings(projects=(), root="", trusted=()).worker_stop_seconds
    service = SERVICES["serve"]
    assert float(service["stop_grace_period"].removesuffix("s")) > workers + CARRY_SECONDS
    assert "PREFECT_API_URL" not in service["environment"]  # it starts no run


def test_the_api_key_that_is_made_is_one_of_those_that_the_service_gets(tmp_path: Path) -> None:
    from tasks.serving_store import keys_of

    subprocess.run(["sh", str(INFRA / "secrets.sh"), str(tmp_path)], check=True, capture_output=True)
    keys = keys_of((tmp_path / "api_keys").read_bytes(), "api_keys")
    found = keys.find((tmp_path / "api_key").read_bytes())
    assert found is not None
    assert (found.name, found.scopes, keys.find(b"leeway_another")) == ("first", ("predict",), None)


def started(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(INFRA / "entrypoint.sh"), "env"],
        env={"PATH": os.environ["PATH"], "LEEWAY_SECRETS": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_container_starts_with_the_content_of_its_secrets(tmp_path: Path) -> None:
    (tmp_path / "auth").write_text("leeway:a $HOME `b` 'c'\nsecond line\n")
    said = started(tmp_path, PREFECT_AUTH_FILE=f"{tmp_path}/auth").stdout
    assert "PREFECT_AUTH=leeway:a $HOME `b` 'c'\nsecond line\n" in said
    assert "PREFECT_AUTH_FILE" not in said


def test_a_file_that_is_no_secret_of_ours_keeps_its_name(tmp_path: Path) -> None:
    mounted = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"
    said = started(tmp_path, AWS_WEB_IDENTITY_TOKEN_FILE=mounted).stdout
    assert f"AWS_WEB_IDENTITY_TOKEN_FILE={mounted}\n" in said
    assert "AWS_WEB_IDENTITY_TOKEN=" not in said


def test_a_secret_that_is_not_mounted_stops_the_container_and_says_which(tmp_path: Path) -> None:
    done = started(tmp_path, PGPASSWORD_FILE=f"{tmp_path}/missing")
    assert done.returncode == 1
    assert f"PGPASSWORD_FILE is {tmp_path}/missing" in done.stderr
