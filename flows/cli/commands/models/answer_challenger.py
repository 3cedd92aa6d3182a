"""`leeway approve` and `leeway reject`: answer a challenger from the command line instead of in MLflow."""

from __future__ import annotations

from flows.cli.console import screen
from flows.cli.session import open_servers
from flows.steps.actor import account, person
from tasks.errors import DataError
from tasks.render.safe_text import terminal
from tasks.spec import find_project, read_spec


def answer_challenger(project: str, number: int | None, answer: str, reason: str) -> None:
    """Set a person's answer as tags on a version, and run the promote flow, which carries it out.

    On a server with accounts a person's account may only answer, so the scheduled promote flow carries it out.
    """
    path = find_project(project)
    name = read_spec(path).project
    with open_servers(path):
        from flows.promote import promote
        from flows.workspace import open_workspace
        from tasks.registry.mlflow_names import ANSWER_REASON, APPROVAL, APPROVER, CHALLENGER

        registry = open_workspace(name).registry
        version = number if number is not None else registry.aliases(name).get(CHALLENGER)
        if version is None or registry.version(name, version) is None:
            lacking = "no challenger waits for an answer" if number is None else f"there is no version {number}"
            raise DataError(f"{name}: {lacking}; `leeway status {name}` shows the current state")
        registry.set_tag(name, version, APPROVER, person())
        registry.set_tag(name, version, ANSWER_REASON, reason)
        registry.set_tag(name, version, APPROVAL, answer)
        outcome = promote(name)["reason"] if account() is None else _waits(version, answer, person())
    screen().print(terminal(outcome))


def _waits(version: int, answer: str, by: str) -> str:
    return f"version {version} is {answer} by {by}; the scheduled promote flow carries it out"
