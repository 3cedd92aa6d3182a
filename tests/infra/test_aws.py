"""The template for AWS: well formed, closed, and its roles allow the calls Leeway makes and no others.

The calls are not listed by hand: Leeway's own code runs against a store that speaks S3 and every request is
taken down, then each is judged by the policies as they are in the template.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from flows.serving.rollout_landing import RolloutLanding
from flows.steps.in_service.landed_steps import landed_step
from tasks.errors import Unreachable
from tasks.ingest.sources.s3 import S3Source
from tasks.lake import TABLES, Lake, LandingFolder, acquire_lease, append_entry, read_entries
from tasks.promote import StepTime
from tasks.records import PromotionEntry
from tests.infra.iam_policies import (
    BUCKETS,
    TEMPLATE,
    Call,
    allowed,
    as_iam_sees,
    listed,
    policies,
    resources,
    template,
)
from tests.integration.test_landed_rollouts import LandedStage
from tests.integration.test_rollout_control import TERMS, Packages, packages
from tests.unit.serve.packages import MOMENT, spec_of

__all__ = ["packages"]  # a fixture
WRITES = 11  # the tenth commit is followed by a checkpoint


@dataclass(frozen=True)
class Store:
    """A store that takes down what is asked of it."""

    url: str
    taken_down: Path

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a process that uses the store."""
        return {**os.environ, "AWS_ENDPOINT_URL_S3": self.url}

    def lake(self) -> Lake:
        options = {"aws_endpoint": self.url, "aws_allow_http": "true", "aws_conditional_put": "etag"}
        return Lake("s3://lake", {**options, "aws_region": "us-east-1"})

    def calls_of(self, work: Callable[[Store], None]) -> set[Call]:
        before = len(self.taken_down.read_text().splitlines())
        work(self)
        requests = self.taken_down.read_text().splitlines()[before:]
        return {call for request in requests for call in as_iam_sees(json.loads(request))}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    import boto3

    taken_down = tmp_path_factory.mktemp("store") / "requests"
    taken_down.touch()
    command = [sys.executable, "-m", "tests.infra.recording_store", str(taken_down)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server,
        pytest.MonkeyPatch.context() as environment,
    ):
        for name, value in (("ACCESS_KEY_ID", "x"), ("SECRET_ACCESS_KEY", "x"), ("DEFAULT_REGION", "us-east-1")):
            environment.setenv(f"AWS_{name}", value)
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        environment.delenv("AWS_PROFILE", raising=False)
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        client = boto3.client("s3", endpoint_url=url)
        for bucket in BUCKETS.values():
            client.create_bucket(Bucket=bucket)
        client.put_object(Bucket="landing", Key="shop/sales/2026-01-01.csv", Body=b"id\n1\n")
        client.put_object(Bucket="landing", Key="decided/served/rollouts/3-ab/serve-0.json", Body=b"{}")
        made = Store(url, taken_down)
        for number in range(WRITES):
            about: dict[str, Any] = {"night": date(2026, 1, 1 + number), "subject": "version 1", "reason": ""}
            append_entry(
                made.lake(), "decided", PromotionEntry(name=f"{number}", time=MOMENT, action="promoted", **about)
            )
        yield made
        server.kill()


def filled(table: str) -> pd.DataFrame:
    """Return one row of a table, of no content that matters here."""
    moment = pd.Timestamp("2026-01-01", tz="UTC")
    cells = {name: [moment if pa.types.is_timestamp(kind) else None] for name, kind in TABLES[table].columns}
    return pd.DataFrame(cells)


def nights(store: Store) -> None:
    lake = store.lake()
    source = S3Source("landing", "shop/sales/", store.url)
    for each in source.list():
        source.read(each.key)
    with acquire_lease(lake, "shop", "night"):
        for table in TABLES:
            for number in range(WRITES if table == "rows" else 1):
                lake.append_if_absent("shop", table, filled(table), f"key {number}")
            store.lake().read("shop", table)
    lake.put("shop", "report.html", b"x")
    spec = spec_of("decided", serving={"uri": "s3://landing/decided/served"})
    evidence = LandingFolder(spec.served_uri("rollouts"), spec, Path(), store.environment)
    assert (evidence.names("3-ab"), evidence.names("4-ab")) == (["serve-0.json"], [])
    assert evidence.read("3-ab/serve-0.json", 100) == b"{}"


def retraining(store: Store) -> None:
    lake = store.lake()
    for table in TABLES:
        lake.read("shop", table)
    with acquire_lease(lake, "shop", "retraining"):
        for number in range(WRITES):
            lake.append_if_absent("shop", "decisions", filled("decisions"), f"retraining {number}")
    lake.put("shop", "report.html", b"y")


