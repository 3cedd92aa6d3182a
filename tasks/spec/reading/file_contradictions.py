"""Finds keys about the files that rows name which do not fit the rest of a spec."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tasks.spec.reading.database_contradictions import Found, Loc

if TYPE_CHECKING:
    from tasks.spec.landing_sections.files_of_rows import FilesOfRows
    from tasks.spec.project_spec import ProjectSpec

FILES: Loc = ("source", "files")


def of_files(spec: ProjectSpec) -> Found:
    """Find files that nothing is made of, that cannot be read, or that are named by columns with another purpose."""
    files = spec.source.files
    if files is None:
        return
    if not spec.features.made.all:
        text = (
            "source.files names files, but nothing is made of them; name the function that gets their bytes in "
            "features.function, and the columns that it makes in features.made"
        )
        yield [FILES, ("features", "made")], text
    if spec.source.database is not None:
        text = "source.files are next to deliveries, but the rows come from a database; deliver the rows as files"
        yield [FILES, ("source", "database")], text
    if spec.source.format == "delta":
        text = "source.files are next to deliveries, but the rows come from a Delta table; deliver the rows as files"
        yield [FILES, ("source", "format")], text
    if files.chunk_mb < files.object_mb:
        text = f"source.files.chunk_mb {files.chunk_mb} is below object_mb {files.object_mb}; one file must fit"
        yield [(*FILES, "chunk_mb"), (*FILES, "object_mb")], text
    yield from _of_columns(spec, files)


def _of_columns(spec: ProjectSpec, files: FilesOfRows) -> Iterator[tuple[list[Loc], str]]:
    if files.sha256 == files.column:
        text = f"source.files.sha256 and column are both {files.column!r}; expected the name of a file, and its digest"
        yield [(*FILES, "sha256"), (*FILES, "column")], text
    hidden = {*spec.privacy.drop, *spec.privacy.pseudonymise}
    others = {*spec.features.learned, spec.source.event_time, spec.source.label.column, *spec.fairness.groups}
    for key, name in (("column", files.column), ("sha256", files.sha256)):
        if name in hidden:
            text = f"source.files.{key} is {name!r}, which privacy hides, so that no file is found; take it out there"
            yield [(*FILES, key), ("privacy",)], text
        elif name in others:
            text = f"source.files.{key} is {name!r}, which is a feature, a group, the event time or the label as well"
            yield [(*FILES, key), ("features",)], f"{text}; expected a column of its own"
