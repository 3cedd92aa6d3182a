"""Collects what spec, lake, decision record and registry say of a project, to compare them."""

from __future__ import annotations

from tasks.agreement import ProjectFacts, changed_meaning
from tasks.lake import Lake, deliveries, kind_conflicts, read_entries, recorded_projects
from tasks.records import champion_record, recorded_versions
from tasks.registry import Registry
from tasks.spec import ProjectSpec, known_projects


def project_facts(spec: ProjectSpec, lake: Lake, registry: Registry | None = None) -> ProjectFacts:
    """Return the facts of a project; what only the registry knows is left out where it is None."""
    entries = read_entries(lake, spec.project)
    versions = None if registry is None else registry.versions(spec.project)
    # Only a project without a record may have been renamed. A lake in S3 may have projects of other teams.
    alone = not entries and not lake.root.startswith("s3://")
    others = set(recorded_projects(lake)) - {spec.project, *known_projects()} if alone else set()
    return ProjectFacts(
        project=spec.project,
        entries=len(entries),
        record=champion_record(entries),
        recorded=recorded_versions(entries),
        registered=None if versions is None else frozenset(version.number for version in versions),
        changed_meaning=tuple(changed_meaning(entries, spec, deliveries(lake, spec.project))),
        kind_conflicts=tuple(conflict.sentence for conflict in kind_conflicts(lake, spec)),
        others=frozenset(others),
    )
