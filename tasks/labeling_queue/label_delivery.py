"""Answers as a file for the landing zone of the project's labels, in the format of its other labels."""

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
    """A file with its key in the landing zone; `marker` is the key of the empty file that marks it as complete."""

    key: str
    content: bytes
    marker: str | None


def landing_file(taken: pd.DataFrame, spec: ProjectSpec, day: date) -> LandingFile:
    """Return answers as a delivery of labels; its name has the day and a digest, so the same answers give one file.

    Parameters
    ----------
    taken : DataFrame
        `row_id` and `label` as text; labels are written as the person wrote them.
    spec : ProjectSpec
        `source.label` gives the format of the files, and the marker of complete ones.
    day : date
        The day on which it lands.
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
