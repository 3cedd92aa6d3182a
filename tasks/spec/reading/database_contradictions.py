"""Finds landing zones with an address of a database and no `database` block, or the other way round."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from tasks.spec.landing_sections.database_section import is_database

if TYPE_CHECKING:
    from tasks.spec.landing_sections.files_section import Files
    from tasks.spec.project_spec import ProjectSpec

Loc = tuple[str | int, ...]
Found = Iterator[tuple[list[Loc], str]]
EXPECTED = (
    "`env:NAME`, the variable with the address, or postgresql://user@host/name without a password, or sqlite:///file"
)
MOST_PARTS = 2
LONGEST_PART = 50  # of the 63 characters of a name in PostgreSQL: the table of deliveries has a longer one


def landing_addresses(spec: ProjectSpec) -> list[tuple[str, Loc, Files]]:
    """Return the address of each landing zone, the key that has it, and its other keys."""
    zones: list[tuple[str | None, Loc, Files]] = [
        (spec.source.uri, ("source", "uri"), spec.source),
        (spec.source.label.uri, ("source", "label", "uri"), spec.source.label),
        *((table.uri, ("features", "tables", index, "uri"), table) for index, table in enumerate(spec.features.tables)),
        *([(spec.feedback.uri, ("feedback", "uri"), spec.feedback)] if spec.feedback else []),
        *([(spec.decisions.uri, ("decisions", "uri"), spec.decisions)] if spec.decisions else []),
    ]
    return [(uri, key, files) for uri, key, files in zones if uri is not None]


def of_databases(spec: ProjectSpec) -> Found:
    """Find addresses that do not fit their landing zone, or have a password."""
    if spec.source.label.uri is None and spec.source.label.database is not None:
        yield (
            [("source", "label", "database"), ("source", "label")],
            "source.label.database is set, but source.label.uri is not; set it to the address of the database",
        )
    for uri, key, files in landing_addresses(spec):
        names_one = is_database(uri)
        block = (*key[:-1], "database")
        if files.database is not None and not names_one:
            yield [key, block], f"{_dotted(key)} is {uri!r}, and a database is read; expected {EXPECTED}"
        elif files.database is None and names_one:
            text = f"{_dotted(key)} names a database; say in {_dotted(block)} which table is read, and by which column"
            yield [key], text
        if names_one and _has_password(uri):
            yield [key], f"{_dotted(key)} has a password; expected {EXPECTED}"


def of_answer_table(spec: ProjectSpec) -> Found:
    """Find an output with an address that does not fit its table, or a password, and names that are in the table."""
    scoring, key, table = spec.scoring, ("scoring", "output"), ("scoring", "table")
    names_one = scoring.output is not None and is_database(scoring.output)
    if scoring.table is not None and not names_one:
        yield [table, key], f"scoring.output is {scoring.output!r}, and a table is named; expected {EXPECTED}"
    if scoring.table is None and names_one:
        yield [key], "scoring.output names a database; say in scoring.table which of its tables gets the predictions"
    if names_one and _has_password(scoring.output or ""):
        yield [key], f"scoring.output has a password; expected {EXPECTED}"
    parts = (scoring.table or "part").split(".")
    if len(parts) > MOST_PARTS or not all(0 < len(part) <= LONGEST_PART for part in parts):
        yield (
            [table],
            f"scoring.table is {scoring.table!r}; expected `name` or `schema.name` of at most 50 characters each",
        )
    if names_one and scoring.format == "delta":
        yield [("scoring", "format"), key], "scoring.format is 'delta', and scoring.output names a database; remove one"
    if (names_one or scoring.format == "delta") and "batch_id" in scoring.rename.values():
        yield (
            [("scoring", "rename")],
            "scoring.rename has 'batch_id', which the table has already; expected another name",
        )


def _has_password(uri: str) -> bool:
    """Return whether an address has a password, or cannot be read, so that it may have one.

    >>> _has_password("postgresql://me:secret@db/x"), _has_password("postgresql://me@db/x?password=secret")
    (True, True)
    >>> _has_password("postgresql://me@db/x"), _has_password("env:RIDES")
    (False, False)
    """
    try:
        parts = urlsplit(uri)
        return parts.password is not None or "password" in parse_qs(parts.query, keep_blank_values=True)
    except ValueError:
        return True


def _dotted(key: Loc) -> str:
    return ".".join(f"{part}" for part in key)
