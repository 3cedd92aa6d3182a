from __future__ import annotations

import pandas as pd
import pytest
from pydantic import ValidationError

from tasks.errors import SpecError
from tasks.spec.project_spec import ProjectSpec
from tasks.spec.reading.read_spec import parse_spec
from tasks.validate.typing.typed_frame import typed

GOOD = """\
project: houses
scope: {owner: pricing, objective: Suggest a price., metric: mean_absolute_error}
source: {uri: landing, id: [sale], event_time: date, label: {column: price}}
features:
  numbers: [area, rooms]
  categories:
    - zip
"""


FILES = GOOD.replace("label: {column: price}", "label: {column: price}, files: {column: picture}")
GUARDED = (
    "serving: {log: true}\nfeedback: {events: {redone: 0.03}}\n"
    "rollout: {strategy: canary, guardrails: {redone: {may_rise: 0.02}}}\n"
)
MADE = FILES + "  function: features:of_files\n  made: {numbers: [light]}\n"


def faults(text: str) -> list[str]:
    with pytest.raises(SpecError) as refused:
        parse_spec(text, "p.yaml")
    return refused.value.faults


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (GOOD + "    - price\n", "p.yaml:8: the label 'price' is also a feature"),
        (GOOD + "    - date\n", "p.yaml:8: event_time 'date' is also a feature"),
        (GOOD + "    - area\n", "p.yaml:8: feature 'area' is named twice"),
        (GOOD.replace("[sale]", "[sale, sale]"), "p.yaml:3: id column 'sale' is named twice"),
        (GOOD + "scoring: {table: answers}\n", "p.yaml:8: scoring.output is None, and a table is named"),
        (GOOD + "scoring: {output: out, table: answers}\n", "p.yaml:8: scoring.output is 'out', and a table is named"),
        (GOOD + "scoring: {output: 'env:OUT'}\n", "p.yaml:8: scoring.output names a database; say in scoring.table"),
        (
            GOOD + "scoring: {output: 'postgresql://me:secret@db/x', table: answers}\n",
            "p.yaml:8: scoring.output has a password; expected `env:NAME`",
        ),
        (
            GOOD + "scoring: {output: 'env:OUT', table: a.b.c}\n",
            "p.yaml:8: scoring.table is 'a.b.c'; expected `name` or `schema.name`",
        ),
        (
            GOOD + "scoring: {output: 'env:OUT', table: answers, rename: {row_id: batch_id}}\n",
            "p.yaml:8: scoring.rename has 'batch_id', which the table has already",
        ),
        (GOOD.replace("landing", "env:ROWS"), "p.yaml:3: source.uri names a database; say in source.database"),
        (GOOD + "serving: {labels: true}\n", "p.yaml:8: serving.labels takes labels apart from their rows"),
        (GOOD + "serving: {log: true, uri: landing/served}\n", "p.yaml:8: serving.uri 'landing/served' and 'landing'"),
        (
            GOOD + "rollout: {strategy: canary, entity: area}\n",
            "p.yaml:8: rollout.entity is 'area'; expected a column of",
        ),
        (
            GOOD + GUARDED.replace("redone: {may_rise", "sold: {may_rise"),
            "p.yaml:10: rollout.guardrails has 'sold'; expected an event of feedback.events or 'null-answers'",
        ),
        (GOOD + GUARDED.replace("0.02", "0.02, may_fall: 1e-3"), "p.yaml:10: rollout.guardrails.redone needs one of"),
        (
            GOOD + GUARDED.replace("canary", "blue_green"),
            "p.yaml:10: rollout.guardrails compare users of both versions",
        ),
        (GOOD + GUARDED.replace("log: true", "feedback: true"), "p.yaml:10: rollout.guardrails rest on the prediction"),
        (
            GOOD + "privacy: {pseudonymise: [zip]}\nrollout: {strategy: canary}\n",
            "p.yaml:9: rollout.strategy is 'canary', but projects with privacy.pseudonymise are not served yet",
        ),
        (GOOD.replace("[sale]", "[sale, price]"), "p.yaml:3: the label 'price' is also part of source.id"),
        (FILES, "p.yaml:3: source.files names files, but nothing is made of them; name the function"),
        (MADE.replace("column: picture", "column: zip"), "p.yaml:3: source.files.column is 'zip', which is a feature"),
        (MADE.replace("column: picture", "column: light"), "p.yaml:3: source.files.column is 'light', which is a feat"),
        (
            MADE.replace("column: picture", "column: picture, sha256: price"),
            "p.yaml:3: source.files.sha256 is 'price', which is a feature, a group, the event time or the label",
        ),
        (
            MADE.replace("column: picture", "column: picture, sha256: picture"),
            "p.yaml:3: source.files.sha256 and column are both 'picture'",
        ),
        (
            MADE.replace("column: picture", "column: picture, object_mb: 9, chunk_mb: 8"),
            "p.yaml:3: source.files.chunk_mb 8 is below object_mb 9; one file must fit",
        ),
        (
            MADE + "privacy: {pseudonymise: [picture]}\n",
            "p.yaml:3: source.files.column is 'picture', which privacy hides, so that no file is found",
        ),
        (
            MADE.replace("uri: landing", "uri: env:SHOP, database: {table: rides, changed_at: at}"),
            "p.yaml:3: source.files are next to deliveries, but the rows come from a database",
        ),
        *(
            (
                MADE.replace("column: picture", f"column: picture, folder: '{folder}'"),
                f"p.yaml:3: source.files.folder: found '{folder}'; expected a folder of the landing zone",
            )
            for folder in ("../files", "/files", "files/", "a//b", ".")
        ),
        (GOOD.replace("column: price", "column: date"), "p.yaml:3: the label 'date' is also event_time"),
        (
            GOOD.replace("mean_absolute_error", "log_loss"),
            "p.yaml:2: scope.metric 'log_loss' does not fit training.task",
        ),
        (
            GOOD + "metrics:\n  - use: r2\n  - use: roc_auc\n",
            "p.yaml:10: metric 'roc_auc' does not fit training.task 'regression'; known for it: root_mean_squared",
        ),
        (GOOD.replace("metric:", "weight: area, metric:"), "p.yaml:2: scope.weight names 'area', which has another"),
        (GOOD.replace("metric:", "weight: sale, metric:"), "p.yaml:2: scope.weight names 'sale', which has another"),
        (
            GOOD.replace("metric:", "weight: amount, metric:") + "serving: {log: true}\n",
            "p.yaml:2: scope.weight names 'amount', which requests to the prediction service do not have",
        ),
        (
            GOOD.replace("metric:", "weight: amount, metric:")
            + "metrics: [{use: 'mine:score', higher_is_better: true}]\n",
            "p.yaml:8: metric 'mine:score' is a function of the project, which gets no weights of rows",
        ),
        (GOOD + "fairness: {groups: [area]}\n", "p.yaml:8: fairness.groups names 'area', a number or a date"),
        (GOOD + "fairness: {groups: [sale]}\n", "p.yaml:8: fairness.groups names 'sale', an id, a time, the label"),
        (
            GOOD + "split: {group: zip}\nfairness: {groups: [zip]}\n",
            "p.yaml:9: fairness.groups names 'zip', the entities of split.group",
        ),
        (GOOD + "fairness: {groups: [sex, sex]}\n", "p.yaml:8: fairness.groups names 'sex' twice"),
        (GOOD + "fairness: {limits: {error: 1}}\n", "p.yaml:8: fairness.limits is set, but fairness.groups names no"),
        (
            GOOD + "privacy: {drop: [sex]}\nfairness: {groups: [sex]}\n",
            "p.yaml:9: fairness.groups names 'sex', which privacy hides",
        ),
        (
            GOOD + "serving: {log: true}\nfairness: {groups: [sex]}\n",
            "p.yaml:9: fairness.groups names 'sex', which requests to the prediction service do not have",
        ),
        (
            GOOD + "fairness: {groups: [zip], limits: {selection_rate: 0.1}}\n",
            "p.yaml:8: fairness.limits.selection_rate is about two classes",
        ),
        (GOOD + "metrics: [{use: r2}, {use: r2}]\n", "p.yaml:8: metrics names 'r2' twice"),
        (GOOD + "training: {half_lives_days: []}\n", "p.yaml:8: training.time_treatments has 'recency' but"),
        (GOOD + "privacy:\n  drop: [name, area]\n", "p.yaml:9: privacy.drop names 'area'"),
        (GOOD + "privacy:\n  drop: [price]\n", "p.yaml:9: privacy.drop names 'price'"),
        (GOOD + "privacy:\n  pseudonymise: [zip, area]\n", "p.yaml:9: privacy.pseudonymise names 'area'"),
        (GOOD + "gate:\n  slices: [zip, colour]\n", "p.yaml:9: gate.slices names 'colour'"),
        (GOOD + "compute: {address: 'tcp://h:1'}\n", "p.yaml:8: compute.address is a Dask scheduler"),
        (
            GOOD.replace("price}", "price, delay_days: 14}") + "monitoring:\n  cooldown_days: 7\n",
            "p.yaml:9: monitoring.cooldown_days 7 is below source.label.delay_days 14",
        ),
        (
            GOOD.replace("price}", "price, delay_days: 60}"),
            "p.yaml:3: monitoring.cooldown_days 28 is below source.label.delay_days 60",
        ),
        (GOOD.split("features", maxsplit=1)[0] + "features: {}\n", "p.yaml:4: no feature is named"),
    ],
)
def test_a_contradiction_is_reported_on_the_line_that_was_written(written: str, message: str) -> None:
    (fault,) = faults(written)
    assert fault.startswith(message)


