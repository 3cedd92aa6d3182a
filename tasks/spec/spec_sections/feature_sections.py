"""The sections of a spec about what the model sees: columns by kind, and tables of values that are joined with rows."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, field_validator

from tasks.spec.field_types import IMPORT_PATH, Column, Name, SpecSection
from tasks.spec.landing_sections.files_section import Files
from tasks.spec.own_names import RESERVED_IN_TABLES, kept_apart

DATES = (
    "Columns read as dates, with or without a time of day. The model sees year, month, weekday, day of the year, and "
    "days since 1970. Because dates always move on, drift is measured on their age: the days from the date to the "
    "row's event date."
)


class Columns(SpecSection):
    """Columns by kind."""

    numbers: list[Column] = Field([], description="Columns read as numbers.")
    categories: list[Column] = Field([], description="Columns read as text categories (zip codes too).")
    booleans: list[Column] = Field([], description="Columns read as true or false.")
    dates: list[Column] = Field([], description=DATES)

    @property
    def all(self) -> list[str]:
        """Every column, in a fixed order: numbers, booleans, categories, dates."""
        return [*self.numbers, *self.booleans, *self.categories, *self.dates]


class FeatureTable(Files):
    """Values that land separately from the rows, keyed by entity and event time, and joined as of a row's time."""

    name: Name = Field(description="Its name in reports and in the lake: lower-case letters, digits and dashes.")
    uri: str = Field(description="Where its files land: a folder (relative to the spec) or s3://bucket/prefix.")
    entity: Annotated[list[Column], Field(min_length=1)] = Field(
        description="The column or columns that identify the entity; the rows have columns of the same names."
    )
    event_time: Column = Field(description="The table's column with the time from which its values are valid.")
    columns: Columns = Field(description="The table's columns that become features, by kind.")
    max_age_days: int | None = Field(
        None,
        ge=0,
        le=36500,
        description="Values older than this at a row's time are missing; by default no value is too old.",
    )
    delay_days: int = Field(
        0,
        ge=0,
        le=3650,
        description="Days from a value's event time until it is known; a row only has values that were known at its "
        "own time.",
    )

    @field_validator("columns")
    @classmethod
    def _are_kept_apart(cls, value: Columns) -> Columns:
        kinds = ("numbers", "categories", "booleans", "dates")
        names = {kind: [kept_apart(name, RESERVED_IN_TABLES) for name in getattr(value, kind)] for kind in kinds}
        return value.model_copy(update=names)


class Features(SpecSection):
    """What the model sees. The kind of each column is part of the contract."""

    model_config = ConfigDict(serialize_by_alias=True)

    own_numbers: list[Column] = Field([], alias="numbers", description="Columns read as numbers.")
    own_categories: list[Column] = Field(
        [], alias="categories", description="Columns read as text categories (zip codes too)."
    )
    own_booleans: list[Column] = Field([], alias="booleans", description="Columns read as true or false.")
    own_dates: list[Column] = Field([], alias="dates", description=DATES)
    function: str | None = Field(
        None,
        description="`module:function`: a pure function from a frame to a frame, applied in training and in scoring.",
    )
    online_function: str | None = Field(
        None,
        description="`module:function`: the same for one row, from a dict to a dict of the columns in `made`. Its "
        "module is next to project.yaml, and imports only modules of the standard library for computing. Workers of "
        "the prediction service call it; without it, they call `function` in a process of its own.",
    )
    made: Columns = Field(
        default_factory=Columns, description="Columns that `function` adds: features that are not in the deliveries."
    )
    tables: list[FeatureTable] = Field(
        [], description="Feature tables: values of an entity over time, joined as of each row's time and never later."
    )

    @property
    def parts(self) -> list[Columns]:
        """Every block of feature columns: the delivered ones, each table's, and those the function makes."""
        return [self.own, *(table.columns for table in self.tables), self.made]

    @property
    def own(self) -> Columns:
        """The features in deliveries of rows."""
        return Columns(
            numbers=self.own_numbers, categories=self.own_categories, booleans=self.own_booleans, dates=self.own_dates
        )

    @property
    def numbers(self) -> list[str]:
        """The model's number columns from all sources."""
        return [name for part in self.parts for name in part.numbers]

    @property
    def booleans(self) -> list[str]:
        """The model's boolean columns from all sources."""
        return [name for part in self.parts for name in part.booleans]

    @property
    def categories(self) -> list[str]:
        """The model's category columns from all sources."""
        return [name for part in self.parts for name in part.categories]

    @property
    def dates(self) -> list[str]:
        """The model's date columns from all sources."""
        return [name for part in self.parts for name in part.dates]

    @property
    def columns(self) -> list[str]:
        """Every feature column other than dates, in a fixed order: numbers, booleans, categories."""
        return [*self.numbers, *self.booleans, *self.categories]

    @property
    def learned(self) -> list[str]:
        """Every feature column that the model learns from and that is monitored: `columns`, then dates."""
        return [*self.columns, *self.dates]

    @property
    def entities(self) -> list[str]:
        """The columns by which rows are joined with feature tables, without duplicates."""
        return list(dict.fromkeys(name for table in self.tables for name in table.entity))

    @field_validator("function", "online_function")
    @classmethod
    def _is_an_import_path(cls, value: str | None) -> str | None:
        if value is not None and not IMPORT_PATH.fullmatch(value):
            raise ValueError(f"found {value!r}; expected an import path such as 'deployments.mine.features:add'")
        return value
