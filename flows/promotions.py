"""The promotions flow: looks for answers of people in all projects, and starts `promote` where there is one.

A poll of its own for each project would start as many processes a minute, nearly all of which find nothing to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextvars import copy_context

from prefect import flow

from flows.promote import has_work
from flows.stack.run_deployment import start
from flows.steps.publish import name_run
from flows.workspace import open_workspace
from tasks import clock
from tasks.errors import Error
from tasks.logs import line, logger
from tasks.spec import find_project, known_projects, read_spec
from tasks.spec.project_spec import Schedule

MOST_NAMED = 3
AT_ONCE = 4
"""Projects that are looked at at once, so that one with stores that respond slowly does not hold up the others."""


@flow(name="promotions", flow_run_name="promotions")
def promotions() -> dict[str, str]:
    """Start the promote flow of each project in which a person has answered and that has no `schedule.promote`.

    It only decides which projects have something to do. Each of them has a run of its own, by a worker: its name says
    what was done, and its failure notifies people and holds up no other project. So has one that cannot be looked at.
    While a run waits or is under way, no second one is started.

    Returns
    -------
    dict of str to str
        For each project with something to do, whether its run is started, under way, or not deployed yet.
    """
    found: dict[str, str] = {project: start("promote", project, clock.now()) for project in _due()}
    name_run(_name(found))
    return found


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


def _due() -> Iterator[str]:
    """Yield the projects that may have something to do, also where that is not known, each as soon as it is clear."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        looks = {pool.submit(copy_context().run, _is_due, project): project for project in _polled()}
        for look in as_completed(looks):
            if (error := look.exception()) is not None:
                logger().warning(line("not_looked_at", project=looks[look], why=error))
            if error is not None or look.result():
                yield looks[look]


def _is_due(project: str) -> bool:
    return has_work(open_workspace(project))


def _name(found: dict[str, str]) -> str:
    """Return the name of the run: what it did.

    >>> _name({}), _name({"shop": "started", "rides": "under way"})
    ('promotions: nothing to do', 'promotions: shop started, rides under way')
    >>> _name(dict.fromkeys("abcde", "started"))
    'promotions: a started, b started, c started and 2 more'
    """
    done = [f"{project} {what}" for project, what in found.items()]
    more = f" and {len(done) - MOST_NAMED} more" if len(done) > MOST_NAMED else ""
    return f"promotions: {', '.join(done[:MOST_NAMED]) + more if done else 'nothing to do'}"
