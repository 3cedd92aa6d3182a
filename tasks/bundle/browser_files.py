"""The files of a bundle for browsers: an ES module with its data, and a page that has both, and needs no server.

Browsers load no module from `file://`, so that the page contains the module. It may run no other script, load nothing
and send nothing (Content-Security-Policy). Names and categories are set as text; in the page they are in JSON without
a `<`, which no HTML can be made of.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Container, Mapping, Sequence
from typing import Any

from tasks.bundle.bundle_plan import BundledVersion
from tasks.bundle.runtime_files import needed_lines, runtime_file
from tasks.bundle.short_script import short_script
from tasks.compact.compact_file import has_single_sums, kind_of
from tasks.row_contract import RowContract
from tasks.row_contract.cell_values import LARGEST_EXACT

PAGE, MODULE = "index.html", "leeway.mjs"
_PLACE = re.compile(r"@(\w+)@")


def browser_files(bundled: BundledVersion, plan: Mapping[str, Any], data: bytes) -> dict[str, bytes]:
    """Return the page, and the module."""
    module, needs = runtime_file(MODULE), needs_of(plan)
    script = packed_script(module + runtime_file("page.mjs"), needs)
    return {PAGE: page(bundled, data, script).encode(), MODULE: packed_script(module, needs).encode()}


def browser_references(references: Sequence[Mapping[str, Any]], contract: RowContract) -> list[dict[str, Any]]:
    """Return references with whole numbers from 2^53 on as text, which a browser reads without rounding them."""
    return [
        {
            **reference,
            "row": {name: _text_if_large(value, contract.decimal) for name, value in reference["row"].items()},
        }
        for reference in references
    ]


def _text_if_large(value: Any, decimal: str) -> Any:
    """Return a number that is not safe in JavaScript as text.

    >>> _text_if_large(1.5e18, ","), _text_if_large(2**53, "."), _text_if_large(2**53 - 1, ".")
    ('1,5e+18', '9007199254740992', 9007199254740991)
    """
    is_large = isinstance(value, int | float) and abs(value) >= LARGEST_EXACT
    return repr(value).replace(".", decimal) if is_large else value


def page(bundled: BundledVersion, data: bytes, script: str) -> str:
    """Return the page of a bundle, with the module and its own script as one."""
    script = f"\n{script}"
    style = "\n" + packed_style(runtime_file("page.css"))
    parts: Mapping[str, str] = {
        "title": html.escape(bundled.package.project),
        "objective": html.escape(bundled.objective),
        "style": style,
        "script": script,
        "script_hash": _source_hash(script),
        "style_hash": _source_hash(style),
        "bundle": data.decode("ascii"),
    }
    return _PLACE.sub(lambda found: parts[found[1]], runtime_file("page.html"))


def needs_of(plan: Mapping[str, Any]) -> set[str]:
    """Return the parts of the module that a plan needs, as the module names them."""
    answer, inputs, model = plan["answer"], plan["inputs"], base64.b64decode(plan["model"])
    rules = {rule["rule"].removeprefix("expect_column_") for rule in plan["contract"]["rules"]}
    named = {
        "pair": any(rule.startswith("pair_") for rule in rules),
        "parts": bool(inputs["dates"]),
        "steps": bool(inputs["steps"]),
        "odds": answer["probability"] or (bool(answer["calibration"]) and answer["task"] == "multiclass"),
        "calibration": bool(answer["calibration"]),
        "table": answer["task"] == "regression" and answer["sure"] is not None,
        answer["task"]: True,
        kind_of(model): True,
        "single": has_single_sums(model),
    }
    return {name for name, is_needed in named.items() if is_needed} | rules


def packed_script(text: str, needs: Container[str] = ()) -> str:
    r"""Return a script without the parts that are not needed, in few bytes.

    >>> packed_script("// A sum.\nconst sum = (a, b) => {\n  return a + b;\n};\n// if more\nmore();\n// end\n")
    'const ee=(e,t)=>{return e+t};\n'
    """
    return short_script("\n".join(needed_lines(text, needs))) + "\n"


def packed_style(text: str) -> str:
    """Return a style sheet without indentation."""
    return "".join(f"{line.strip()}\n" for line in text.splitlines())


def _source_hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
