"""The files of a bundle for Python: the runtime and the modules of the row contract, each by itself in one folder."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tasks.bundle.runtime_files import shipped_text

MODULES: Mapping[str, str] = {
    "tasks.bundle.runtimes.answering_bundle": "leeway_bundle",
    "tasks.bundle.runtimes.bundle_content": "leeway_content",
    "tasks.bundle.runtimes.answer_numbers": "leeway_numbers",
    "tasks.bundle.runtimes.compact_walk": "leeway_trees",
    "tasks.bundle.runtimes.answer_queue": "leeway_queue",
    "tasks.bundle.runtimes.bundle_command": "leeway",
    "tasks.whole_file": "leeway_files",
    "tasks.row_contract.cell_texts": "leeway_cell_texts",
    "tasks.row_contract.cell_values": "leeway_cell_values",
    "tasks.row_contract.row_rules": "leeway_row_rules",
    "tasks.row_contract.row_reader": "leeway_row_reader",
    "tasks.row_contract.input_rows": "leeway_input_rows",
}
"""Modules of Leeway, and what they are called in a bundle."""
LAMBDA_MODULE = "tasks.bundle.runtimes.lambda_function"
_IMPORT = re.compile(r"^( *from )(tasks\.[\w.]+)( import )", re.MULTILINE)


def python_files() -> dict[str, bytes]:
    """Return the modules of a bundle by file name."""
    return {f"{name}.py": copied_module(module) for module, name in MODULES.items()}


def lambda_files() -> dict[str, bytes]:
    """Return the same, with the handler of a function of AWS Lambda."""
    return {**python_files(), "lambda_function.py": copied_module(LAMBDA_MODULE)}


def copied_module(module: str) -> bytes:
    """Return the code of a module with its imports as they are called in a bundle.

    >>> "from leeway_trees import" in copied_module("tasks.bundle.runtimes.answering_bundle").decode()
    True
    """
    folder, _, stem = module.rpartition(".")
    code = shipped_text(folder, f"{stem}.py")
    return _IMPORT.sub(lambda found: f"{found[1]}{MODULES.get(found[2], found[2])}{found[3]}", code).encode()
