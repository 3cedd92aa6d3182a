"""`leeway status --page`: one page about all projects, for a browser."""

from __future__ import annotations

from pathlib import Path

from flows.cli.console import screen
from flows.cli.session import lake_of
from flows.stack.next_runs import by_schedule
from tasks import clock
from tasks.errors import Error, SpecError
from tasks.lake import read_entries
from tasks.render.safe_text import terminal
from tasks.render.values import counted
from tasks.report import ProjectOverview, overview_page
from tasks.spec import known_projects


def write_overview(out: Path) -> None:
    """Write the page from the decision records; no server is asked."""
    projects = [_overview(name) for name in known_projects()]
    draft = out.with_name(f".{out.name}.part")
    draft.write_text(overview_page(projects, clock.now()), encoding="utf-8")
    draft.replace(out)
    screen().print(f"{counted(len(projects), 'project')} written to {terminal(str(out))}")


def _overview(project: str) -> ProjectOverview:
    try:
        spec, lake = lake_of(project)
        record = read_entries(lake, spec.project)
    except SpecError:
        return ProjectOverview(project, fault=f"its spec cannot be used: `leeway check {project}` says why")
    except Error as error:
        return ProjectOverview(project, fault=str(error))
    report = Path(lake.root, spec.project, "objects", "report.html")
    link = report.resolve().as_uri() if report.is_file() else ""  # in a bucket it is no file; MLflow has it too
    return ProjectOverview(spec.project, spec, record, by_schedule(spec, clock.now()), link)
