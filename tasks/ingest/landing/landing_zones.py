"""The landing zones of a project: of its rows, of its labels if they land separately, and of each feature table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tasks.records import Kind
from tasks.serving_store.logged_rows import SERVED
from tasks.spec.landing_sections.decisions_section import SERVED_DECISIONS
from tasks.spec.landing_sections.feedback_section import SERVED_FEEDBACK
from tasks.spec.landing_sections.files_section import Files
from tasks.spec.project_spec import ProjectSpec
from tasks.spec.spec_sections.online_section import is_shared

LOG_FILES = Files(format="jsonl")


@dataclass(frozen=True, slots=True)
class LandingZone:
    """One landing zone: the kind of its deliveries (`table` names a feature table), its uri and its file format."""

    kind: Kind
    uri: str
    files: Files
    table: str = ""


def landing_zones(spec: ProjectSpec) -> list[LandingZone]:
    """Return every landing zone of a project, rows first.

    Examples
    --------
    >>> text = {"uri": "rows", "id": ["id"], "event_time": "time", "label": {"column": "price", "uri": "prices"}}
    >>> scope = {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"}
    >>> named = {"project": "houses", "scope": scope, "source": text, "features": {"numbers": ["rooms"]}}
    >>> [(zone.kind, zone.uri) for zone in landing_zones(ProjectSpec.model_validate(named))]
    [('rows', 'rows'), ('labels', 'prices')]
    """
    source, label = spec.source, spec.source.label
    zones = [LandingZone("rows", source.uri, source)]
    if label.uri is not None:
        zones.append(LandingZone("labels", label.uri, label))
    return [
        *zones,
        *(LandingZone("features", table.uri, table, table.name) for table in spec.value_tables if table.uri),
    ]


def served_zones(spec: ProjectSpec) -> list[LandingZone]:
    """Return where rows land that the prediction service has answered, and what has been sent to it.

    What has landed is taken in also when the spec no longer asks for it, unless another landing zone has that place.
    """
    serving = spec.serving
    kinds: dict[Literal["rows", "labels"], bool] = {"rows": serving.log, "labels": serving.labels}
    own, others = spec.serving.uri, [zone.uri for zone in landing_zones(spec)]
    if not any([*kinds.values(), serving.feedback, serving.decisions]) and any(is_shared(own, uri) for uri in others):
        return []
    may_be: dict[Literal["rows", "labels"], bool] = {"rows": True, "labels": spec.source.label.uri is not None}
    where = {kind: spec.served_uri(kind) for kind, possible in may_be.items() if kinds[kind] or possible}
    zones = [LandingZone(kind, uri, LOG_FILES, SERVED) for kind, uri in where.items()]
    if spec.feedback is not None:
        zones.append(LandingZone("features", spec.served_uri("feedback"), LOG_FILES, SERVED_FEEDBACK))
    if spec.decisions is not None:
        zones.append(LandingZone("features", spec.served_uri("decisions"), LOG_FILES, SERVED_DECISIONS))
    return zones


def files_of(kind: Kind, spec: ProjectSpec, table: str = "") -> Files:
    """Return the file format of rows, of labels that land separately, or of a feature table."""
    if table in {SERVED, SERVED_FEEDBACK, SERVED_DECISIONS}:
        return LOG_FILES
    if kind == "features":
        return spec.value_table(table)
    return spec.source.label if kind == "labels" else spec.source
