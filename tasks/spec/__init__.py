"""The spec: project.yaml in, ProjectSpec out, or every fault of the file at once.

models.py (with data.py, policy.py, parts.py, contradictions.py) says what a spec is; read.py and find.py read one;
schema.py and reference.py document it; cells.py reads delivered columns as the kinds a spec gives them; infer/ writes a
first spec from a person's own data.
"""

from tasks.spec.find_project import find_project, home, known_projects, projects_folder
from tasks.spec.project_spec import ProjectSpec
from tasks.spec.reading.read_spec import parse_spec, read_spec
from tasks.spec.schedule_nights import missed_nights, nights_per_year

__all__ = [
    "ProjectSpec",
    "find_project",
    "home",
    "known_projects",
    "missed_nights",
    "nights_per_year",
    "parse_spec",
    "projects_folder",
    "read_spec",
]
