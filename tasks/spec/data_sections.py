"""The sections of a spec about its purpose and its data: sources, contract, features and privacy."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, field_validator

from tasks.spec.field_types import IMPORT_PATH, Column, Metric, Name, Share, SpecSection, secret_reference
from tasks.spec.landing_sections.files_of_rows import FilesOfRows
from tasks.spec.landing_sections.files_section import Files
from tasks.spec.own_names import RESERVED_IN_TABLES, kept_apart

DATES = (
    "Columns read as dates, with or without a time of day. The model sees year, month, weekday, day of the year, and "
    "days since 1970. Because dates always move on, drift is measured on their age: the days from the date to the "
    "row's event date."
)


class Scope(SpecSection):
    """What the project is for, and what counts as success."""

    owner: str = Field(description="Who is responsible for this model: a name or an address.")
    objective: str = Field(description="What the model decides and who uses it, in a sentence.")
    metric: Metric = Field(
        description="The metric that is minimised; every metric is a mean over rows, and lower is better. "
        "pinball_loss_90 is that of a predicted .9 quantile; gradient-boosted trees then predict that quantile."
    )
    target: float | None = Field(None, gt=0, description="The value of the metric that counts as a success.")
    baseline: Annotated[str, AfterValidator(kept_apart)] = Field(
        "median",
        min_length=1,
        description="The trivial rule that a model must beat: mean, median or majority of the label, last_value (its "
        "newest weekly level), quantile (that of a pinball loss), a feature column (a number is the prediction itself; "
        "for a category or boolean it is the label's level), or `module:function`, which maps rows without their label "
        "to predictions.",
    )
    human_level: float | None = Field(
        None, gt=0, description="The value of the metric that people reach on the same task; shown for comparison."
    )
    false_positive_cost: float | None = Field(
        None,
        ge=0,
        description="The cost of a wrong decision for class 1. Together with false_negative_cost it sets the decision "
        "threshold to the one with the lowest cost, and `leeway replay` compares the costs of schedules.",
    )
    false_negative_cost: float | None = Field(
        None, ge=0, description="The cost of a wrong decision for class 0, in the same currency."
    )
    training_minutes: float = Field(10, gt=0, description="The longest duration of a training, in minutes.")
    training_cost: float = Field(
        0, ge=0, description="The cost of one retraining, including reviews, in the owner's currency."
    )
    loss_cost_per_row: float | None = Field(
        None,
        ge=0,
        description="The cost of one unit of the metric per row, in the same currency; if given, a retraining must "
        "pay off.",
    )


class Label(Files):
    """The label, and how late it arrives."""

    column: Column = Field(description="The column with the label.")
    uri: str | None = Field(None, description="Where labels land; by default the label is a column of the rows.")
    delay_days: int = Field(0, ge=0, le=3650, description="Days from the event until its label is known.")


class Source(Files):
    """Where the rows land."""

    uri: str = Field(
        description="A folder (relative to the spec), s3://bucket/prefix, or a database: see `database` below."
    )
    id: Annotated[list[Column], Field(min_length=1)] = Field(description="The column or columns that identify a row.")
    identity: Literal["id", "id_and_time"] = Field(
        "id",
        description="What makes two rows the same one. `id`: the id alone, for ever, so a row that is delivered again "
        "with another event time is a correction. `id_and_time`: the id and the event time together, for ids that are "
        "used again; labels that land apart then need the event time too. Choose before the first night.",
    )
    event_time: Column = Field(description="The column with the time of the event.")
    arrival: Literal["modified", "filename"] = Field(
        "modified",
        description="When a file arrived: its modification time, or the date (YYYY-MM-DD) in its name. With "
        "`filename`, any past night can be run again as it was.",
    )
    every: int | None = Field(
        None,
        ge=1,
        le=366,
        description="The most days between two deliveries of rows. When none has landed for longer, nights report it "
        "and nothing is retrained. By default it is learned from earlier deliveries.",
    )
    label: Label = Field(description="The label, and how late it arrives.")
    files: FilesOfRows | None = Field(None, description="Files that the rows name, such as pictures.")
    s3_endpoint: str | None = Field(None, description="The address of an S3-compatible store; Amazon S3 by default.")
    s3_addressing: Literal["auto", "path", "virtual"] = Field(
        "auto",
        description="Where a request names the bucket: in the path, or in the host name (virtual). Self-hosted stores "
        "mostly need `path`; auto lets the AWS library choose.",
    )


class Ingest(SpecSection):
    """How deliveries are read."""

    memory_mb: int = Field(
        1024,
        ge=128,
        le=1_048_576,
        description="The most memory for reading and checking one delivery, in megabytes. What is larger is kept on "
        "disk meanwhile. A delivery is quarantined as too_large when it unpacks to more than 200 times its size, or "
        "has more columns (32 a megabyte) or longer rows (1/64 of the memory) than that memory has room for.",
    )


class Contract(SpecSection):
    """What a delivery must satisfy before a model learns from it."""

    suite: str = Field(
        "expectations.json", description="The project's Great Expectations suite, in the folder of the spec."
    )
    parameters: dict[str, int | float | str | list[int | float | str]] = Field(
        {},
        description='Values by name: `{"$PARAMETER": "max_rooms"}` in the suite is replaced by `max_rooms` of this '
        "block, so that a limit that differs between projects or seasons is changed here and not in the "
        "suite.",
    )
    max_bad_share: Share = Field(0.1, description="Above this share of refused rows, the whole batch is quarantined.")
    new_columns: Literal["ignore", "refuse"] = Field(
        "ignore",
        description="Columns that the spec does not name: ignored with a warning, or the batch is quarantined.",
    )
    max_contradictory_labels: Share | None = Field(
        None,
        description="Above this share of labels that contradict another label of the same row, a whole delivery of "
        "labels is quarantined. By default such labels only count as refused rows.",
    )

    @field_validator("parameters", mode="before")
    @classmethod
    def _are_values(cls, value: object) -> object:
        for name, setting in value.items() if isinstance(value, dict) else ():
            for one in setting if isinstance(setting, list) else [setting]:
                if not isinstance(name, str) or isinstance(one, bool) or not isinstance(one, int | float | str):
                    raise ValueError(  # noqa: TRY004 - pydantic takes only these for a fault of the file
                        f"{name!r} is {setting!r}; expected a number, a text, or a list of them"
                    )
        return value


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

    @field_validator("function")
    @classmethod
    def _is_an_import_path(cls, value: str | None) -> str | None:
        if value is not None and not IMPORT_PATH.fullmatch(value):
            raise ValueError(f"found {value!r}; expected an import path such as 'deployments.mine.features:add'")
        return value


class UpstreamProject(SpecSection):
    """A project of the same lake that this project depends on."""

    project: Name = Field(
        description="The name of the project. When it has a problem, a night of this project reports it first."
    )
    use: Literal["dataset", "model"] = Field(
        "dataset",
        description="What this project uses: its rows (columns that drift there are reported), or the predictions of "
        "its model.",
    )


class Privacy(SpecSection):
    """Columns that are never stored as they arrive.

    With any of them, columns that the spec does not name are left out, and no message quotes a cell, an unknown column
    or what the project's own function says of a row.
    """

    drop: list[Column] = Field([], description="Columns that are never written.")
    pseudonymise: list[Column] = Field(
        [], description="Columns replaced by a keyed hash (HMAC-SHA256) before the first write."
    )
    key: str = Field(
        "env:LEEWAY_PRIVACY_KEY",
        description="A reference to the key of that hash, at least 16 bytes; never the key itself.",
    )
    min_category_count: int = Field(5, ge=1, description="Categories rarer than this are not shown in reports.")
    consent: Column | None = Field(
        None,
        description="The column of the rows that says whether a row may be learned from: true or false. Rows without "
        "consent are scored and monitored, and never trained on, tested with, or shown. The newest delivery of a row "
        "counts.",
    )

    @property
    def is_set(self) -> bool:
        """Whether there is anything to hide: what the spec does not name is then neither stored nor quoted."""
        return bool(self.drop or self.pseudonymise or self.consent)

    @field_validator("key")
    @classmethod
    def _is_a_reference(cls, value: str) -> str:
        return secret_reference(value)
