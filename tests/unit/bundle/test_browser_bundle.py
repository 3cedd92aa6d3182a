"""The page of a bundle answers in a browser, from a file, without a network, with the bits of Python."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tasks.bundle.browser_files import browser_files, browser_references, page
from tasks.bundle.bundle_plan import bundle_data, bundle_plan
from tasks.bundle.runtimes.bundle_content import DATA_FILE
from tests.unit.bundle.bundles import KINDS, answering, bundled_kind, files_of, random_rows, written
from tests.unit.bundle.hostile import hostile_rows, hostile_version, with_references

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DESKTOP, PHONE = 1400, 390


def opened(browser: Browser, path: Path, width: int = DESKTOP) -> Page:
    """Open a page without a network; an error in it fails the test."""
    found = browser.new_context(viewport={"width": width, "height": 800}, offline=True).new_page()
    found.goto(path.as_uri())
    found.wait_for_function("document.documentElement.dataset.ready")
    return found


def is_ready(found: Page) -> bool:
    return bool(found.evaluate("document.documentElement.dataset.ready") == "yes")


def fill(found: Page, values: dict[str, str]) -> None:
    labels = dict(found.eval_on_selector_all("#fields label", "all => all.map(l => [l.textContent, l.htmlFor])"))
    for name, value in values.items():
        control = found.locator(f"#{labels[name]}")
        if control.evaluate("each => each.tagName") == "SELECT":
            control.select_option(value)
        else:
            control.fill(value)
    found.get_by_role("button", name="Answer").click()


@pytest.mark.parametrize("kind", KINDS)
def test_generated_rows_have_the_bits_of_python(kind: str, browser: Browser, tmp_path: Path) -> None:
    found = opened(browser, written(tmp_path, kind, "browser") / "index.html")
    assert is_ready(found)
    bundle, rows = answering(bundled_kind(kind)), random_rows(3000 if kind == "regression" else 500)
    answered = found.evaluate("rows => rows.map(leeway.found)", rows)
    refused = 0
    for row, shown in zip(rows, answered, strict=True):
        wanted = bundle.found(row)
        refused += "refused" in wanted
        rounded = shown.pop("prediction", 0.0), wanted.pop("prediction", 0.0)
        assert shown == wanted
        assert rounded[0] == pytest.approx(rounded[1], rel=1e-13)
    assert 0 < refused < len(rows) / 2
    found.context.close()


def test_a_person_fills_in_the_form_at_a_desk_and_on_a_phone(browser: Browser, tmp_path: Path) -> None:
    path = written(tmp_path, "regression", "browser") / "index.html"
    for width in (DESKTOP, PHONE):
        found = opened(browser, path, width)
        assert found.evaluate("document.documentElement.scrollWidth") <= width
        found.get_by_role("button", name="Answer").click()
        assert "Not answered" in found.inner_text("#answer")
        assert found.locator("[aria-invalid=true]").count() == 1
        fill(found, {"area": "71.5", "rooms": "3", "city": "Bonn", "garden": "true", "day": "2026-02-03"})
        row = {"flat": 1, "area": 71.5, "rooms": 3, "city": "Bonn", "garden": True, "day": "2026-02-03"}
        price = answering(bundled_kind("regression")).answer(row, bundled_kind("regression").made_on)["prediction"]
        assert found.locator("[aria-invalid=true]").count() == 0
        said = found.inner_text("#answer .large")
        assert float(said.removeprefix("price: ")) == pytest.approx(price, rel=1e-5)
        found.context.close()


def test_who_decides_is_said(browser: Browser, tmp_path: Path) -> None:
    found = opened(browser, written(tmp_path, "binary", "browser") / "index.html")
    rows = [{"flat": number, "area": 40.0 + 2 * number, "day": "2026-02-03"} for number in range(30)]
    bundle = answering(bundled_kind("binary"))
    unsure = next(row for row in rows if bundle.found(row)["unsure"])
    sure = next(row for row in rows if bundle.found(row)["unsure"] is False)
    said = []
    for row in (unsure, sure):
        fill(found, {"area": str(row["area"]), "day": "2026-02-03"})
        said.append(found.inner_text("#answer"))
    assert "A person decides" in said[0]
    assert re.search(r"price: (yes|no)\s+probability of yes: [\d.]+ %", said[1])
    stale = {"id": f"{sure['flat']}|2026-02-03", "prediction": None, "deferred": True, "stale": True}
    answers = found.evaluate(
        "row => ['2026-11-28', '2026-11-29', '2027-05-28', '2027-05-29'].map(day => leeway.answer(row, day))", sure
    )
    assert [answer == stale for answer in answers] == [True, False, False, True]
    found.context.close()


def test_a_damaged_bundle_is_not_used(browser: Browser, tmp_path: Path) -> None:
    content = files_of("linear", "browser")["index.html"]
    data = files_of("linear", "browser")[DATA_FILE]
    place = content.index(data) + len(data) - 9
    (tmp_path / "index.html").write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    found = opened(browser, tmp_path / "index.html")
    assert not is_ready(found)
    assert "This bundle cannot be used: the bundle has changed" in found.inner_text("#about")
    assert not found.is_visible("#form")
    found.context.close()


def test_a_reference_that_differs_in_one_bit_is_refused(browser: Browser, tmp_path: Path) -> None:
    bundled = bundled_kind("linear")
    found = json.loads(files_of("linear", "browser")[DATA_FILE].partition(b"\n")[2])
    sums = next(each["found"]["sums"] for each in found["references"] if "sums" in each["found"])
    sums[0] += sums[0] * 2**-52
    plan = bundle_plan(bundled, compact=True)
    files = browser_files(bundled, plan, bundle_data(plan, found["references"]))
    (tmp_path / "index.html").write_bytes(files["index.html"])
    opened_page = opened(browser, tmp_path / "index.html")
    assert not is_ready(opened_page)
    assert "1 reference rows are not answered here" in opened_page.inner_text("#about")
    opened_page.context.close()


def test_numbers_that_javascript_rounds_are_refused_and_read_as_text(browser: Browser, tmp_path: Path) -> None:
    bundled = bundled_kind("linear")
    bundle, large = answering(bundled), 2**53
    row = {"flat": 7, "day": "2026-02-03", "area": 71.5, "rooms": 3}
    kept = [row | {"rooms": 1.5e18}, row | {"rooms": large}, row | {"rooms": large - 1}]  # the batch reads them
    references = browser_references([{"row": each, "found": bundle.found(each)} for each in kept], bundled.contract)
    assert [each["row"]["rooms"] for each in references] == ["1.5e+18", "9007199254740992", large - 1]
    plan = bundle_plan(bundled, compact=True)
    path = tmp_path / "index.html"
    path.write_bytes(browser_files(bundled, plan, bundle_data(plan, references))["index.html"])
    found = opened(browser, path)
    assert is_ready(found)
    rows = [
        row | {"rooms": large + 1},
        row | {"flat": large + 1},
        row | {"flat": str(large + 1)},
        row | {"flat": 1 - large},
    ]
    answered = found.evaluate("text => JSON.parse(text).map(leeway.found)", json.dumps(rows))
    assert [each.get("refused") for each in answered[:2]] == [["not_exact:rooms"], ["not_exact:flat"]]
    assert answered[0] == bundle.found(rows[0])
    assert [each["id"] for each in answered[2:]] == ["9007199254740993|2026-02-03", "-9007199254740991|2026-02-03"]
    assert answered[2:] == [bundle.found(each) for each in rows[2:]]
    found.context.close()


def test_hostile_names_are_inert(browser: Browser, tmp_path: Path) -> None:
    for kind in ("multiclass", "regression"):
        bundled = hostile_version(kind, "browser")
        plan, references, data = with_references(bundled)
        path = tmp_path / f"{kind}.html"
        path.write_bytes(browser_files(bundled, plan, data)["index.html"])
        found = opened(browser, path)
        assert is_ready(found)
        answered: list[Any] = found.evaluate("text => JSON.parse(text).map(leeway.found)", json.dumps(hostile_rows()))
        assert [each.get("sums") for each in answered] == [each["found"].get("sums") for each in references]
        fill(found, {bundled.schema.numbers[0]: "70", bundled.schema.numbers[1]: "2", "day": "2026-02-03"})
        assert bundled.label in found.inner_text("#answer .large")
        assert found.evaluate("globalThis.attacked") is None
        assert found.locator("script").count() == 2
        assert found.locator("main img").count() == 0
        found.context.close()


def test_a_page_cannot_be_made_to_run_other_scripts() -> None:
    """A data file that somehow ended its element would still run nothing: each script is allowed by its digest."""
    bundled = bundled_kind("linear")
    made = page(replace(bundled, objective="x"), b"</script><script>attack()</script>", "const a = 1;\n")
    policy = re.search(r'content="(default-src [^"]*)"', made)
    assert policy is not None
    assert re.fullmatch(
        r"default-src 'none'; script-src 'sha256-[\w+/]+=*'; style-src 'sha256-[\w+/]+=*'; base-uri 'none'; "
        r"form-action 'none'",
        policy[1],
    )
