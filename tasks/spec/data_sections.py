"""What comes in: the purpose, the sources, the contract, the features, and what is never stored as it came."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, field_validator

from tasks.spec.field_types import IMPORT_PATH, Column, Metric, Name, Share, SpecSection, secret_reference

DATES = (
    "Columns read as dates, with or without a time of day. The model sees year, month, weekday, day of the year, and "
    "days since 1970. Dates move by themselves, so what is watched for drift is their age: days from the date to the "
    "row's event date."
)


class Scope(SpecSection):
    """What the project is for, and what counts as success."""

    owner: str = Field(description="Who answers for this model: a name or an address.")
    objective: str = Field(description="What the model decides, for whom, in a sentence.")
    metric: Metric = Field(
        description="The one number that is made smaller; every metric is a mean over rows, lower is better."
    )
    target: float | None = Field(None, gt=0, description="The value of the metric that would be called a success.")
    baseline: str = Field(
        "median",
        min_length=1,
        description="The trivial rule a model must beat: mean, median or majority of the label, last_value (its newest "
        "weekly level), a feature column (a number is the prediction itself, of a category or boolean the label's "
        "level is), or `module:function`, from rows without their label to one prediction each.",
    )
    human_level: float | None = Field(
        None, gt=0, description="The metric's value that people reach on the same task; shown beside the model's."
    )
    false_positive_cost: float | None = Field(
        None,
        ge=0,
        description="What a wrong decision for class 1 costs. With false_negative_cost, the decision threshold is the "
        "one that costs least.",
    )
    false_negative_cost: float | None = Field(
        None, ge=0, description="What a wrong decision for class 0 costs, in the same money."
    )
    training_minutes: float = Field(10, gt=0, description="Longest a training may take, in minutes.")
    training_cost: float = Field(
        0, ge=0, description="What one retraining costs, reviews included, in the owner's money."
    )
    loss_cost_per_row: float | None = Field(
        None,
        ge=0,
        description="What one unit of the metric costs per row, in the same money; with it, a retraining must pay.",
    )


class Files(SpecSection):
    """How the files of one landing place are written, and when a delivery is whole."""

    format: Literal["csv", "jsonl", "parquet"] = Field(
        "csv", description="How the files are written; csv and jsonl may be packed by gzip."
    )
    encoding: Literal["utf-8", "latin-1", "cp1252"] = Field(
        "utf-8",
        description="How text is encoded. A byte-order mark (UTF-8, UTF-16) is always believed instead.",
    )
    separator: Literal[",", ";", "\t", "|"] = Field(",", description="What stands between two cells of a csv row.")
    decimal: Literal[".", ","] = Field(
        ".", description="What stands before the decimals of a number written as text; the other one is a fault."
    )
    batch: Literal["object", "folder"] = Field(
        "object",
        description="What one delivery is: an object, or all objects below one sub-folder of the landing place.",
    )
    settle_minutes: int = Field(
        0,
        ge=0,
        le=100_000,
        description="A delivery written less than this many minutes ago is left for the next night; 0 never waits.",
    )
    complete_marker: str | None = Field(
        None,
        min_length=2,
        max_length=128,
        description="A delivery waits until this is there: a file of this name beside its objects (`_SUCCESS`), or, "
        "beginning with a dot, the delivery's own name with this ending (`.done`).",
    )

    @field_validator("complete_marker")
    @classmethod
    def _is_a_name(cls, value: str | None) -> str | None:
        if value is not None and "/" in value:
            raise ValueError(f"found {value!r}; expected the name of a file such as '_SUCCESS', or an ending '.done'")
        return value


class Label(Files):
    """The truth, and how late it comes."""

    column: Column = Field(description="The column that holds the label.")
    uri: str | None = Field(
        None, description="Where labels land; left out, the label is a column of the rows themselves."
    )
    delay_days: int = Field(0, ge=0, le=3650, description="Days from the event until its label is known.")


class Source(Files):
    """Where the rows land."""

    uri: str = Field(description="A folder (relative to the spec) or s3://bucket/prefix.")
    id: Annotated[list[Column], Field(min_length=1)] = Field(description="The column, or columns, that name a row.")
    event_time: Column = Field(description="The column that says when a row happened.")
    arrival: Literal["modified", "filename"] = Field(
        "modified",
        description="When a file counts as landed: its modification time, or the date (YYYY-MM-DD) in its name. "
        "With `filename` any past night can be run again as it was.",
    )
    label: Label = Field(description="The truth, and how late it comes.")
    s3_endpoint: str | None = Field(None, description="Address of an S3-compatible store; left out, Amazon's.")
    s3_addressing: Literal["auto", "path", "virtual"] = Field(
        "auto",
        description="Where the bucket stands in a request: in the path, or in the host name (virtual). Stores of one's "
        "own mostly need `path`; auto leaves it to the AWS library.",
    )


class Contract(SpecSection):
    """What a delivery must satisfy before anything learns from it."""

    suite: str = Field("expectations.json", description="The project's Great Expectations suite, beside the spec.")
    parameters: dict[str, int | float | str | list[int | float | str]] = Field(
        {},
        description='Values by name: where the suite says `{"$PARAMETER": "max_rooms"}`, this block\'s `max_rooms` is '
        "put in. A limit that differs between projects or seasons is changed here, not in the suite.",
    )
    max_bad_share: Share = Field(0.1, description="Past this share of refused rows the whole batch is quarantined.")
    new_columns: Literal["ignore", "refuse"] = Field(
        "ignore", description="Columns the spec does not name: left out with a warning, or the batch is quarantined."
    )
    max_contradictory_labels: Share | None = Field(
        None,
        description="Past this share of labels that contradict another of the same row, a delivery of labels is "
        "quarantined whole. Left out, such labels only count as refused rows.",
    )

    @field_validator("parameters", mode="before")
    @classmethod
    def _are_values(cls, value: object) -> object:
        for name, each in value.items() if isinstance(value, dict) else ():
            for one in each if isinstance(each, list) else [each]:
                if not isinstance(name, str) or isinstance(one, bool) or not isinstance(one, int | float | str):
                    raise ValueError(  # noqa: TRY004 - pydantic takes only these for a fault of the file
                        f"{name!r} is {each!r}; expected a number, a text, or a list of them"
                    )
        return value


class Columns(SpecSection):
    """Columns by the kind they are read as."""

    numbers: list[Column] = Field([], description="Columns read as numbers.")
    categories: list[Column] = Field([], description="Columns read as text categories (zip codes too).")
    booleans: list[Column] = Field([], description="Columns read as true or false.")
    dates: list[Column] = Field([], description=DATES)

    @property
    def all(self) -> list[str]:
        """Every column, in a fixed order: numbers, booleans, categories, dates."""
        return [*self.numbers, *self.booleans, *self.categories, *self.dates]


class FeatureTable(Files):
    """Values that land apart from the rows, keyed by entity and event time, joined as they were at a row's time."""

    name: Name = Field(description="Lower-case letters, digits and dashes; what reports and the lake call it.")
    uri: str = Field(description="Where its files land: a folder (relative to the spec) or s3://bucket/prefix.")
    entity: Annotated[list[Column], Field(min_length=1)] = Field(
        description="The column, or columns, that say whose values they are; the rows have them under the same names."
    )
    event_time: Column = Field(description="The table's column that says from when on its values hold.")
    columns: Columns = Field(description="The table's columns that become features, by kind.")
    max_age_days: int | None = Field(
        None,
        ge=0,
        le=36500,
        description="Values older than this at a row's time are missing; left out, none is too old.",
    )
    delay_days: int = Field(
        0,
        ge=0,
        le=3650,
        description="Days from a value's event time until it is known; a row sees only what was known at its own time.",
    )


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
        None, description="`module:function`, frame in and frame out, applied alike in training and scoring; pure."
    )
    made: Columns = Field(
        default_factory=Columns, description="Columns that `function` adds: features that no delivery brings."
    )
    tables: list[FeatureTable] = Field(
        [], description="Feature tables: values of an entity over time, joined as of each row's time, never later."
    )

    @property
    def parts(self) -> list[Columns]:
        """Every block of feature columns: the delivered ones, each table's, and those the function makes."""
        return [self.own, *(table.columns for table in self.tables), self.made]

    @property
    def own(self) -> Columns:
        """The features that deliveries of rows bring."""
        return Columns(
            numbers=self.own_numbers, categories=self.own_categories, booleans=self.own_booleans, dates=self.own_dates
        )

    @property
    def numbers(self) -> list[str]:
        """The model's number columns, wherever they come from."""
        return [name for part in self.parts for name in part.numbers]

    @property
    def booleans(self) -> list[str]:
        """The model's boolean columns, wherever they come from."""
        return [name for part in self.parts for name in part.booleans]

    @property
    def categories(self) -> list[str]:
        """The model's category columns, wherever they come from."""
        return [name for part in self.parts for name in part.categories]

    @property
    def dates(self) -> list[str]:
        """The model's date columns, wherever they come from."""
        return [name for part in self.parts for name in part.dates]

    @property
    def columns(self) -> list[str]:
        """Every feature column that is no date, in a fixed order: numbers, booleans, categories."""
        return [*self.numbers, *self.booleans, *self.categories]

    @property
    def learned(self) -> list[str]:
        """Every feature column that the model learns from, and that is watched: those that are no date, and dates."""
        return [*self.columns, *self.dates]

    @property
    def entities(self) -> list[str]:
        """The columns by which rows are joined with feature tables, each once."""
        return list(dict.fromkeys(name for table in self.tables for name in table.entity))

    @field_validator("function")
    @classmethod
    def _is_an_import_path(cls, value: str | None) -> str | None:
        if value is not None and not IMPORT_PATH.fullmatch(value):
            raise ValueError(f"found {value!r}; expected an import path such as 'deployments.mine.features:add'")
        return value


class UpstreamProject(SpecSection):
    """A project of the same lake that this one is made of."""

    project: Name = Field(
        description="Its name. Its nights are shown beside this project's, which then names it first."
    )
    use: Literal["dataset", "model"] = Field(
        "dataset",
        description="What is used of it: its rows (columns that move there are told), or its model's answers.",
    )


class Privacy(SpecSection):
    """What is never stored as it came."""

    drop: list[Column] = Field([], description="Columns that are never written.")
    pseudonymise: list[Column] = Field(
        [], description="Columns replaced by a keyed hash (HMAC-SHA256) before the first write."
    )
    key: str = Field("env:LEEWAY_PRIVACY_KEY", description="Where the key of that hash is found; never the key itself.")
    min_category_count: int = Field(5, ge=1, description="Categories rarer than this are not shown in reports.")

    @field_validator("key")
    @classmethod
    def _is_a_reference(cls, value: str) -> str:
        return secret_reference(value)
