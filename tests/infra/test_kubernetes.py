"""The manifests: what the API would take, run without privileges, and of one piece with each other."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

INFRA = Path(__file__).parents[2] / "infra"
K8S = INFRA / "k8s"
VERSIONS = ("1.30", "1.34", "1.37")
KUSTOMIZATION = yaml.safe_load((K8S / "kustomization.yaml").read_text())
MANIFESTS: list[dict[str, Any]] = [
    manifest for name in KUSTOMIZATION["resources"] for manifest in yaml.safe_load_all((K8S / name).read_text())
]
POOL: dict[str, Any] = json.loads((K8S / "work-pool.json").read_text())
ASKED_FOR = {
    "env": {"LEEWAY_SIGNING_KEY": "mine"},
    "command": "cat /run/leeway/signing_key",
    "image": "evil:1",
    "service_account_name": "leeway-train",
    "namespace": "kube-system",
    "cluster_config": {"config": {}, "context_name": "mine"},
}
"""What a deployment, or a person who starts a run, may ask for, and does not get."""


def named(manifest: dict[str, Any]) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def pool(name: str) -> dict[str, Any]:
    """Return the template of a pool as the deploy job writes it."""
    command = [sys.executable, str(INFRA / "pools.py"), "template", str(K8S / "work-pool.json"), name]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"LEEWAY_IMAGE": "leeway:0.1.0"})
    template: dict[str, Any] = json.loads(done.stdout)
    return template


def run(template: dict[str, Any], **values: Any) -> dict[str, Any]:
    """Return the job that Prefect's worker would make of a pool's template, filled in by Prefect's own hand."""
    from prefect.utilities.templating import apply_values

    described = template["variables"]["properties"].items()
    defaults = {name: each["default"] for name, each in described if "default" in each}
    given = {"labels": {}, "name": "nightly", **defaults, **values}
    filled: dict[str, Any] = apply_values(template["job_configuration"], given)["job_manifest"]
    return filled


RUN, TRAIN = run(pool("leeway")), run(pool("leeway-train"))
PODS = {
    named(manifest): manifest["spec"]["template"]
    for manifest in [*MANIFESTS, {**RUN, "metadata": {"name": "run"}}, {**TRAIN, "metadata": {"name": "train"}}]
    if "template" in manifest.get("spec", {})
}
SERVERS = [name for name in PODS if not name.startswith("Job")]


def all_of(kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in MANIFESTS if each["kind"] == kind}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "manifest", [*MANIFESTS, RUN, TRAIN], ids=lambda each: named(each) if "name" in each["metadata"] else "run"
)
def test_the_api_of_a_version_would_take_it(manifest: dict[str, Any], version: str) -> None:
    import_module("kubernetes_validate").validate(manifest, version, strict=True)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")
def test_kubectl_puts_all_of_it_into_one_namespace() -> None:
    done = subprocess.run(["kubectl", "kustomize", str(K8S)], capture_output=True, text=True, check=True)
    built = list(yaml.safe_load_all(done.stdout))
    assert len(built) == len(MANIFESTS)
    spaces = {each["metadata"].get("namespace") for each in built if each["kind"] != "Namespace"}
    assert spaces == {"leeway"} == {each["metadata"]["name"] for each in built if each["kind"] == "Namespace"}


@pytest.mark.parametrize("name", sorted(PODS))
def test_a_pod_meets_the_restricted_standard_and_more(name: str) -> None:
    pod = PODS[name]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not pod.get("hostNetwork")
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
        assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("name", SERVERS)
def test_what_serves_is_probed_while_it_starts_and_while_it_runs(name: str) -> None:
    (container,) = PODS[name]["spec"]["containers"]
    ports = {port["name"] for port in container["ports"]}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        ask = container[probe].get("httpGet")
        assert ask is None or ask["port"] in ports
    assert container["startupProbe"]["periodSeconds"] * container["startupProbe"]["failureThreshold"] >= 120


def test_only_the_worker_may_talk_to_the_cluster() -> None:
    with_token = [name for name, pod in PODS.items() if pod["spec"].get("automountServiceAccountToken") is not False]
    assert with_token == ["Deployment worker", "Deployment trainer"]


def test_the_worker_may_start_and_watch_runs_and_read_no_secret() -> None:
    (role,) = all_of("Role").values()
    allowed = {(resource, verb) for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]}
    assert {("jobs", verb) for verb in ("create", "watch", "delete")} <= allowed
    assert not {resource for resource, _ in allowed} & {"secrets", "configmaps", "serviceaccounts", "*"}
    assert not {verb for _, verb in allowed} & {"*", "deletecollection", "impersonate", "escalate"}
    (binding,) = all_of("RoleBinding").values()
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert [each["name"] for each in binding["subjects"]] == ["leeway-worker"]


