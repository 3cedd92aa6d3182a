"""What the registry remembers: a `Draft` goes in, a `Version` comes out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tasks.errors import DataError

TEXT_CHARACTERS = 5000
"""What MLflow's database keeps of a description or a tag (String(5000)); SQLite would take more, others refuse."""


@dataclass(frozen=True, slots=True)
class Version:
    """One model version; `created` is aware (UTC), `aliases` are sorted."""

    project: str
    number: int
    run_id: str
    tags: Mapping[str, str]
    aliases: tuple[str, ...]
    created: datetime
    description: str


@dataclass(frozen=True, slots=True)
class Input:
    """A table that a training read, as MLflow shows it: where it is, and at which commit it was read."""

    name: str
    source: str
    commit: int


@dataclass(frozen=True, slots=True)
class Draft:
    """A version to be added.

    Parameters
    ----------
    key : str
        What the version is made for, such as the decision's name; the same key again returns the first version.
    files : mapping of str to bytes
        Everything a version holds, by flat file name.
    description : str
        The card a person reads, markdown, at most 5,000 characters.
    tags, params : mapping of str to str
        Short readable facts on the version's page, and settings of the training on its run's page.
    metrics : mapping of str to float
        Numbers of the training on its run's page.
    inputs : tuple of Input
        Tables the training read, on its run's page.
    """

    key: str
    files: Mapping[str, bytes]
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    inputs: tuple[Input, ...] = ()

    def check_lengths(self) -> None:
        """Raise DataError when the description or a tag is longer than the registry keeps.

        >>> Draft("mine/1", {}, description="x" * 5001).check_lengths()
        Traceback (most recent call last):
        tasks.errors.DataError: ['description'] longer than the 5000 characters MLflow keeps; shorten.
        """
        texts = {"description": self.description, **self.tags}
        long = sorted(name for name, text in texts.items() if len(text) > TEXT_CHARACTERS)
        if long:
            raise DataError(f"{long} longer than the {TEXT_CHARACTERS} characters MLflow keeps; shorten.")


def dataset(table: Input) -> Any:
    """Return a table as MLflow's own record of an input: its digest is the commit, which is all that names its rows."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = json.dumps({"path": table.source, "delta_table_version": table.commit})
    known = Dataset(table.name, f"commit-{table.commit}", "delta_table", source)
    return DatasetInput(known, [InputTag("mlflow.data.context", "training")])


def version_of(found: Any, aliases: Mapping[str, Any]) -> Version:
    """Return our record of MLflow's model version.

    Parameters
    ----------
    found : mlflow.entities.model_registry.ModelVersion
        As any call returned it; its own aliases are not trusted, since searches leave them empty.
    aliases : mapping of str to str
        Alias to version number, of the registered model.
    """
    number = int(found.version)
    return Version(
        project=found.name,
        number=number,
        run_id=found.run_id or "",
        tags=dict(found.tags),
        aliases=tuple(sorted(alias for alias, pointed in aliases.items() if int(pointed) == number)),
        created=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
        description=found.description or "",
    )