def serving(store: Store) -> None:
    """What the controller of the prediction service does: it reads the record and feature tables, and lands its log."""
    assert len(read_entries(store.lake(), "decided")) == WRITES
    spec = spec_of("decided", serving={"uri": "s3://landing/decided/served"})
    for project, table in product(("decided", "shop"), ("features", "batches")):
        store.lake().read(project, table)
    for kind in ("rows", "labels"):
        landing = LandingFolder(spec.served_uri(kind), spec, Path(), store.environment)
        landing.write([("few.jsonl", b"{}\n"), ("many.jsonl", b"x" * 12_000_000)])
    rollouts = replace(landing, uri=spec.served_uri("rollouts"))
    assert rollouts.read("2-ab/serve-0.json", 100) is None
    rollouts.write([("2-ab/serve-0.json", b"{}")])
    assert rollouts.read("2-ab/serve-0.json", 100) == b"{}"


def keeping_artifacts(store: Store) -> None:
    """What MLflow's server does with a version's files."""
    from mlflow.store.artifact.s3_artifact_repo import S3ArtifactRepository

    repository = S3ArtifactRepository("s3://artifacts/mlflow/1/run/artifacts")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL_S3", store.url)
        repository.log_artifact(str(TEMPLATE), "model")
        repository.list_artifacts("model")
        repository.download_artifacts("model")
        repository.delete_artifacts("model/leeway.yaml")