def secrets_of(pod: dict[str, Any]) -> tuple[str, set[str]]:
    """Return the name of the pod's Secret, and the keys that it mounts: it has one, and mounts all of it by name."""
    (mounted,) = [volume["secret"] for volume in pod["spec"]["volumes"] if "secret" in volume]
    return mounted["secretName"], {item["key"] for item in mounted["items"]}


def secrets_made() -> dict[str, set[str]]:
    """Return what infra/k8s/secrets.sh asks a cluster to create, as a kubectl on the path sees it."""
    found = re.findall(r"^secret (\S+) (.+)$", (K8S / "secrets.sh").read_text(), re.MULTILINE)
    return {name: set(keys.split()) for name, keys in found}


def test_each_consumer_has_a_secret_of_its_own_with_its_own_keys_only() -> None:
    assert "Secret" not in {each["kind"] for each in MANIFESTS}
    given = {name: secrets_of(pod) for name, pod in PODS.items()}
    consumers = {(name.split()[-1], secret) for name, (secret, _) in given.items()}
    same = {("trainer", "leeway-worker")}  # both start jobs, and know the key of Prefect's API
    assert consumers == same | {(name, f"leeway-{name}") for name in {name for name, _ in consumers} - {"trainer"}}
    assert dict(given.values()) == secrets_made()
    made = set(re.findall(r"\b\w+_(?:password|keys?|auth)\b", (INFRA / "secrets.sh").read_text())) - {"api_key"}
    assert set().union(*secrets_made().values()) == made
    holders = {key: {name for name, (_, keys) in given.items() if key in keys} for key in made}
    assert holders["signing_key"] == {"Job train"}
    assert holders["mlflow_serving_password"] == {"StatefulSet serve", "Job accounts"}
    assert holders["mlflow_pipeline_password"] == {"Job accounts", "Job run", "Job train"}
    assert holders["mlflow_admin_password"] == {"Deployment mlflow", "Job accounts"}
    assert holders["postgres_password"] == {"StatefulSet postgres"}


def test_the_script_of_secrets_gives_each_its_files(tmp_path: Path) -> None:
    tool, folder, calls = tmp_path / "kubectl", tmp_path / "secrets", tmp_path / "calls"
    tool.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n')
    tool.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    subprocess.run(["sh", str(K8S / "secrets.sh"), str(folder)], check=True, env=environment)
    created = [line for line in calls.read_text().splitlines() if " create secret generic " in line]
    given = {line.split(" generic ")[1].split()[0]: set(re.findall(r"--from-file=(\w+)=", line)) for line in created}
    assert given == secrets_made()
    assert all(f"{folder}/" in line for line in created)


@pytest.mark.parametrize("name", sorted(PODS))
def test_a_pod_reads_only_settings_and_secrets_that_it_has(name: str) -> None:
    pod, maps = PODS[name], all_of("ConfigMap")
    for container in pod["spec"]["containers"]:
        settings = {each["name"]: each.get("value") for each in container.get("env", [])}
        for each in container.get("envFrom", []):
            settings |= maps[each["configMapRef"]["name"]]["data"]
        files = {value for variable, value in settings.items() if variable.endswith("_FILE")}
        assert {f"/run/leeway/{key}" for key in secrets_of(pod)[1]} >= files
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
        volumes |= {"data"} if name == "StatefulSet postgres" else set()
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes
        assert settings["LEEWAY_SECRETS"] == "/run/leeway"


def test_a_service_account_that_is_named_exists() -> None:
    accounts = all_of("ServiceAccount").keys()
    used = {pod["spec"]["serviceAccountName"] for pod in PODS.values() if "serviceAccountName" in pod["spec"]}
    assert used == accounts


def component(pod: dict[str, Any]) -> str:
    return str(pod["metadata"]["labels"]["app.kubernetes.io/component"])


def chosen(selector: dict[str, Any], label: str) -> bool:
    expressions = selector.get("matchExpressions", [])
    wanted = selector.get("matchLabels", {}).get("app.kubernetes.io/component", label)
    return bool(wanted == label and all(each["operator"] == "In" and label in each["values"] for each in expressions))


