"""`leeway approve` and `leeway reject`: the answer that is otherwise given in MLflow, and its carrying out at once."""

from __future__ import annotations

from rich.markup import escape

from flows.cli.console import screen
from flows.cli.session import served
from flows.steps.actor import person
from tasks.errors import DataError
from tasks.spec import find_project, read_spec


def answer_challenger(project: str, number: int | None, answer: str, reason: str) -> None:
    """Write a person's answer on a version, and let the promote flow look at it now."""
    path = find_project(project)
    name = read_spec(path).project
    with served(path):
        from flows.promote import promote
        from flows.workspace import open_workspace
        from tasks.registry.mlflow_names import ANSWER_REASON, APPROVAL, APPROVER, CHALLENGER

        registry = open_workspace(name).registry
        asked = number if number is not None else registry.aliases(name).get(CHALLENGER)
        if asked is None or registry.version(name, asked) is None:
            wanted = "no challenger waits" if number is None else f"there is no version {number}"
            raise DataError(f"{name}: {wanted}; `leeway status {name}` shows what there is")
        registry.set_tag(name, asked, APPROVER, person())
        registry.set_tag(name, asked, ANSWER_REASON, reason)
        registry.set_tag(name, asked, APPROVAL, answer)
        said = promote(name)["reason"]
    screen().print(escape(said))
