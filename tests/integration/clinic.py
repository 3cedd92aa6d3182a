"""A small clinic for tests of erasures: a night has run, a champion has answered, and a person is everywhere."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from flows.cli.commands.project_data.erase_subject import ErasureRequest, erase
from tasks.dataset.erasure_subject import Subject, subject_of
from tasks.dataset.feature_lookup import keep_latest_values
from tasks.ingest.task import take_in
from tasks.lake import Lake, active_rows, append_entry, latest, read_entries
from tasks.records import ServedAsBatch, ServedProof, SkewedRow, UpkeepEntry
from tasks.score.output_files import AnswerFiles
from tasks.spec.project_spec import ProjectSpec
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts
from tests.recorded_entries import decided_night
from tests.said_by_files import files_with
from tests.shared import made_once

NIGHT = date(2026, 1, 31)
MOMENT = datetime(2026, 2, 1, tzinfo=UTC)
MARKER, CELL = "Zaphod-7", "Betelgeuse-5"
TABLE = {
    "name": "tests",
    "uri": "tests",
    "entity": ["patient"],
    "event_time": "since",
    "columns": {"numbers": ["sugar"]},
}
SPEC: dict[str, Any] = {
    "project": "clinic",
    "scope": {"owner": "me", "objective": "Days.", "metric": "mean_absolute_error"},
    "source": {
        "uri": "stays",
        "id": ["patient"],
        "identity": "id_and_time",
        "event_time": "at",
        "arrival": "filename",
        "label": {"column": "days", "uri": "days"},
    },
    "features": {"numbers": ["age"], "categories": ["ward", "doctor"], "tables": [TABLE]},
    "contract": {"max_bad_share": 0.9},
    "scoring": {"output": "answers"},
}  # fmt: skip
OTHERS = [f"p{number}" for number in range(20)]


def stays() -> str:
    rows = [f"{name},2026-01-{n + 1:02},{n},A,Ann" for n, name in enumerate(OTHERS)]
    own = [f"{MARKER},2026-01-03,44,{CELL},Ann", f"{MARKER},2026-01-04,{CELL},A,Bo", "p3,2026-01-09,old,A,Ann"]
    return "\n".join(["patient,at,age,ward,doctor", *rows, *own]) + "\n"


def written(folder: Path) -> ProjectSpec:
    labels = ["patient,at,days", *(f"{name},2026-01-{n + 1:02},3" for n, name in enumerate(OTHERS))]
    labels += [f"{MARKER},2026-01-03,4", f"{MARKER},2026-01-04,{CELL}"]
    values = ["patient,since,sugar", f"{MARKER},2026-01-01,5", f"{MARKER},2026-01-02,{CELL}", "p1,2026-01-01,6"]
    contents = {"stays": stays(), "days": "\n".join(labels) + "\n", "tests": "\n".join(values) + "\n"}
    for name, content in contents.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "2026-01-30.csv").write_text(content, encoding="utf-8")
    (folder / "expectations.json").write_text(json.dumps({"name": "clinic", "expectations": []}), encoding="utf-8")
    return ProjectSpec.model_validate(SPEC)


class Clinic:
    """A project that has taken in a night, and with a champion that has answered its rows.

    It is a copy of another, or of one that the session makes once, unless a spec or a lake of its own is given.
    """

    def __init__(
        self,
        folder: Path,
        spec: ProjectSpec | None = None,
        like: Clinic | None = None,
        lake: Lake | None = None,
    ) -> None:
        self.folder = folder
        copied = like.folder if like else None if spec or lake else made_once("clinic", _made)
        if copied is not None:
            shutil.copytree(copied, folder, dirs_exist_ok=True)
        if like is not None:
            spec = like.spec
        self.spec: ProjectSpec = spec or (ProjectSpec.model_validate(SPEC) if copied else written(folder))
        self.lake = lake or Lake(str(folder / "lake"))
        self.answers = AnswerFiles(str(folder / "answers"))
        if copied is None:
            self.night()
            self.answer(1)
            self.decide()
            keep_latest_values(self.lake, self.spec, {"tests"})

    def night(self, later: int = 0) -> None:
        moment = MOMENT + timedelta(hours=later)
        landed = take_in(self.lake, self.spec, self.folder, NIGHT, moment)
        store(self.lake, self.spec, verdicts(landed, self.spec, self.folder), NIGHT, moment)

    def answer(self, revision: int) -> None:
        """Store what a champion answers, and profiles of the rows, as far as they name a row or a cell."""
        rows = active_rows(self.lake, "clinic", "rows")[["row_id", "batch_id", "revision", "event_date"]]
        made: dict[str, Any] = {"prediction": 3.0, "score": 3.0, "confidence": 1.0, "deferred": False, "reasons": "age"}
        made |= {"version": 1, "role": "champion", "time": MOMENT, "probabilities": None, "predicted_class": None}
        made |= {"lower": None, "upper": None}
        self.lake.append_if_absent("clinic", "predictions", rows.assign(**made), f"answers/{revision}")
        profile: dict[str, Any] = {"source": "rows", "ruler": "r", "row_count": len(rows), "profile": CELL.encode()}
        self.lake.append_if_absent("clinic", "profiles", rows.assign(**profile).head(1), f"profiles/{revision}")
        for batch in latest(self.lake, "clinic"):
            if batch.kind == "rows":
                self.answers.write(self.answers.name(batch), rows.assign(**made))

    def decide(self) -> None:
        """Record a night that found answers of the prediction service that differ from the batch's."""
        skewed = tuple(SkewedRow(f"{name}|2026-01-03", 1, "score") for name in (MARKER, "p1"))
        found = ServedAsBatch(answer="no", proof=ServedProof(rows=9, differing=2, skewed=skewed))
        append_entry(self.lake, "clinic", replace(decided_night(), answers=(found,)))

    def erase(self, subject: Subject, hour: int = 5) -> str:
        request = ErasureRequest(subject, "the officer", "asked to", NIGHT, MOMENT + timedelta(hours=hour))
        return erase(self.lake, self.spec, request, self.answers).sentence

    def found(self, *texts: str) -> list[str]:
        """Return the files of the lake and of the answers with any of some texts, as bytes or unpacked."""
        return files_with([self.folder / "lake", self.folder / "answers"], *texts)

    def names(self, table: str) -> set[str]:
        return {row_id.partition("|")[0] for row_id in active_rows(self.lake, "clinic", table)["row_id"]}

    def state(self) -> Any:
        """Return what counts, without the numbers of revisions."""
        tables = ("rows", "labels", "features", "predictions")
        frames = {table: active_rows(self.lake, "clinic", table) for table in tables}
        frames["quarantine"] = self.lake.read("clinic", "quarantine")
        counts = [(b.key, b.kind, b.rows_in, b.rows_accepted, b.rows_quarantined) for b in latest(self.lake, "clinic")]
        return {
            name: sorted(frame.drop(columns="revision", errors="ignore").astype(str).to_numpy().tolist())
            for name, frame in frames.items()
        }, sorted(counts)

    def records(self) -> list[UpkeepEntry]:
        entries = read_entries(self.lake, "clinic", "upkeep")
        return [entry for entry in entries if isinstance(entry, UpkeepEntry) and entry.subject == "erasure"]


def _made(folder: Path) -> Clinic:
    return Clinic(folder, written(folder))


def named(*ids: str, **options: Any) -> Subject:
    return subject_of(
        ids, options.pop("column", None), ProjectSpec.model_validate(SPEC), lambda _, text: text, **options
    )


def balanced(lake: Lake) -> bool:
    return all(b.rows_in == b.rows_accepted + b.rows_quarantined + b.rows_elsewhere for b in latest(lake, "clinic"))
