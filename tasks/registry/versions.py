"""The records of the registry: a `Draft` to add, and a `Version` as stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tasks.errors import DataError
from tasks.registry.mlflow_names import KEY
from tasks.registry.statement import Basis

TEXT_CHARACTERS = 5000
"""The longest description or tag in MLflow's database (String(5000)); SQLite allows more, other databases do not."""


@dataclass(frozen=True, slots=True)
class Version:
    """One model version; `created` is in UTC, `aliases` are sorted."""

    project: str
    number: int
    run_id: str
    tags: Mapping[str, str]
    aliases: tuple[str, ...]
    created: datetime
    description: str

    @property
    def about(self) -> dict[str, str]:
        """What its manifest is about: the project, and the reason for the version."""
        return {"project": self.project, "key": self.tags.get(KEY, "")}


@dataclass(frozen=True, slots=True)
class Input:
    """A table that a training read, as MLflow shows it: its address, and the commit that was read."""

    name: str
    source: str
    commit: int


@dataclass(frozen=True, slots=True)
class Draft:
    """A version to be added.

    Parameters
    ----------
    key : str
        The reason for the version, such as the name of a decision; a repeated key returns the first version.
    files : mapping of str to bytes
        All files of the version, by flat file name.
    description : str
        The model card in markdown, at most 5,000 characters.
    tags, params : mapping of str to str
        Short facts on the page of the version, and settings of the training on the page of its run.
    metrics : mapping of str to float
        Metrics of the training on the page of its run.
    inputs : tuple of Input
        Tables that the training read, on the page of its run.
    basis : Basis
        What the training rests on; it is signed with the files.
    """

    key: str
    files: Mapping[str, bytes]
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    inputs: tuple[Input, ...] = ()
    basis: Basis = field(default_factory=Basis)

    def check_lengths(self) -> None:
        """Raise DataError when the description or a tag is too long for MLflow.

        >>> Draft("mine/1", {}, description="x" * 5001).check_lengths()
        Traceback (most recent call last):
        tasks.errors.DataError: ['description'] longer than the 5000 characters MLflow keeps; shorten.
        """
        texts = {"description": self.description, **self.tags}
        long = sorted(name for name, text in texts.items() if len(text) > TEXT_CHARACTERS)
        if long:
            raise DataError(f"{long} longer than the {TEXT_CHARACTERS} characters MLflow keeps; shorten.")


def dataset(table: Input) -> Any:
    """Return a table as MLflow's record of an input; its digest is the commit, which identifies its rows."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = json.dumps({"path": table.source, "delta_table_version": table.commit})
    record = Dataset(table.name, f"commit-{table.commit}", "delta_table", source)
    return DatasetInput(record, [InputTag("mlflow.data.context", "training")])


def version_of(model: Any, aliases: Mapping[str, Any]) -> Version:
    """Return the record of a model version of MLflow.

    Parameters
    ----------
    model : mlflow.entities.model_registry.ModelVersion
        As any call returns it; its own aliases are ignored, because searches leave them empty.
    aliases : mapping of str to str
        Version numbers by alias, of the registered model.
    """
    number = int(model.version)
    return Version(
        project=model.name,
        number=number,
        run_id=model.run_id or "",
        tags=dict(model.tags),
        aliases=tuple(sorted(alias for alias, pointed in aliases.items() if int(pointed) == number)),
        created=datetime.fromtimestamp(model.creation_timestamp / 1000, UTC),
        description=model.description or "",
    )
