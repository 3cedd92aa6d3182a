"""A bundle for Python answers as the nightly batch does, with the standard library alone, or not at all."""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.bundle import bundle_files
from tasks.bundle.bundle_plan import checksum
from tasks.bundle.raw_limits import limits_of, scores_of
from tasks.bundle.runtimes.answering_bundle import Bundle
from tasks.bundle.runtimes.bundle_content import DATA_FILE, MANIFEST_FILE, BundleError
from tasks.errors import DataError
from tasks.inference.answer_scale import predictions_from_scores
from tasks.inference.matrix_model import decision_threshold
from tasks.row_contract import RowRefused
from tasks.serve.served_version import ServedVersion
from tests.unit.bundle.bundles import (
    KINDS,
    MADE_ON,
    STALE_ON,
    answering,
    bundled_kind,
    files_of,
    packaged_kind,
    random_rows,
    written,
)
from tests.unit.serve.packages import ROW

ALONE = (sys.executable, "-s", "-S", "-E")  # without site-packages: the standard library is all there is
TODAY = date(2026, 12, 24)


def ran(folder: Path, *words: str, given_text: str = "") -> subprocess.CompletedProcess[str]:
    command = [*ALONE, str(folder / "leeway.py"), *words]
    return subprocess.run(
        command, input=given_text, capture_output=True, text=True, errors="surrogateescape", check=False, timeout=60
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model_answers_as_the_service(kind: str) -> None:
    package, files = packaged_kind(kind)
    served, bundle = ServedVersion(package, files), answering(bundled_kind(kind))
    rows = random_rows(150)
    deferred = 0
    for row in rows:
        try:
            typed = served.reader.read(row)
        except RowRefused as refusal:
            reasons = sorted({fault.reason for fault in refusal.faults})
        else:
            reasons = []
        if reasons:
            assert bundle.found(row) == {"refused": reasons}
            continue
        answer, asked = bundle.answer(row, TODAY), served.answers([typed])[0].answer
        asked.pop("reasons", None)
        assert answer.keys() == asked.keys()
        deferred += answer["deferred"]
        shares = answer.pop("probabilities", None), asked.pop("probabilities", None)
        assert (shares[0] or {}) == pytest.approx(shares[1] or {}, rel=1e-12)
        for name, value in answer.items():
            assert value == (pytest.approx(asked[name], rel=1e-12) if isinstance(value, float) else asked[name])
    assert (deferred > 5) == (kind in {"regression", "binary"})


@pytest.mark.parametrize("kind", ["binary", "forest"])
@given(place=st.integers(-3, 3), other=st.floats(-40, 40))
def test_a_limit_of_the_sums_decides_as_the_batch_does_on_both_sides(kind: str, place: int, other: float) -> None:
    schema = bundled_kind(kind).schema
    limits = limits_of(schema, exponential=False)

    def decides(raw: float) -> bool:
        scores = scores_of(np.array([raw]), schema, exponential=False)
        return bool(predictions_from_scores(scores, schema)[0] >= decision_threshold(schema))

    near = limits["decide_from"]
    for _ in range(abs(place)):
        near = math.nextafter(near, math.copysign(math.inf, place))
    for raw in (near, other):
        assert decides(raw) == (raw >= limits["decide_from"])


def test_it_runs_where_nothing_is_installed(tmp_path: Path) -> None:
    folder = written(tmp_path, "binary", "python")
    tested = ran(folder, "selftest")
    assert (tested.returncode, tested.stdout) == (0, "flats version 1: 400 reference rows, every bit the same\n")
    lines = [json.dumps(ROW), "{", "[1]", json.dumps(ROW | {"area": "big"})]
    answered = [json.loads(line) for line in ran(folder, "answer", given_text="\n".join(lines)).stdout.splitlines()]
    assert answered[0] == Bundle.open(folder).answer(ROW)
    assert [[fault["reason"] for fault in each["refused"]] for each in answered[1:]] == [
        ["not_a_row"],
        ["not_a_row"],
        ["not_a_number:area"],
    ]
    assert ran(folder, "please").returncode == 2
    assert not (folder / "__pycache__").exists()


def test_a_line_that_is_no_row_is_refused_and_the_next_one_answered(tmp_path: Path) -> None:
    folder = written(tmp_path, "linear", "python")
    lines = ["[" * 100_000, "\udcff", '{"area": "\udcff"}', "", "9" * 5000, json.dumps(ROW)]
    done = ran(folder, "answer", given_text="\n".join(lines))
    *refused, answered = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, "")
    assert [each["refused"][0]["reason"] for each in refused] == ["not_a_row"] * 5
    assert answered == Bundle.open(folder).answer(ROW)


