"""The spec: reads project.yaml as a ProjectSpec, or reports every fault of the file at once.

project_spec.py and the packages of sections define the spec; reading/ reads one and words its faults; docs/ generates
its JSON schema and reference; cells/ reads delivered columns as the types of the spec; infer/ writes a first spec from
a user's data.
"""

from tasks.spec.evidence_digest import evidence_digest
from tasks.spec.find_project import find_project, home, known_projects, projects_folder
from tasks.spec.project_spec import ProjectSpec
from tasks.spec.reading.read_spec import parse_spec, read_spec
from tasks.spec.schedule_nights import landing_nights_per_year, missed_nights, nights_per_year
from tasks.spec.spec_changes import spec_changes, spec_content, spec_of

__all__ = [
    "ProjectSpec",
    "evidence_digest",
    "find_project",
    "home",
    "known_projects",
    "landing_nights_per_year",
    "missed_nights",
    "nights_per_year",
    "parse_spec",
    "projects_folder",
    "read_spec",
    "spec_changes",
    "spec_content",
    "spec_of",
]
