"""A version with names and texts that would be code, if a page, a script or a program in C took them as such."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from tasks.bundle import BundledVersion
from tasks.bundle.bundle_plan import bundle_data, bundle_plan
from tasks.bundle.runtimes.answering_bundle import Bundle
from tests.unit.bundle.bundles import bundled_kind

TEXTS = (
    "</script><script>globalThis.attacked = 1</script>",
    '"; globalThis.attacked = 1; //',
    "<img src=x onerror=globalThis.attacked=1>",
    "*/ int attacked = 1; /* ??/\n #error attacked",
    "<!--<script>",
    "__proto__",
    "2020",
    "\u2028${attacked}`\\",
)
NUMBERS, BOOLEAN, CITY, BUILT = (TEXTS[0], TEXTS[3]), TEXTS[2], TEXTS[5], TEXTS[6]
NAMES = {"area": NUMBERS[0], "rooms": NUMBERS[1], "garden": BOOLEAN, "city": CITY, "built": BUILT}
CITIES = (TEXTS[1], TEXTS[2], TEXTS[4], TEXTS[7])


def hostile_version(kind: str, form: Any) -> BundledVersion:
    """Return a version with columns, categories, classes and an objective of such texts, and references to it."""
    bundled = bundled_kind(kind, form, label=TEXTS[0], objective=TEXTS[2])
    schema = bundled.schema
    classes = tuple(TEXTS[: len(schema.classes)]) if schema.task == "multiclass" else schema.classes
    changed = replace(
        schema,
        numbers=NUMBERS,
        booleans=(BOOLEAN,),
        categories={CITY: CITIES},
        dates=tuple(replace(part, column=BUILT) for part in schema.dates),
        steps=tuple(replace(step, source=_renamed(step.source)) for step in schema.steps),
        classes=classes,
        deferral=None,
    )
    old = bundled.contract
    rules = tuple(
        msgspec.structs.replace(rule, columns=tuple(NAMES[name] for name in rule.columns))
        for rule in old.rules
        if rule.rule == "expect_column_values_to_not_be_null"
    )
    contract = msgspec.structs.replace(
        old, numbers=NUMBERS, booleans=(BOOLEAN,), categories=(CITY,), dates=(BUILT,), rules=rules, degree="full"
    )
    package = msgspec.structs.replace(bundled.package, contract=msgspec.Raw(msgspec.json.encode(contract)))
    return replace(bundled, schema=changed, package=package)


def hostile_rows() -> list[dict[str, Any]]:
    """Return rows of such a version."""
    rows = [
        {
            **dict(zip(NUMBERS, (50.0 + 5 * number, number % 5), strict=True)),
            BOOLEAN: bool(number % 2),
            CITY: CITIES[number % 4],
            BUILT: "2001-02-03",
        }
        for number in range(8)
    ]
    return [{**row, "flat": TEXTS[number], "day": "2026-02-03"} for number, row in enumerate(rows)]


def with_references(bundled: BundledVersion) -> tuple[dict[str, Any], list[dict[str, Any]], bytes]:
    """Return the plan, the references and the file of a version, as its own runtime in Python answers."""
    plan = bundle_plan(bundled, compact=True)
    bundle = Bundle(bundle_data(plan, []))
    references = [{"row": row, "found": bundle.found(row)} for row in hostile_rows()]
    return plan, references, bundle_data(plan, references)


def _renamed(source: str) -> str:
    column, colon, part = source.partition(":")
    return f"{NAMES.get(column, column)}{colon}{part}"