def reaches(client: str, server: str, port: int) -> bool:
    """Judge as the cluster does: a pod that any policy selects may do only what some policy says, on both sides."""

    def open_for(direction: str, of: str, to: str) -> bool:
        side = {"Ingress": "from", "Egress": "to"}[direction]
        mine = [
            policy["spec"]
            for policy in all_of("NetworkPolicy").values()
            if direction in policy["spec"]["policyTypes"] and chosen(policy["spec"]["podSelector"], of)
        ]
        rules = [rule for each in mine for rule in each.get(direction.lower(), [])]
        return any(
            port in {entry["port"] for entry in rule["ports"]}
            and any("podSelector" in peer and chosen(peer["podSelector"], to) for peer in rule.get(side, []))
            for rule in rules
        )

    return open_for("Egress", client, server) and open_for("Ingress", server, client)


def test_pods_reach_what_they_need_and_nothing_else() -> None:
    components = {component(pod) for pod in PODS.values()}
    ports = {"postgres": 5432, "prefect": 4200, "mlflow": 5000, "serve": 8500}
    found = {
        (client, server)
        for client in components
        for server, port in ports.items()
        if client != server and reaches(client, server, port)
    }
    callers = {(client, server) for client in ("worker", "trainer", "run", "setup") for server in ("prefect", "mlflow")}
    assert found == callers | {("prefect", "postgres"), ("mlflow", "postgres"), ("serve", "mlflow")}


def test_the_service_is_reached_over_http_and_grpc() -> None:
    (container,) = all_of("StatefulSet")["serve"]["spec"]["template"]["spec"]["containers"]
    opened = {port["name"]: port["containerPort"] for port in container["ports"]}
    reached = {port["targetPort"]: port["port"] for port in all_of("Service")["serve"]["spec"]["ports"]}
    assert (opened, reached) == ({"http": 8500, "admin": 8501, "grpc": 8502}, {"http": 8500, "grpc": 8502})
    assert "--grpc-port=8502" in container["args"]


def test_predictions_are_for_pods_that_are_named_so_and_metrics_for_prometheus() -> None:
    (rules, metrics) = all_of("NetworkPolicy")["serve"]["spec"]["ingress"]
    peers = [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"leeway.serve/client": "true"}}}]
    assert (rules["from"], [each["port"] for each in rules["ports"]]) == (peers, [8500, 8502])
    assert metrics["from"][0]["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": "prometheus"}}
    assert [each["port"] for each in metrics["ports"]] == [8501]


def test_no_pod_of_the_service_is_started_before_a_project_asks_for_it() -> None:
    assert KUSTOMIZATION["replicas"] == [{"name": "serve", "count": 0}]


