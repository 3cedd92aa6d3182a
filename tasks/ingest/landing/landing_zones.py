"""The landing places of a project: of its rows, of its labels when they land apart, of each feature table."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.records import Kind
from tasks.spec.data_sections import Files
from tasks.spec.project_spec import ProjectSpec


@dataclass(frozen=True, slots=True)
class LandingZone:
    """One landing place: what lands there (`table` names a feature table), where, and how it is written."""

    kind: Kind
    uri: str
    files: Files
    table: str = ""


def places(spec: ProjectSpec) -> list[LandingZone]:
    """Return every landing place of a project, rows first.

    Examples
    --------
    >>> text = {"uri": "rows", "id": ["id"], "event_time": "time", "label": {"column": "price", "uri": "prices"}}
    >>> scope = {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"}
    >>> named = {"project": "houses", "scope": scope, "source": text, "features": {"numbers": ["rooms"]}}
    >>> [(place.kind, place.uri) for place in places(ProjectSpec.model_validate(named))]
    [('rows', 'rows'), ('labels', 'prices')]
    """
    source, label = spec.source, spec.source.label
    found = [LandingZone("rows", source.uri, source)]
    if label.uri is not None:
        found.append(LandingZone("labels", label.uri, label))
    return [*found, *(LandingZone("features", table.uri, table, table.name) for table in spec.features.tables)]


def files_of(kind: Kind, spec: ProjectSpec, table: str = "") -> Files:
    """Return how the files of rows, of labels that land apart, or of a feature table are written."""
    if kind == "features":
        return next(each for each in spec.features.tables if each.name == table)
    return spec.source.label if kind == "labels" else spec.source
