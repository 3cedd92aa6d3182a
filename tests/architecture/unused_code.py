"""Refuses code that only tests use; `make check` runs it.

Two searches over flows and tasks, with the Python files of deployments and infra as further callers: vulture finds
methods, properties, fields and local names that neither code nor a template mentions; for functions, classes and
constants of a module every import is resolved, so that a name that two modules share does not hide that one of them is
unused. Neither a re-export (`from x import y` in an `__init__`, an entry of `__all__`) nor a doctest nor a test is a
use.

What is called in another way is listed in `ALLOWED` with the reason. An entry that allows nothing any more is refused.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple, TypeAlias

from vulture.core import Vulture

ROOT = Path(__file__).parents[2]
CHECKED = ("flows", "tasks")
CALLERS = ("deployments", "infra")
EXPRESSION, WORD = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL), re.compile(r"[A-Za-z_]\w*")  # of a jinja template
CONFIDENCE = 60  # percent, of vulture: all that it finds

REGISTERED = {
    "@*.command": "typer calls the commands of an application",
    "@*.callback": "typer calls the options of an application",
    "@flow": "Prefect loads a flow by its entrypoint",
    "@field_validator": "pydantic calls validators",
    "@model_validator": "pydantic calls validators",
}
ALLOWED = {
    "flows/cli/app.py run": "the console script of pyproject.toml",
    "flows/cli/progress.py emit": "logging calls the handler",
    "flows/serving/leeway_client.py *": "applications copy the file and call it",
    "flows/stack/request_guard.py *_app": "a server imports it by its path",
    "flows/stack/deployments.py ignore_aliases": "PyYAML's dumper calls it",
    "flows/backtest/scenarios.py trained_on_broken": "an outcome that the incident bench and its test report",
    "tasks/bundle/runtimes/answering_bundle.py *_num_threads": "settings of onnxruntime",
    "tasks/bundle/runtimes/lambda_function.py handler": "AWS Lambda calls it",
    "tasks/databases/sqlite_file.py text_factory": "sqlite3 makes texts with it",
    "tasks/evaluate/analysis/error_analysis.py event_date": "a field that `asdict` writes to the analysis file",
    "tasks/evaluate/analysis/weak_slices.py rest_loss": "a field that `asdict` writes to the analysis file",
    "tasks/evaluate/evidence.py champion_bias": "a field of the stored evidence, read by its name",
    "tasks/ingest/readers/*.py readinto": "io.RawIOBase calls it",
    "tasks/ingest/readers/sealed_file.py writable": "what wraps a file of io.RawIOBase asks it",
    "tasks/metrics_export/prometheus_text.py collect": "prometheus_client calls the collector",
    "tasks/inference/onnx_session.py int*_op_num_threads": "an option of an onnxruntime session",
    "tasks/inference/onnx_session.py log_severity_level": "an option of an onnxruntime session",
    "tasks/inference/schema_parts.py confidence_level": "a field of the stored schema: what the table promises",
    "tasks/profiles/number_profile.py sd": "gives the stored sum of squares its meaning",
    "tasks/records/answers.py quarantined_batches": "a field of the stored decision, shown by `why` with all numbers",
    "tasks/records/entries/night_entry.py served_rows": "a field of the stored decision",
    "tasks/records/entries/night_entry.py run_because": "a field of the stored decision",
    "tasks/spec/*.py model_config": "pydantic reads the configuration of a model",
    "tasks/spec/spec_sections/privacy_sections.py *_days": "keys that upkeep reads by the name of their table",
    "tasks/spec/quality_sections/fairness_section.py *_rate": "limits that are read by the name of their measure",
    "tasks/spec/reading/yaml_document.py yaml_implicit_resolvers": "PyYAML's loader reads it",
    "tasks/train/model_search/search.py sampler": "an attribute of an optuna study",
    "tasks/validate/contract/data_docs.py progress_bars": "a setting of Great Expectations",
    "tasks/validate/contract/expectations.py show_progress_bars": "a setting of Great Expectations",
}

Name: TypeAlias = tuple[str, str]  # a module, and what is bound in it ("" for the module itself)


class Unused(NamedTuple):
    """A name that nothing but tests uses: its file relative to the root, its line and itself."""

    path: str
    line: int
    name: str

    def __str__(self) -> str:
        """Return it as editors and CI logs link it."""
        return f"{self.path}:{self.line}: only tests use {self.name!r}; remove it with the tests of it alone"


def unused_code(root: Path) -> list[Unused]:
    """Return the names of flows and tasks that nothing uses, in the order of their files."""
    found = {*_by_name(root), *_by_import(root)}
    return sorted(item for item in found if item.path.startswith(CHECKED))


def refused(found: Sequence[Unused], allowed: Sequence[str]) -> list[str]:
    """Return what is wrong: unused names that no entry allows, and entries that allow none.

    >>> print(*refused([Unused("tasks/a.py", 3, "f")], ["tasks/b.py *"]), sep="\\n")
    tasks/a.py:3: only tests use 'f'; remove it with the tests of it alone
    'tasks/b.py *' allows nothing any more; remove the entry
    """
    matched = {item: [entry for entry in allowed if fnmatchcase(f"{item.path} {item.name}", entry)] for item in found}
    used = {entry for entries in matched.values() for entry in entries}
    idle = [f"{entry!r} allows nothing any more; remove the entry" for entry in allowed if entry not in used]
    return [*(str(item) for item, entries in matched.items() if not entries), *idle]


def _files(root: Path) -> Iterator[Path]:
    for folder in (*CHECKED, *CALLERS):
        yield from sorted((root / folder).rglob("*.py"))


def _by_name(root: Path) -> Iterator[Unused]:
    """Yield what vulture finds: names that no code mentions."""
    scanner = Vulture(ignore_decorators=list(REGISTERED))
    for path in _files(root):
        scanner.scan(_without_exports(path.read_text(encoding="utf-8")), filename=path)
    for template in (path for folder in CHECKED for path in (root / folder).rglob("*.html")):
        for expression in EXPRESSION.findall(template.read_text(encoding="utf-8")):
            scanner.used_names.update(WORD.findall(expression))
    for item in scanner.get_unused_code(min_confidence=CONFIDENCE):
        yield Unused(Path(item.filename).relative_to(root).as_posix(), item.first_lineno, item.name)


def _without_exports(code: str) -> str:
    """Return code with its `__all__` blank: vulture takes an export for a use."""
    lines = code.splitlines()
    for node in ast.parse(code).body:
        if "__all__" in _bound(node):
            lines[node.lineno - 1 : node.end_lineno] = [""] * ((node.end_lineno or node.lineno) - node.lineno + 1)
    return "\n".join(lines)


def _by_import(root: Path) -> Iterator[Unused]:
    """Yield functions, classes and constants of modules that no import and no code of their module reaches."""
    files = {_module(path.relative_to(root)): path for path in _files(root)}
    trees = {module: ast.parse(path.read_text(encoding="utf-8")) for module, path in files.items()}
    defined = {(module, name): node for module, tree in trees.items() for node in tree.body for name in _bound(node)}
    imported = {
        (module, alias.asname or alias.name): (node.module, alias.name)
        for module, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    used = {
        _origin(name, defined, imported, set(trees)) for module, tree in trees.items() for name in _used(module, tree)
    }
    for (module, name), node in defined.items():
        if (module, name) not in used and not name.startswith("__") and not _registered(node):
            yield Unused(files[module].relative_to(root).as_posix(), node.lineno, name)


def _module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _bound(node: ast.stmt) -> set[str]:
    """Return the names that a statement of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}