def test_a_folder_without_a_whole_manifest_is_no_bundle(tmp_path: Path) -> None:
    folder = written(tmp_path, "linear", "python")
    manifest = (folder / MANIFEST_FILE).read_bytes()
    for damaged in (manifest[:99], b"", b"[]", b'{"files": 3}', b'{"files": {"a": 3}}', b"\xff", b"[" * 100_000, b"{}"):
        (folder / MANIFEST_FILE).write_bytes(damaged)
        with pytest.raises(BundleError, match=r"manifest\.json is missing or damaged"):
            Bundle.open(folder)
    (folder / MANIFEST_FILE).write_bytes(b'{"files": {}}')
    with pytest.raises(BundleError, match=r"does not list bundle\.leeway"):
        Bundle.open(folder)
    (folder / MANIFEST_FILE).unlink()
    done = ran(folder, "answer", given_text="{}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: manifest.json is missing or damaged (FileNotFoundError); copy the bundle again\n"


def test_one_differing_bit_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path, "linear", "python")
    for name in (DATA_FILE, "leeway_row_rules.py"):
        content = (folder / name).read_bytes()
        place = content.index(b"Great Expectations") if name.endswith(".py") else len(content) - 9  # in a docstring
        (folder / name).write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        tested = ran(folder, "selftest")
        assert (tested.returncode, tested.stderr.partition("; ")[0]) == (
            1,
            f"error: {name} has changed since the bundle was written, or is missing",
        )
        with pytest.raises(BundleError, match=name):
            Bundle.open(folder)
        (folder / name).write_bytes(content)
    Bundle.open(folder)
    data = (folder / DATA_FILE).read_bytes()
    for damaged in (data[:-1], data.replace(b"flats", b"flots", 1), b"", data.partition(b"\n")[2]):
        with pytest.raises(BundleError):
            Bundle(damaged)


def test_an_answer_that_differs_by_one_bit_from_its_reference_is_named() -> None:
    content = json.loads(files_of("linear", "python")[DATA_FILE].partition(b"\n")[2])
    place, found = next((n, each["found"]) for n, each in enumerate(content["references"]) if "sums" in each["found"])
    found["sums"][0] = math.nextafter(found["sums"][0], math.inf)
    changed = wrapped(content)
    with pytest.raises(BundleError, match=rf"sums of reference {place} is \[.*\], not .*\(1 differences\)"):
        Bundle(changed).selftest()


def test_a_version_that_answers_otherwise_than_the_batch_is_not_bundled() -> None:
    bundled = bundled_kind("linear")
    with pytest.raises(DataError, match=r"does not answer as the nightly batch: row \d+: score"):
        bundle_files("python", replace(bundled, model=bundled.model[:-1] + b"\x3e"), b"")


def test_from_its_day_on_a_bundle_leaves_every_row_to_a_person() -> None:
    bundle = answering(bundled_kind("linear"))
    person = {"id": "7|2026-02-03", "prediction": None, "deferred": True, "stale": True}
    assert bundle.answer(ROW, STALE_ON) == person
    assert bundle.answer(ROW, date(2026, 11, 28)) == person  # the clock is wrong: the bundle was made later
    for day in (date(2026, 11, 29), MADE_ON, date(2027, 5, 28)):
        assert bundle.answer(ROW, day)["prediction"] is not None
    assert not answering(bundled_kind("linear", stale_on=None)).answer(ROW, date(2099, 1, 1))["deferred"]


