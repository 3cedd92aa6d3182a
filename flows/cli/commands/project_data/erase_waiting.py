"""Rows of a subject, and what was sent of them, that the prediction service has and that have not landed yet."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from flows.serving.log_carrier import label_ids, label_rows, unlocked
from tasks.arrays import BoolArray
from tasks.dataset.erasure_subject import Subject
from tasks.serving_store.logged_rows import LOG_FOLDER, without_lines
from tasks.serving_store.sent_files import DECISION_FOLDER, FEEDBACK_FOLDER, LABEL_FOLDER, waiting_files
from tasks.spec import ProjectSpec
from tasks.spec.own_names import apart
from tasks.whole_file import write_whole

FILES = "[!.]*.jsonl"


@dataclass(frozen=True)
class WaitingRows:
    """What waits to land of a project: the prediction log, and labels, feedback and decisions that came over the API.

    Parameters
    ----------
    root : Path
        The serving folder.
    stored_ids : set of str
        The ids of the subject's rows in the lake.
    """

    root: Path
    spec: ProjectSpec
    subject: Subject
    stored_ids: AbstractSet[str]

    def erase(self) -> int:
        """Remove what is the subject's; return how many files or folders are in use by another process, and stay."""
        labels = self._erase_sent(LABEL_FOLDER)
        if self.subject.labels_only:
            return labels
        return labels + self._erase_logged() + self._erase_sent(FEEDBACK_FOLDER) + self._erase_sent(DECISION_FOLDER)

    def _erase_logged(self) -> int:
        in_use = 0
        for path in sorted((self.root / LOG_FOLDER / self.spec.project).glob(FILES)):
            with suppress(FileNotFoundError), unlocked(path) as free:  # it has landed meanwhile
                if not free:
                    in_use += 1
                    continue
                content = path.read_bytes()
                left = without_lines(content, self._own_rows)
                if left != content:
                    write_whole(path, left)
        return in_use

    def _erase_sent(self, kept_in: str) -> int:
        """Files of what was sent keep their order in time; none of them lands meanwhile."""
        folder = self.root / kept_in / self.spec.project
        with suppress(FileNotFoundError), unlocked(folder) as free:
            if not free:
                return 1
            for _, path, _ in waiting_files(self.root, self.spec.project, kept_in):
                self._erase_file_of_labels(path)
        return 0

    def _erase_file_of_labels(self, path: Path) -> None:
        lines, written = path.read_bytes().splitlines(keepends=True), path.stat().st_mtime_ns
        own = self._own_labels(lines)
        left = [line for line, gone in zip(lines, own, strict=True) if not gone]
        if not left:
            path.unlink()
        elif len(left) < len(lines):
            write_whole(path, b"".join(left))
            os.utime(path, ns=(written, written))

    def _own_rows(self, rows: Sequence[Mapping[str, object]], ids: Sequence[str]) -> BoolArray:
        frame = pd.DataFrame(list(rows), dtype=object)
        inside = frame.rename(columns=apart(map(str, frame.columns)))
        return self._own(inside, pd.Series(list(ids), dtype="str"))

    def _own_labels(self, lines: Sequence[bytes]) -> BoolArray:
        return self._own(label_rows(lines), label_ids(lines, self.spec)) if lines else np.zeros(0, dtype=bool)

    def _own(self, rows: pd.DataFrame, ids: pd.Series) -> BoolArray:
        its = self.subject.in_rows(rows.assign(row_id=ids, batch_id=""), self.spec)
        return its | ids.isin(self.stored_ids).to_numpy(bool)
