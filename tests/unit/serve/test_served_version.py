"""A version is served only if it answers as the nightly batch, bit for bit."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pytest

from tasks.dataset.hidden_answers import are_audited, were_hidden
from tasks.errors import DataError, EvidenceError
from tasks.inference.schema_parts import ConformalInterval
from tasks.model import Predictor
from tasks.score.prediction_rows import as_proposals, predictions
from tasks.serve.served_version import ServedVersion
from tasks.serving_store import ServingStore, public_keys
from tasks.spec.spec_sections.answer_sections import Automation
from tests.unit.serve.packages import ROW, fitted, package_of, spec_of, write_suite

KINDS = ("regression", "binary", "multiclass", "forest", "linear", "xgboost")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("flats")
    write_suite(made)
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model_repeats_the_answers_of_the_batch(kind: str, folder: Path) -> None:
    package, files = package_of(folder, fitted(kind))
    answered = [reference.answer for reference in package.references if reference.answer is not None]
    codes = {code for reference in package.references for code in reference.refused}
    assert len(answered) > 100
    assert len({answer.prediction for answer in answered}) > (1 if kind in {"multiclass", "xgboost"} else 10)
    assert {"not_a_number:area", "expect_column_values_to_not_be_null:area", "not_a_time:day"} <= codes
    if kind in {"regression", "binary"}:
        assert {answer.deferred for answer in answered} == {True, False}
        assert any(answer.reasons for answer in answered)
    ServedVersion(package, files).prove(package.references)


ROWS = [ROW | {"flat": number, "area": 30.0 + 5 * number} for number in range(20)]


def answers_under(degree: str, folder: Path, **shares: float) -> list[dict[str, Any]]:
    package, files = package_of(folder, fitted("regression"), automation={"degree": degree, **shares})
    version = ServedVersion(package, files)
    version.prove(package.references)
    return [one.answer for one in version.answers([version.reader.read(row) for row in ROWS])]


@pytest.mark.parametrize("degree", ["human", "shadow"])
def test_people_who_decide_without_the_model_are_shown_nothing_of_it(degree: str, folder: Path) -> None:
    assert answers_under(degree, folder) == [
        {"id": f"{number}|2026-02-03", "prediction": None, "deferred": True} for number in range(20)
    ]


def test_each_degree_shows_what_it_allows(folder: Path) -> None:
    assist, partial, full = (answers_under(degree, folder) for degree in ("assist", "partial", "full"))
    assert all(answer["deferred"] and answer["proposal"] for answer in assist)
    assert not any(answer["deferred"] for answer in full)
    assert [answer["prediction"] for answer in assist] == [answer["prediction"] for answer in full]
    assert {answer["deferred"] for answer in partial} == {True, False}
    for answer, shown in zip(partial, full, strict=True):
        assert answer["prediction"] == (None if answer["deferred"] else shown["prediction"])
        assert ("reasons" in answer) == answer["deferred"]


def with_interval(kind: str) -> Predictor:
    model = fitted(kind)
    return replace(model, schema=replace(model.schema, interval=ConformalInterval(0.9, reach=0.25, rows=200)))


@pytest.mark.parametrize("kind", ["regression", "linear"])
def test_an_answer_has_the_bounds_of_the_batch_bit_for_bit(kind: str, folder: Path) -> None:
    model = with_interval(kind)
    version = ServedVersion(*package_of(folder, model))
    typed = [version.reader.read(row) for row in ROWS]
    shown = [one.answer for one in version.answers(typed) if one.answer["prediction"] is not None]
    assert shown
    frame = pd.DataFrame(ROWS).assign(batch_id="b", revision=1, event_date=date(2026, 2, 3))
    frame = frame.assign(row_id=[row.row_id for row in typed])
    batch = predictions(frame, model, 1, "champion", datetime(2026, 2, 4, tzinfo=UTC)).set_index("row_id")
    for answer in shown:
        names = ["prediction", "lower", "upper"]
        expected = batch.loc[[answer["id"]], names].to_numpy(float)[0]
        assert [answer[name].hex() for name in names] == [value.hex() for value in expected.tolist()]
        assert answer["lower"] < answer["prediction"] < answer["upper"]
    assert not {"lower", "upper"} & set(answers_under("full", folder)[0])


def test_a_blind_share_is_not_proposed_and_an_audited_share_is_answered_and_marked(folder: Path) -> None:
    shown, blind = answers_under("assist", folder), answers_under("assist", folder, blind_share=0.5)
    hidden = {"prediction": None, "deferred": True}
    assert 0 < sum("proposal" in answer for answer in blind) < len(blind)
    assert all(one in (both, {"id": both["id"], **hidden}) for one, both in zip(blind, shown, strict=True))
    partial, audited = answers_under("partial", folder), answers_under("partial", folder, audit_share=0.5)
    assert [{**answer, "audit": True} if "audit" in answer else answer for answer in partial] == partial
    assert [{name: answer[name] for name in answer if name != "audit"} for answer in audited] == partial
    marked = [answer for answer in audited if "audit" in answer]
    assert 0 < len(marked) < len(audited)
    assert not any(answer["deferred"] for answer in marked)


def test_the_service_and_the_night_draw_the_same_rows(folder: Path) -> None:
    blind = answers_under("assist", folder, blind_share=0.5)
    rows = pd.DataFrame({"row_id": [answer["id"] for answer in blind], "prediction": 0.5, "deferred": False})
    assist = Automation(degree="assist", blind_share=0.5)
    hidden = ["proposal" not in answer for answer in blind]
    assert were_hidden(rows, assist).tolist() == hidden
    assert as_proposals(rows, assist.blind_share)["prediction"].isna().tolist() == hidden
    audited = answers_under("full", folder, audit_share=0.5)
    assert are_audited(rows, Automation(degree="full", audit_share=0.5)).tolist() == [
        "audit" in each for each in audited
    ]


def test_a_reference_that_differs_in_one_bit_is_refused(folder: Path) -> None:
    package, files = package_of(folder, fitted("linear"))
    place, reference = next((place, each) for place, each in enumerate(package.references) if each.answer is not None)
    assert reference.answer is not None
    next_number = math.nextafter(float.fromhex(reference.answer.prediction), math.inf).hex()
    changed = msgspec.structs.replace(
        reference, answer=msgspec.structs.replace(reference.answer, prediction=next_number)
    )
    references = (*package.references[:place], changed, *package.references[place + 1 :])
    version = ServedVersion(package, files)
    with pytest.raises(EvidenceError, match=f"prediction of .* is .*, not {re.escape(next_number)}"):
        version.prove(references)
    refused = next(each for each in package.references if each.refused)
    with pytest.raises(EvidenceError, match=r"is refused for .*, not"):
        version.prove((msgspec.structs.replace(refused, refused=("another",)), reference))
    with pytest.raises(EvidenceError, match="no reference request is accepted"):
        version.prove((refused,))


def test_what_a_worker_cannot_do_yet_is_named(folder: Path) -> None:
    timed = spec_of().source.model_copy(update={"time_format": "%d.%m.%Y"})
    cases: list[tuple[dict[str, Any], str]] = [
        ({"privacy": {"pseudonymise": ["city"]}}, "the secret key"),
        (
            {"features": {"numbers": ["area"]}, "source": timed.model_dump(exclude_unset=True)},
            "times in ISO 8601.*no longer has the columns",
        ),
    ]
    for changes, reason in cases:
        write_suite(folder, [])
        with pytest.raises(DataError, match=reason):
            package_of(folder, fitted("linear"), **changes)
    write_suite(folder)


@pytest.mark.parametrize("pattern", [r"^c\d{4}$", r"^(flat|house)-[^a-z]+x?$", r"\w{2,3}\W.[A-F0-9]{8}"])
def test_reference_requests_have_keys_that_the_contract_accepts(pattern: str, tmp_path: Path) -> None:
    write_suite(tmp_path, [("expect_column_values_to_match_regex", {"column": "flat", "regex": pattern})])
    package, _ = package_of(tmp_path, fitted("linear"))
    assert sum(reference.answer is not None for reference in package.references) > 300


def test_a_package_of_protocol_1_is_read_and_proven() -> None:
    frozen = Path(__file__).parent / "frozen" / "protocol_1"
    store = ServingStore(frozen, public_keys([(frozen / "public.pem").read_text()]))
    route = store.route("flats")
    assert route is not None
    assert (route.serial, route.version) == (1, 1)
    package, files = store.package("flats", route.package)
    version = ServedVersion(package, files)
    asked = [(version.reader.read(each.row), each.answer) for each in package.references if each.answer is not None]
    assert len(asked) > 20
    for row, answer in asked:  # other processors may round the last bit in another way
        assert row.row_id == answer.row_id
        wanted = float.fromhex(answer.prediction)
        assert version.answers([row])[0].answer["prediction"] == pytest.approx(wanted, rel=1e-12)