def test_a_machine_without_the_time_zone_is_named() -> None:
    content = json.loads(files_of("linear", "python")[DATA_FILE].partition(b"\n")[2])
    content["contract"]["time_zone"] = "Mars/Olympus"
    with pytest.raises(BundleError, match="does not know the time zone Mars/Olympus; install"):
        Bundle(wrapped(content))


def wrapped(content: Any) -> bytes:
    """Return the file of a bundle with a content, and its right digests."""
    body = json.dumps(content).encode()
    return f"leeway-bundle 3 {checksum(body)} {hashlib.sha256(body).hexdigest()}\n".encode() + body


def test_each_degree_of_automation_shows_what_it_allows() -> None:
    package, _ = packaged_kind("regression")
    contract = package.row_contract
    rows = [ROW | {"flat": number, "area": 30.0 + 5 * number} for number in range(20)]
    made = {}
    for degree in ("assist", "partial", "full"):
        changed = msgspec.Raw(msgspec.json.encode(msgspec.structs.replace(contract, degree=degree)))
        bundle = answering(bundled_kind("regression", package=msgspec.structs.replace(package, contract=changed)))
        made[degree] = [bundle.answer(row, TODAY) for row in rows]
    assert all(answer["deferred"] and answer["proposal"] for answer in made["assist"])
    assert not any(answer["deferred"] for answer in made["full"])
    assert {answer["deferred"] for answer in made["partial"]} == {True, False}
    for unsure, shown in zip(made["partial"], made["full"], strict=True):
        assert unsure["prediction"] == (None if unsure["deferred"] else shown["prediction"])


def test_a_function_of_lambda_answers_events_and_requests(tmp_path: Path) -> None:
    folder = written(tmp_path, "multiclass", "lambda")
    code = f"""
import base64, json, sys
sys.path.insert(0, {str(folder)!r})
from lambda_function import handler
row = json.loads(sys.argv[1])
events = [
    {{"row": row}}, {{"rows": [row, row]}}, {{"body": json.dumps({{"row": row}})}},
    {{"body": base64.b64encode(json.dumps({{"row": row}}).encode()).decode(), "isBase64Encoded": True}},
    {{"body": "{{"}}, {{"body": None}}, {{"rows": 3}}, {{"row": row, "rows": []}},
    {{"body": "[" * 100000}}, {{"body": {{"row": row}}}}, {{"body": "/w==", "isBase64Encoded": True}}, 3,
    {{"body": json.dumps({{"row": {{"area": "big"}}}})}},
]
print(json.dumps([handler(event) for event in events]))
"""
    done = subprocess.run([*ALONE, "-c", code, json.dumps(ROW)], capture_output=True, text=True, check=True, timeout=60)
    one, two, request, encoded, *refused = json.loads(done.stdout)
    answer = Bundle.open(folder).answer(ROW)
    assert one == {"project": "flats", "version": 1, "answer": answer}
    assert two["answers"] == [answer, answer]
    assert (request["statusCode"], json.loads(request["body"])) == (200, one)
    assert encoded == request
    codes = [each.get("error") or json.loads(each["body"])["error"] for each in refused]
    assert [code["code"] for code in codes] == [
        *("not_json", "not_json", "no_rows", "no_rows", "not_json", "not_json", "not_json", "no_rows", "row_refused"),
    ]
    assert [each["statusCode"] for each in refused[4:7]] == [400, 400, 400]
    assert refused[-1]["statusCode"] == 422
    assert {fault["reason"] for fault in codes[-1]["faults"]} == {
        "not_a_number:area",
        "missing_id:flat",
        "missing_id:day",
    }


def test_a_bundle_for_onnxruntime_has_the_same_bits(tmp_path: Path) -> None:
    folder = written(tmp_path, "binary", "onnx")
    graph, bundle = Bundle.open(folder), answering(bundled_kind("binary"))
    for row in random_rows(100):
        assert graph.found(row) == bundle.found(row)
