"""The reference of all keys of project.yaml, written below the introduction of deployments/README.md."""

from __future__ import annotations

import json
from typing import Any

from tasks.spec.docs.json_schema import Loc, blocks, known_keys, node_at, required_keys
from tasks.spec.reading.spec_faults import dotted, expected

BAR = "&#124;"  # `|` would end the cell of a table
BEGIN = "<!-- reference: written by `make generated`; changes below this line are lost -->"


def reference_markdown() -> str:
    """Return a table for every block of the spec: key, type, default, meaning."""
    return "\n".join(_section(block) for block in blocks())


def with_reference(readme: str) -> str:
    """Return a README with its hand-written part, up to the marker line, and a new reference.

    >>> with_reference("# Mine").splitlines()[:3] == ["# Mine", "", BEGIN]
    True
    >>> with_reference(with_reference("# Mine")) == with_reference("# Mine")
    True
    """
    introduction = readme.split(BEGIN, maxsplit=1)[0].rstrip()
    return f"{introduction}\n\n{BEGIN}\n\n{reference_markdown()}"


def _section(block: Loc) -> str:
    node = node_at(block) or {}
    title = f"### `{dotted(block).replace('[0]', '[]')}`" if block else "### The whole file"
    required = required_keys(block)
    rows = [_row(block, key, required=key in required) for key in known_keys(block)]
    table = ["| key | type | default | meaning |", "|---|---|---|---|", *rows]
    return "\n".join([title, "", str(node.get("description", "")), "", *table, ""])


def _row(block: Loc, key: str, *, required: bool) -> str:
    node = node_at((*block, key)) or {}
    default = "**required**" if required else _default(node)
    cells = [f"`{key}`", _kind(block, key, node), default, str(node.get("description", ""))]
    return f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |".replace("\n", " ").replace("\t", "tab")


def _kind(block: Loc, key: str, node: dict[str, Any]) -> str:
    if "properties" in node:
        return f"block, see `{dotted((*block, key))}`"
    if known_keys((*block, key, 0)):
        return f"a list of blocks, see `{dotted((*block, key))}[]`"
    return expected(node).replace(">=", "≥").replace("<=", "≤").replace("<", "&lt;").replace(">", "&gt;")


def _default(node: dict[str, Any]) -> str:
    """Return a default as it is written in YAML; a block has the defaults of its keys."""
    if "properties" in node:
        return "those of its keys"
    default = node.get("default")
    if default is None:
        return "left out"
    return f"`{default if isinstance(default, str) else json.dumps(default)}`"
