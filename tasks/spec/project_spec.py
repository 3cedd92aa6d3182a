"""ProjectSpec: the model of project.yaml.

Every key has a description, a type, a unit in its name or description, and a default if there is a sensible one. The
descriptions become the JSON schema (deployments/spec.schema.json), which editors show while the file is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Literal, Self

from pydantic import Field, PrivateAttr, model_validator
from pydantic_core import PydanticCustomError

from tasks.row_contract.feedback_columns import DECISION, EVENT, TIME
from tasks.spec.cells.kind_conversion import Kind
from tasks.spec.field_types import BINARY_METRICS, REGRESSION_METRICS, Column, Metric, Name, Share, SpecSection
from tasks.spec.landing_sections.decisions_section import DECISIONS, SERVED_DECISIONS, Decisions
from tasks.spec.landing_sections.feedback_section import FEEDBACK, SERVED_FEEDBACK, Feedback
from tasks.spec.landing_sections.files_section import Files
from tasks.spec.quality_sections.fairness_section import Fairness
from tasks.spec.quality_sections.further_metric import FurtherMetric
from tasks.spec.reading.contradictions import contradictions
from tasks.spec.spec_sections.answer_sections import Automation, Notification, Scoring
from tasks.spec.spec_sections.feature_sections import Columns, Features, FeatureTable
from tasks.spec.spec_sections.monitoring_section import Monitoring
from tasks.spec.spec_sections.online_section import EdgeModels, OnlineServing
from tasks.spec.spec_sections.operation_sections import Compute, Schedule
from tasks.spec.spec_sections.privacy_sections import Privacy, Retention
from tasks.spec.spec_sections.purpose_section import Scope
from tasks.spec.spec_sections.rollout_section import Rollout
from tasks.spec.spec_sections.source_sections import Contract, Ingest, Label, Source, UpstreamProject
from tasks.spec.spec_sections.training_sections import Estimator, Gate, Split, Training

__all__ = [
    "BINARY_METRICS",
    "REGRESSION_METRICS",
    "Automation",
    "Column",
    "Columns",
    "Compute",
    "Contract",
    "Decisions",
    "EdgeModels",
    "Estimator",
    "Fairness",
    "FeatureTable",
    "Features",
    "Feedback",
    "Files",
    "FurtherMetric",
    "Gate",
    "Ingest",
    "Label",
    "Metric",
    "Monitoring",
    "Name",
    "Notification",
    "OnlineServing",
    "Privacy",
    "ProjectSpec",
    "Retention",
    "Rollout",
    "Schedule",
    "Scope",
    "Scoring",
    "Share",
    "Source",
    "SpecSection",
    "Split",
    "Training",
    "UpstreamProject",
]


class ProjectSpec(SpecSection):
    """One ML problem: what it is for, where its data lands, how far it may drift, and who approves."""

    project: Name = Field(description="Lower-case letters, digits and dashes; also the model's name in the registry.")
    scope: Scope
    source: Source
    features: Features
    upstream: list[UpstreamProject] = Field(
        [],
        description="Projects that provide rows or predictions to this one. When one of them has a problem, a night of "
        "this project reports it first; when this one has, its alarm names the projects downstream.",
    )
    ingest: Ingest = Field(default_factory=Ingest)
    contract: Contract = Field(default_factory=Contract)
    split: Split = Field(default_factory=Split)
    training: Training = Field(default_factory=Training)
    gate: Gate = Field(default_factory=Gate)
    metrics: list[FurtherMetric] = Field(
        [],
        max_length=20,
        description="Metrics next to `scope.metric`: each is reported with its interval by the gate and every night, "
        "and may be a guardrail of the gate.",
    )
    fairness: Fairness = Field(default_factory=Fairness)
    monitoring: Monitoring = Field(default_factory=Monitoring)
    scoring: Scoring = Field(default_factory=Scoring)
    serving: OnlineServing = Field(default_factory=OnlineServing)
    rollout: Rollout = Field(default_factory=Rollout)
    edge: EdgeModels = Field(default_factory=EdgeModels)
    feedback: Feedback | None = Field(None, description="What happens to answers; by default it is not known.")
    decisions: Decisions | None = Field(
        None, description="What people decided of the same rows by themselves; by default it is not known."
    )
    automation: Automation = Field(default_factory=Automation)
    privacy: Privacy = Field(default_factory=Privacy)
    retention: Retention = Field(default_factory=Retention)
    compute: Compute = Field(default_factory=Compute)
    notifications: list[Notification] = Field([], description="Who is notified of which events; by default no one.")
    schedule: Schedule = Field(default_factory=Schedule)
    formerly: list[Name] = Field(
        [],
        description="Names that the project had before: versions that were signed under them are still its own. "
        "`leeway rename` writes it.",
    )
    _read_as: dict[str, Kind] = PrivateAttr(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The name of the project, and those that it had before."""
        return [self.project, *self.formerly]

    @property
    def first_name(self) -> str:
        """The name that the project began with, from which the keys of its pseudonyms are derived."""
        return self.formerly[0] if self.formerly else self.project

    @property
    def read_as(self) -> Mapping[str, Kind]:
        """The kinds in which the champion reads columns that the spec gives another kind; empty in a file."""
        return self._read_as

    def reading(self, kinds: Mapping[str, Kind]) -> ProjectSpec:
        """Return the same spec for a champion that reads some columns in other kinds."""
        copy = self.model_copy()
        copy._read_as = dict(kinds)  # noqa: SLF001 - of the same class
        return copy

    def matured_until(self, night: date) -> date:
        """Return the last event date with labels that are known on a night.

        A label is known `delay_days` after its event, and a night sees all arrivals up to its own date.
        """
        return night - timedelta(days=self.source.label.delay_days)

    @property
    def key_columns(self) -> list[str]:
        """The columns that make the id of a row: `source.id`, and the event time if `source.identity` says so."""
        timed = [self.source.event_time] if self.source.identity == "id_and_time" else []
        return list(dict.fromkeys([*self.source.id, *timed]))

    @property
    def row_columns(self) -> list[str]:
        """The columns of a delivery of rows: ids, time, features, entities, consent, weight, and a label with them."""
        label = [self.source.label.column] if self.source.label.uri is None else []
        consent = [] if self.privacy.consent is None else [self.privacy.consent]
        own, entities = self.stored_features.all, [*self.features.entities, *self.group_columns]
        weight = [] if self.scope.weight is None else [self.scope.weight]
        others = [*entities, *consent, *weight, *self.file_columns, *label]
        return list(dict.fromkeys([*self.source.id, self.source.event_time, *own, *others]))

    @property
    def file_columns(self) -> list[str]:
        """The columns with the name and the digest of the file of a row; none without `source.files`."""
        files = self.source.files
        return [] if files is None else [files.column, files.digest_column]

    @property
    def fault_columns(self) -> list[str]:
        """The column of a delivery that says why the file of a row cannot be used; none without `source.files`."""
        return [] if self.source.files is None else [self.source.files.fault_column]

    @property
    def stored_features(self) -> Columns:
        """The features that are stored with the rows: those delivered, and those made from files that rows name."""
        own, made = self.features.own, self.features.made
        if self.source.files is None:
            return own
        return Columns(
            numbers=[*own.numbers, *made.numbers],
            categories=[*own.categories, *made.categories],
            booleans=[*own.booleans, *made.booleans],
            dates=[*own.dates, *made.dates],
        )

    @property
    def row_function(self) -> str | None:
        """The function that is applied to stored rows, in training and in scoring.

        That of a project with files is applied once, when rows are taken in.
        """
        return self.features.function if self.source.files is None else None

    @property
    def made_later(self) -> Columns:
        """The columns that are made of stored rows, by `row_function`."""
        return self.features.made if self.source.files is None else Columns()

    @property
    def trained_on(self) -> list[str]:
        """The columns that a model learns from: the features, and the label."""
        return [*self.features.learned, self.source.label.column]

    @property
    def group_columns(self) -> list[str]:
        """The columns of the rows that only define groups: no feature, and no column with another purpose."""
        return [name for name in self.fairness.groups if name not in self.features.columns]

    def columns_of(self, kind: Literal["rows", "labels", "features"], table: str = "") -> list[str]:
        """Return the columns of a delivery of a kind that the spec names; `table` names a feature table."""
        if kind == "rows":
            return self.row_columns
        if kind == "labels":
            return [*self.key_columns, self.source.label.column]
        values = self.value_table(table)
        return [*values.entity, values.event_time, *values.columns.all]

    @property
    def value_tables(self) -> list[FeatureTable]:
        """The tables of values that land apart from the rows: the feature tables, feedback, and people's decisions."""
        return [
            *self.features.tables,
            *([self.feedback_table] if self.feedback else []),
            *([self.decisions_table] if self.decisions else []),
        ]

    @property
    def feedback_table(self) -> FeatureTable:
        """Feedback as a table: an entity is an event of a row, so that one that is sent again is the same value."""
        values = Columns.model_construct(numbers=[], booleans=[], dates=[], categories=[EVENT])
        return _table_of_rows(FEEDBACK, self.feedback, [*self.key_columns, EVENT], values)

    @property
    def decisions_table(self) -> FeatureTable:
        """What people decided as a table: an entity is a row, and the newest decision of a row counts."""
        several = self.training.task == "multiclass"
        kinds: dict[str, Any] = {"numbers": [], "booleans": [], "dates": [], "categories": []}
        values = Columns.model_construct(**kinds | {"categories" if several else "numbers": [DECISION]})
        return _table_of_rows(DECISIONS, self.decisions, self.key_columns, values)

    def value_table(self, name: str) -> FeatureTable:
        """Return the table of values with a name.

        Raises
        ------
        StopIteration
            There is none.
        """
        wanted = {SERVED_FEEDBACK: FEEDBACK, SERVED_DECISIONS: DECISIONS}.get(name, name)
        return next(table for table in self.value_tables if table.name == wanted)

    def served_uri(self, kind: Literal["rows", "labels", "feedback", "decisions", "rollouts"]) -> str:
        """Return where the prediction service lets rows, what is sent to it, or the evidence of rollouts land."""
        return f"{self.serving.uri.rstrip('/')}/{kind}"

    @model_validator(mode="after")
    def _without_contradictions(self) -> Self:
        conflicts = contradictions(self)
        if conflicts:
            text = "; ".join(conflict.text for conflict in conflicts)
            raise PydanticCustomError("contradiction", "{text}", {"text": text, "contradictions": conflicts})
        return self


def _table_of_rows(name: str, section: Files | None, entity: list[str], values: Columns) -> FeatureTable:
    """Return the table of a section about rows that have been answered, with the format of its files."""
    given: dict[str, Any] = {} if section is None else dict(section)
    files = {key: given[key] for key in Files.model_fields if key in given}
    files |= {"name": name, "uri": given.get("uri") or "", "entity": entity, "event_time": TIME}
    return FeatureTable.model_construct(**files, columns=values)
