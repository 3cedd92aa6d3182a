"""Alerts and dashboard ask only for what a night says, and every alert was seen to fire and to be silent."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tasks.metrics_export import METRICS
from tasks.serve.processes.admin_app import AdminApp
from tasks.serve.processes.shared_counters import CounterLayout, SharedCounters, shared_memory
from tasks.serving_store import ServingStore

INFRA = Path(__file__).parents[2] / "infra"
PROMETHEUS = INFRA / "prometheus"
GROUPS = yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text())["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
TESTS = yaml.safe_load((PROMETHEUS / "alerts.test.yaml").read_text())["tests"]
DASHBOARD = json.loads((INFRA / "grafana" / "leeway.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="needs promtool (Debian's package prometheus)"
)


def of_service_text() -> str:
    """Return the metrics of a prediction service as its own page has them."""
    layout = CounterLayout(["shop"], workers=1)
    descriptor = shared_memory(layout)
    app = AdminApp(SharedCounters(layout, descriptor), ServingStore(Path("none"), ()), lambda: [True], lambda: 1, 0.3)
    os.close(descriptor)
    return "\n".join([*app._lines(), ""])


SERVICE = {
    sample.name: {*sample.labels, "instance"}
    for family in text_string_to_metric_families(of_service_text())
    for sample in family.samples
}
"""Its metrics, with their labels."""
LABELS = {**{name: {"project", *meaning.labels} for name, meaning in METRICS.items()}, **SERVICE}


def asked(expression: str) -> set[str]:
    return set(re.findall(r"\bleeway_\w+", expression))


def promtool(*words: str) -> None:
    done = subprocess.run(["promtool", *words], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_the_rules_do_what_their_tests_say() -> None:
    promtool("test", "rules", "alerts.test.yaml")


@needs_promtool
def test_prometheus_takes_the_configuration_with_its_rules() -> None:
    promtool("check", "config", "prometheus.yaml")


@needs_promtool
@pytest.mark.parametrize("query", QUERIES)
def test_a_query_of_the_dashboard_is_promql(query: str, tmp_path: Path) -> None:
    rule = {"record": "asked", "expr": query.replace("$project", ".*")}
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": [rule]}]}))
    promtool("check", "rules", str(tmp_path / "rules.yaml"))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_metrics_that_exist_and_says_what_to_do(rule: dict[str, Any]) -> None:
    assert asked(rule["expr"])
    assert asked(rule["expr"]) <= LABELS.keys()
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert set(rule["annotations"]) == {"summary", "action"}


@pytest.mark.parametrize("alert", [rule["alert"] for rule in RULES])
def test_an_alert_is_tried_firing_and_silent(alert: str) -> None:
    tried = [
        bool(case.get("exp_alerts")) for test in TESTS for case in test["alert_rule_test"] if case["alertname"] == alert
    ]
    assert set(tried) == {True, False}


def test_the_dashboard_shows_every_metric_but_those_it_says_otherwise_and_none_that_does_not_exist() -> None:
    shown = set().union(*map(asked, QUERIES))
    of_variables = set().union(*(asked(json.dumps(each["query"])) for each in DASHBOARD["templating"]["list"]))
    assert shown | of_variables <= LABELS.keys()
    left = {
        "leeway_night_due_timestamp_seconds",
        "leeway_approval_oldest_timestamp_seconds",
    }  # only the alerts need them
    parts = {f"leeway_serve_request_seconds_{part}" for part in ("sum", "count")}  # the buckets say more
    assert LABELS.keys() - shown - of_variables == left | parts


def test_a_query_asks_for_labels_that_its_metric_has() -> None:
    for query in QUERIES:
        for name, selector in re.findall(r"\b(leeway_\w+)\{([^}]*)\}", query):
            labels = set(re.findall(r"(\w+)[!=~]+\"", selector))
            assert labels <= LABELS[name], query


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_selects_values_of_labels_that_there_are(rule: dict[str, Any]) -> None:
    text = of_service_text()
    for name, selector in re.findall(r"\b(leeway_serve_\w+)\{([^}]*)\}", rule["expr"]):
        for label, pattern in re.findall(r"(\w+)=~\"([^\"]+)\"", selector):
            values = set(re.findall(rf'{name}\{{.*?{label}="([^"]+)"', text))
            assert all(any(re.fullmatch(one, value) for value in values) for one in pattern.split("|")), pattern


def test_every_query_has_the_project_and_the_source() -> None:
    of_the_whole_service = {name for name, labels in SERVICE.items() if "project" not in labels}
    for query in QUERIES:
        assert 'project=~"$project"' in query or asked(query) <= of_the_whole_service
    assert {target["datasource"]["uid"] for panel in PANELS for target in panel["targets"]} == {"${source}"}


def test_panels_have_their_own_ids_and_places() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    cells = [
        (x, y)
        for panel in PANELS
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