def test_a_binary_task_refuses_a_log_scale_and_a_regression_metric_at_once() -> None:
    message = faults(GOOD + "training:\n  task: binary\n  target_scale: log\n")
    assert [fault.split(" ")[0:2] for fault in message] == [
        ["p.yaml:2:", "scope.metric"],
        ["p.yaml:10:", "training.target_scale"],
    ]


def test_contradictions_are_reported_with_other_faults() -> None:
    message = faults(GOOD + "    - price\ngate: {slices: [colour], min_rows: abc}\nextra: 1\n")
    assert [fault.split(" ")[0] for fault in message] == ["p.yaml:8:", "p.yaml:9:", "p.yaml:9:", "p.yaml:10:"]


def test_a_faulty_key_is_not_blamed_for_what_its_default_contradicts() -> None:
    text = GOOD.replace("price}", "price, delay_days: 60}") + "monitoring: {cooldown_days: soon}\n"
    assert [fault.split(" ")[0:2] for fault in faults(text)] == [["p.yaml:8:", "monitoring.cooldown_days:"]]


def test_a_spec_built_in_code_is_refused_too() -> None:
    spec = parse_spec(GOOD, "p.yaml").model_dump()
    spec["features"]["numbers"].append("price")
    with pytest.raises(ValidationError, match="the label 'price' is also a feature"):
        ProjectSpec.model_validate(spec)


def test_a_column_that_only_defines_groups_is_delivered_with_the_rows_and_read_as_text() -> None:
    spec = parse_spec(GOOD + "fairness: {groups: [zip, sex]}\n", "p.yaml")
    assert (spec.group_columns, spec.row_columns[-2:]) == (["sex"], ["sex", "price"])
    assert "sex" not in spec.features.learned
    rows = pd.DataFrame({name: ["1"] for name in spec.row_columns}).assign(date="2026-01-01", sex=[2])
    assert typed(rows, spec).frame["sex"].tolist() == ["2"]
