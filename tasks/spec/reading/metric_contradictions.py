"""Contradictions of a spec about what is measured of the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.spec.quality_sections.further_metric import OF_TASK
from tasks.spec.reading.database_contradictions import Found

if TYPE_CHECKING:
    from tasks.spec.project_spec import ProjectSpec


def of_metrics(spec: ProjectSpec) -> Found:
    """Find metrics that do not fit the task, and those that are named twice."""
    task, names = spec.training.task, [metric.name for metric in spec.metrics]
    for index, metric in enumerate(spec.metrics):
        if not metric.is_own and task not in OF_TASK[metric.use]:
            known = ", ".join(name for name, tasks in OF_TASK.items() if task in tasks)
            text = f"metric {metric.use!r} does not fit training.task {task!r}; known for it: {known}"
            yield [("metrics", index, "use"), ("training", "task")], text
        if metric.name in names[:index]:
            first = names.index(metric.name)
            text = f"metrics names {metric.name!r} twice; once is enough"
            yield [("metrics", index, "use"), ("metrics", first, "use")], text
