"""What the files of a folder say: every file is searched, also packed columns and databases."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet as pq


def contents(folder: Path) -> dict[str, bytes]:
    """Return what each file says: Parquet columns and rows of databases as text, and every file's bytes."""
    said: dict[str, bytes] = {}
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        said[str(path)] = path.read_bytes()
        if path.suffix == ".parquet":
            said[f"{path}, unpacked"] = json.dumps(pq.read_table(path).to_pylist(), default=str).encode()
        if said[str(path)].startswith(b"SQLite format 3"):
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
                said[f"{path}, unpacked"] = "\n".join(database.iterdump()).encode()
    return said


def files_with(folders: Iterable[Path], *texts: str) -> list[str]:
    """Return the files of some folders with any of some texts, as bytes or unpacked."""
    said = {name: content for folder in folders for name, content in contents(folder).items()}
    return [name for name, content in said.items() if any(text.encode() in content for text in texts)]