def test_the_template_has_no_fault_that_cfn_lint_knows() -> None:
    linter = Path(sys.executable).parent / "cfn-lint"
    done = subprocess.run([str(linter), str(TEMPLATE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("role", "work"),
    [("Ingest", nights), ("Train", retraining), ("Serve", serving), ("Registry", keeping_artifacts)],
    ids=["ingest", "train", "serve", "registry"],
)
def test_a_role_allows_every_call_that_its_work_makes(role: str, work: Callable[[Store], None], store: Store) -> None:
    calls = store.calls_of(work)
    assert len(calls) >= 5
    assert [call for call in calls if not allowed(role, call)] == []


def test_a_rollout_goes_on_with_accounts_that_may_do_what_their_roles_say_and_no_more(
    store: Store, tmp_path: Path, packages: Packages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store refuses, to each account, what the policies of its role do not allow."""

    def as_account(role: str) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", role)

    stage = LandedStage(tmp_path, packages, ("forest", "forest"), TERMS)
    recorded = read_entries(stage.lake, "flats")
    spec = spec_of("flats", serving={"uri": "s3://landing/flats/served"})
    as_account("Ingest")
    runs = store.lake()
    for entry in recorded:
        append_entry(runs, "flats", entry)
    where = LandingFolder(spec.served_uri("rollouts"), spec, tmp_path, store.environment)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", store.url)
    stage.workspace = replace(stage.workspace, lake=runs, spec=spec)
    stage.landing, stage.lake = RolloutLanding(stage.store.root, "flats", "serve-0", where), store.lake()
    as_account("Serve")
    with pytest.raises(Exception, match=r"403|AccessDenied|Forbidden|permission"):
        append_entry(store.lake(), "flats", replace(recorded[-1], name="2/forged/4", action="finished"))
    with pytest.raises(Unreachable, match=r"403|ACCESS_DENIED"):
        replace(where, uri=spec.served_uri("rows")).read("2026-01-01.jsonl", 100)
    for _ in range(2):
        stage.follow()
        stage.ask(130)
        stage.now += timedelta(seconds=11)
        stage.follow()
        as_account("Ingest")
        step = landed_step(stage.workspace, StepTime(stage.now.date(), stage.now))
        assert step is not None
        append_entry(runs, "flats", step)
        as_account("Serve")
    assert stage.outcome == [("started", 0.0), ("advanced", 0.0), ("advanced", 0.5)]
    stage.move_in("again")
    stage.landing = RolloutLanding(stage.store.root, "flats", "serve-0", where)
    stage.follow()
    grant = stage.store.readable_grant("flats")
    assert grant is not None
    assert grant.share == 0.5, "also in an empty home"


TABLE = {
    # what a role must not do, however its work goes
    "Ingest": [
        Call("s3:PutObject", "landing", "shop/sales/2026-01-01.csv"),
        Call("s3:DeleteObject", "landing", "shop/sales/2026-01-01.csv"),
        Call("s3:ListBucket", "artifacts", prefix="mlflow/"),
        Call("s3:GetObject", "artifacts", "mlflow/1/run/artifacts/model/model.onnx"),
        Call("s3:PutObject", "artifacts", "mlflow/1/run/artifacts/model/model.onnx"),
        Call("s3:DeleteObjectVersion", "lake", "shop/rows/part-1.parquet"),
    ],
    "Train": [
        Call("s3:ListBucket", "landing", prefix="shop/"),
        Call("s3:GetObject", "landing", "shop/sales/2026-01-01.csv"),
        Call("s3:PutObject", "lake", "shop/rows/part-1.parquet"),
        Call("s3:PutObject", "lake", "shop/labels/_delta_log/00000000000000000001.json"),
        Call("s3:DeleteObject", "lake", "shop/rows/part-1.parquet"),
        Call("s3:PutObject", "artifacts", "mlflow/1/run/artifacts/model/model.onnx"),
    ],
    "Serve": [
        Call("s3:ListBucket", "landing", prefix="shop/served/rows/"),
        Call("s3:ListBucket", "landing"),
        Call("s3:ListBucket", "lake", prefix="shop/rows/"),
        Call("s3:ListBucket", "lake"),
        Call("s3:GetObject", "lake", "shop/rows/part-1.parquet"),
        Call("s3:GetObject", "lake", "shop/labels/part-1.parquet"),
        Call("s3:PutObject", "lake", "shop/decisions/part-1.parquet"),
        Call("s3:PutObject", "lake", "shop/predictions/part-1.parquet"),
        Call("s3:GetObject", "lake", "shop/predictions/part-1.parquet"),
        Call("s3:PutObject", "landing", "shop/sales/2026-01-01.csv"),
        Call("s3:GetObject", "landing", "shop/served/rows/one.jsonl"),
        Call("s3:DeleteObject", "landing", "shop/served/rows/one.jsonl"),
        Call("s3:DeleteObject", "landing", "shop/served/rollouts/2-ab/serve-0.json"),
        Call("s3:PutObject", "lake", "shop/decisions/_delta_log/00000000000000000011.json"),
        Call("s3:GetObject", "landing", "shop/sales/2026-01-01.csv"),
        Call("s3:GetObject", "artifacts", "mlflow/1/run/artifacts/model/model.onnx"),
    ],
    "Registry": [
        Call("s3:ListBucket", "artifacts"),
        Call("s3:PutObject", "artifacts", "elsewhere/model.onnx"),
        Call("s3:GetObject", "lake", "shop/rows/part-1.parquet"),
        Call("s3:GetObject", "landing", "shop/sales/2026-01-01.csv"),
    ],
}
FORBIDDEN_TO_ALL = [
    *(Call("s3:DeleteObjectVersion", bucket, "shop/rows/part-1.parquet") for bucket in BUCKETS.values()),
    *(Call(f"s3:{action}", bucket) for bucket in BUCKETS.values() for action in ("DeleteBucket", "PutBucketPolicy")),
    *(
        Call(f"s3:{action}", bucket)
        for bucket in BUCKETS.values()
        for action in ("PutBucketVersioning", "PutBucketAcl")
    ),
    Call("s3:GetObject", "another-company", "anything"),
    Call("s3:ListBucket", "another-company"),
    Call("iam:PassRole", "lake"),
]


@pytest.mark.parametrize(
    ("role", "call"),
    [(role, call) for role, calls in TABLE.items() for call in calls],
    ids=lambda value: value if isinstance(value, str) else f"{value.action} {value.bucket}/{value.key or value.prefix}",
)
def test_a_role_does_not_allow(role: str, call: Call) -> None:
    assert not allowed(role, call)


@pytest.mark.parametrize("role", sorted(TABLE))
def test_no_role_can_make_data_disappear_for_good_or_open_a_bucket(role: str) -> None:
    assert [call for call in FORBIDDEN_TO_ALL if allowed(role, call)] == []


def test_no_policy_speaks_of_all_actions_or_of_everything() -> None:
    for role in resources("AWS::IAM::Role"):
        for statement in policies(role):
            assert all("*" not in action for action in listed(statement["Action"])), statement
            assert all(each.startswith("arn:aws:s3:::") for each in listed(statement["Resource"])), statement


def test_every_role_is_in_the_table() -> None:
    assert TABLE.keys() == resources("AWS::IAM::Role").keys()


@pytest.mark.parametrize("bucket", sorted(BUCKETS))
def test_a_bucket_is_closed_encrypted_kept_and_tidied(bucket: str) -> None:
    whole = template()["Resources"][bucket]
    settings = whole["Properties"]
    assert whole["DeletionPolicy"] == whole["UpdateReplacePolicy"] == "Retain"
    assert set(settings["PublicAccessBlockConfiguration"].values()) == {True}
    assert settings["VersioningConfiguration"] == {"Status": "Enabled"}
    assert settings["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert settings["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    rules = settings["LifecycleConfiguration"]["Rules"]
    assert any("NoncurrentVersionExpiration" in rule for rule in rules)
    assert any("AbortIncompleteMultipartUpload" in rule for rule in rules)
    assert not any("ExpirationInDays" in rule for rule in rules)  # what is current is never removed
    assert bucket in {policy["Bucket"]["Ref"] for policy in resources("AWS::S3::BucketPolicy").values()}


def test_a_bucket_refuses_what_is_sent_in_the_clear() -> None:
    for policy in resources("AWS::S3::BucketPolicy").values():
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert len(statement["Resource"]) == 2  # the bucket and what is in it


def test_a_role_is_taken_on_by_one_kind_of_workload_only() -> None:
    for role in resources("AWS::IAM::Role").values():
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": {"Ref": "Workload"}}


def test_a_workload_of_another_account_takes_on_no_role() -> None:
    for name, role in resources("AWS::IAM::Role").items():
        for statement in role["AssumeRolePolicyDocument"]["Statement"]:
            accounts = statement["Condition"]["StringEqualsIfExists"]["aws:SourceAccount"]
            assert "AWS::AccountId" in str(accounts), name
