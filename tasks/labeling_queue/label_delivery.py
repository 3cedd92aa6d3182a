"""Answers as a file for the place where the project's labels land, written as its other labels are."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from datetime import date

import pandas as pd

from tasks.labeling_queue.returned_labels import with_ids
from tasks.spec import ProjectSpec


@dataclass(frozen=True, slots=True)
class LandingFile:
    """A file by its key in the landing place; `marker` is the key of the empty file that says it is complete."""

    key: str
    content: bytes
    marker: str | None


def landing_file(taken: pd.DataFrame, spec: ProjectSpec, day: date) -> LandingFile:
    """Return answers as a delivery of labels: its name has the day, and a digest, so the same answers are one file.

    Parameters
    ----------
    taken : DataFrame
        `row_id` and `label` as text; labels are written as the person wrote them, and read by the contract.
    spec : ProjectSpec
        `source.label` says how files are written there, and by what they are known to be complete.
    day : date
        When it lands.
    """
    label = spec.source.label
    content = file_content(with_ids(taken, spec), spec)
    stem, marker = f"review-{day}-{hashlib.sha256(content).hexdigest()[:8]}", label.complete_marker
    name = f"{stem}.{label.format}"
    if marker is None:
        return LandingFile(name, content, None)
    if marker.startswith("."):
        return LandingFile(name, content, f"{name}{marker}")
    return LandingFile(f"{stem}/{name}", content, f"{stem}/{marker}")


def file_content(frame: pd.DataFrame, spec: ProjectSpec) -> bytes:
    """Return a frame of texts in the format, encoding and separator of the project's labels."""
    label = spec.source.label
    if label.format == "parquet":
        stream = io.BytesIO()
        frame.to_parquet(stream, index=False)
        return stream.getvalue()
    if label.format == "jsonl":
        text = frame.to_json(orient="records", lines=True, force_ascii=False)
        return text.encode(label.encoding)
    return frame.to_csv(index=False, sep=label.separator, lineterminator="\n").encode(label.encoding)
