"""`leeway check --fix`: remove expectations about columns that were taken out of the spec."""

from __future__ import annotations

import json

from flows.cli.console import screen
from tasks.render.safe_text import terminal
from tasks.spec import find_project, read_spec
from tasks.validate import orphans
from tasks.whole_file import write_whole


def remove_orphans(project: str) -> None:
    """Remove them from the project's suite, print each, and leave everything else in the file as it is.

    Raises
    ------
    SpecError
        When the spec is not valid: it does not say then which columns there are.
    ContractError
        When the suite cannot be read.
    """
    path = find_project(project)
    spec, console = read_spec(path), screen()
    suite = path.parent / spec.contract.suite
    lost = orphans(suite, spec)
    if not lost:
        return
    content, removed = json.loads(suite.read_text(encoding="utf-8")), [rule.configuration for rule in lost]
    content["expectations"] = [rule for rule in content["expectations"] if rule not in removed]
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_whole(suite, text.encode(), suite.stat().st_mode & 0o777)
    for rule in lost:
        console.print(f"[green]fixed[/] removed {terminal(f'{rule.rule} on {list(rule.columns)}')}")