def _used(module: str, tree: ast.Module) -> Iterator[Name]:
    """Yield the names that a module reads, and the attributes of the modules that it imports; a recursion is no use."""
    for statement in tree.body:
        own = _bound(statement)
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in own:
                yield module, node.id
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                yield f"{module} {node.value.id}", node.attr


def _origin(name: Name, defined: dict[Name, ast.stmt], imported: dict[Name, Name], modules: set[str]) -> Name:
    """Return where a name is defined: imports are followed, through re-exports and through modules."""
    module, attribute = name
    if " " in module:  # an attribute of something: of a module that was imported, or of a value
        home, _, base = module.partition(" ")
        source, inner = _origin((home, base), defined, imported, modules)
        inside = f"{source}.{inner}" if inner else source
        return _origin((inside, attribute), defined, imported, modules) if inside in modules else name
    while name not in defined and name in imported:
        name = imported[name]
    return name


def _registered(node: ast.stmt) -> bool:
    decorators = getattr(node, "decorator_list", [])
    names = [ast.unparse(item.func if isinstance(item, ast.Call) else item) for item in decorators]
    return any(fnmatchcase(f"@{name}", pattern) for name in names for pattern in REGISTERED)


def main() -> int:
    """Check the project, and return the exit code."""
    wrong = refused(unused_code(ROOT), list(ALLOWED))
    sys.stdout.writelines(f"{line}\n" for line in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