def test_a_pod_of_the_service_ends_after_its_requests_and_its_log_and_never_the_last_one() -> None:
    from tasks.serve.service_settings import CARRY_SECONDS, ServiceSettings

    serve, budget = all_of("StatefulSet")["serve"], all_of("PodDisruptionBudget")["serve"]["spec"]
    pod = serve["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    workers = ServiceSettings(projects=(), root="", trusted=()).worker_stop_seconds
    before_the_signal = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > before_the_signal + workers + CARRY_SECONDS
    probe = container["readinessProbe"]
    assert before_the_signal >= probe["periodSeconds"]  # no new connection comes once the signal does
    assert budget["selector"] == serve["spec"]["selector"]
    assert 0 < budget["minAvailable"] < serve["spec"]["replicas"]
    assert serve["spec"]["updateStrategy"] == {"type": "RollingUpdate"}  # one after the other, and each ready before
    paths = [container[each]["httpGet"]["path"] for each in ("startupProbe", "readinessProbe", "livenessProbe")]
    assert paths == ["/live", "/ready", "/live"]
    assert "LEEWAY_SIGNING_KEY_FILE" not in all_of("ConfigMap")["leeway-serve"]["data"]


def test_the_command_of_the_service_is_that_of_compose_and_its_options_exist() -> None:
    from typer.main import get_command

    from flows.cli.app import app

    compose = yaml.safe_load((INFRA / "compose.yaml").read_text())["services"]["serve"]["command"]
    pod = all_of("StatefulSet")["serve"]["spec"]["template"]["spec"]["containers"][0]["args"]
    command: Any = get_command(app)
    for words in (compose, pod):
        given = [part for word in words[2:] for part in word.split("=")]
        parsed = command.commands["serve"].make_context("serve", given).params
        assert (parsed["only_opted_in"], parsed["behind_proxy"], parsed["host"]) == (True, True, "0.0.0.0")  # noqa: S104
        assert parsed["land_rollouts"], "its account only reads the record"


def test_a_pod_that_is_started_again_goes_on_with_its_rollout_under_its_name() -> None:
    (container,) = all_of("StatefulSet")["serve"]["spec"]["template"]["spec"]["containers"]
    assert "--name=$(POD_NAME)" in container["args"]
    assert container["env"] == [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]


def test_a_service_leads_to_the_pod_of_its_name() -> None:
    for name, service in all_of("Service").items():
        (pod,) = [
            each for each in PODS.values() if service["spec"]["selector"].items() <= each["metadata"]["labels"].items()
        ]
        assert component(pod) == name
        ports = {port["name"]: port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}
        for published in service["spec"]["ports"]:
            assert ports[published.get("targetPort", published["name"])] == published["port"]


def test_the_databases_are_made_by_the_script_that_compose_runs() -> None:
    script = all_of("ConfigMap")["postgres-databases"]["data"]["databases.sh"]
    assert script == (INFRA / "postgres" / "databases.sh").read_text()


def test_the_template_of_runs_uses_the_variables_that_it_describes() -> None:
    from prefect.utilities.templating import find_placeholders

    used = {each.name for each in find_placeholders(POOL["job_configuration"])}
    assert used == POOL["variables"]["properties"].keys()


def test_the_template_leaves_open_only_what_does_not_change_the_code_that_runs() -> None:
    from importlib.resources import files

    known = json.loads(
        (files("prefect") / "server/api/collections_data/views/aggregate-worker-metadata.json").read_text()
    )
    own = known["prefect-kubernetes"]["kubernetes"]["default_base_job_configuration"]["variables"]["properties"]
    ours = POOL["variables"]["properties"]
    assert own.keys() - ours.keys() == {*ASKED_FOR, "cpu_limit"}  # a run that is throttled only ends later
    assert ours.keys() - own.keys() == {"deadline_seconds", "disk_request"}


@pytest.mark.parametrize("name", ["leeway", "leeway-train"])
def test_a_run_that_asks_for_another_image_command_account_or_secret_gets_the_pools(name: str) -> None:
    job, asked = run(pool(name)), run(pool(name), **ASKED_FOR)
    assert asked == job
    assert "env" not in pool(name)["job_configuration"]  # a worker would add the variables of a deployment to it
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert (container["image"], container["args"], container["env"]) == (
        "leeway:0.1.0",
        ["prefect", "flow-run", "execute"],
        [],
    )
    assert (pod["serviceAccountName"], job["metadata"]["namespace"]) == (
        {"leeway": "leeway-ingest", "leeway-train": "leeway-train"}[name],
        "leeway",
    )


def test_retrainings_have_a_pool_of_their_own_and_all_else_is_as_generated() -> None:
    generated = INFRA.parent / "deployments" / "prefect.yaml"
    command = [sys.executable, str(INFRA / "pools.py"), "deployments", str(generated)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    before, after = yaml.safe_load(generated.read_text()), yaml.safe_load(done.stdout)
    assert len(before["deployments"]) == len(after["deployments"])
    for old, new in zip(before["deployments"], after["deployments"], strict=True):
        retrains = new["entrypoint"] == "flows.retrain.retrain"
        assert new["work_pool"]["name"] == ("leeway-train" if retrains else "leeway")
        assert {**new, "work_pool": old["work_pool"]} == old
    workers = {component(pod): pod["spec"]["containers"][0].get("args", []) for pod in PODS.values()}
    pools = {name: workers[name][workers[name].index("--pool") + 1] for name in ("worker", "trainer")}
    assert pools == {"worker": "leeway", "trainer": "leeway-train"}


def test_a_retraining_has_more_memory_and_a_deployment_may_ask_for_more() -> None:
    def limits(job: dict[str, Any]) -> dict[str, str]:
        found: dict[str, str] = job["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
        return found

    assert [limits(RUN), limits(TRAIN)] == [{"memory": "4Gi"}, {"memory": "8Gi"}]
    assert limits(run(pool("leeway-train"), memory_limit="32Gi")) == {"memory": "32Gi"}


def test_one_image_is_named_everywhere_and_it_is_the_one_compose_builds() -> None:
    images = {each["image"] for pod in PODS.values() for each in pod["spec"]["containers"]}
    compose = yaml.safe_load((INFRA / "compose.yaml").read_text())["services"]
    assert images == {service["image"] for service in compose.values()}
    (own,) = KUSTOMIZATION["images"]
    assert {f"{own['name']}:{own['newTag']}"} == {image for image in images if image.startswith("leeway")}
    assert all_of("ConfigMap")["leeway"]["data"]["LEEWAY_IMAGE"] in images
