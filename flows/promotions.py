"""The promotions flow: looks for answers of people in all projects, and runs `promote` where there is one.

A poll of its own for each project would start as many processes a minute, nearly all of which find nothing to do.
"""

from __future__ import annotations

from typing import Any

from prefect import flow

from flows.promote import has_work
from flows.stack.run_deployment import run
from flows.steps.publish import name_run
from flows.workspace import open_workspace
from tasks.errors import Error
from tasks.logs import line, logger
from tasks.spec import find_project, known_projects, read_spec
from tasks.spec.project_spec import Schedule

MOST_NAMED = 3


@flow(name="promotions", flow_run_name="promotions")
def promotions() -> dict[str, str]:
    """Carry out people's answers in MLflow in all projects without a `schedule.promote` of their own.

    A project with something to do has a run of its own of the flow `promote`, in this process. So has one that cannot
    be looked at: its run fails, and notifies people. It keeps no other project from its answers.
    """
    outcomes = {project: _promoted(project) for project in _polled() if _is_due(project)}
    name_run(_name(outcomes))
    return outcomes


def _polled() -> list[str]:
    """Return the projects that this flow looks at; `leeway up` and `leeway check` report those with a wrong spec."""
    polled = []
    for name in known_projects():
        try:
            spec = read_spec(find_project(name))
        except Error as error:
            logger().warning(line("not_looked_at", project=name, why=error))
            continue
        if spec.schedule.promote == Schedule().promote:
            polled.append(spec.project)
    return polled


def _is_due(project: str) -> bool:
    """Return whether a project's promote flow should run, also where that is not known."""
    try:
        return has_work(open_workspace(project))
    except Exception as error:  # noqa: BLE001 - the project's own run fails with it, and notifies people
        logger().warning(line("not_looked_at", project=project, why=error))
        return True


def _promoted(project: str) -> str:
    """Run a project's promote flow, and return what it did; its own run shows an error."""
    try:
        result: dict[str, Any] = run("promote", project)
    except Exception as error:  # noqa: BLE001 - the other projects go on
        logger().error(line("not_promoted", project=project, why=error))
        return "failed"
    return str(result["action"])


def _name(outcomes: dict[str, str]) -> str:
    """Return the name of the run: what it did.

    >>> _name({}), _name({"shop": "promoted", "rides": "failed"})
    ('promotions: nothing to do', 'promotions: shop promoted, rides failed')
    >>> _name(dict.fromkeys("abcde", "rejected"))
    'promotions: a rejected, b rejected, c rejected and 2 more'
    """
    done = [f"{project} {action}" for project, action in outcomes.items()]
    more = f" and {len(done) - MOST_NAMED} more" if len(done) > MOST_NAMED else ""
    return f"promotions: {', '.join(done[:MOST_NAMED]) + more if done else 'nothing to do'}"
