"""The outcome of a replayed strategy, kept in a file, so that a replay that was interrupted goes on where it stopped.

A file is a Parquet table of the served rows, with the counts as JSON in its metadata. Its name has the digest of all
that the outcome rests on: the strategy, the history, the code of the project and the version of Leeway. An outcome of
anything else is replayed again, and the file of a strategy that is out of date is removed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from glob import escape
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from flows.backtest.history import History
from flows.backtest.strategy import BacktestResult, Strategy
from tasks.errors import DataError
from tasks.profiles import digest as ruler_digest
from tasks.user_code.on_request.code_digest import code_files

PROTOCOL = 2  # with decisions; an outcome of another number is replayed again
REPLAY_FOLDER = "replay"
"""The folder of outcomes in the home, with a folder for each project."""
METADATA = b"leeway.outcome"
KEPT = ("row_id", "event_date", "prediction", "decision", "label", "probabilities", "weight")
ALARMS = {"hold", "ask", "retrain"}


@dataclass(frozen=True)
class StrategyOutcome:
    """What a strategy led to.

    Parameters
    ----------
    name : str
        The name of the strategy.
    nights, alarms, quarantines, questions : int
        All nights, and those on which drift was acted on or reported, deliveries were quarantined, a person was asked.
    retrained_on : tuple of date
        Nights on which a challenger passed the gate.
    refused : int
        Trainings with a challenger that did not.
    seconds : float
        How long the replay took.
    served : DataFrame
        `row_id`, `event_date`, `prediction`, `decision`, `label`, and any `probabilities` and `weight` of each row.
    """

    name: str
    nights: int
    alarms: int
    quarantines: int
    questions: int
    retrained_on: tuple[date, ...]
    refused: int
    seconds: float
    served: pd.DataFrame

    @property
    def trainings(self) -> int:
        """How many challengers were trained."""
        return len(self.retrained_on) + self.refused


def outcome_of(result: BacktestResult, seconds: float) -> StrategyOutcome:
    """Return what is kept of a replay."""
    actions = [decision.action for decision in result.decisions]
    passed = tuple(training.night for training in result.retrainings if training.passed)
    return StrategyOutcome(
        name=result.strategy.name,
        nights=len(actions),
        alarms=sum(action in ALARMS for action in actions),
        quarantines=actions.count("quarantine"),
        questions=actions.count("ask"),
        retrained_on=passed,
        refused=len(result.retrainings) - len(passed),
        seconds=seconds,
        served=result.served[[name for name in KEPT if name in result.served]],
    )


def digest_of(strategy: Strategy, history: History, folder: Path, begin: date) -> str:
    """Return the digest of all that a strategy's outcome rests on.

    Parameters
    ----------
    folder : Path
        The project's folder, with its own code.
    """
    states = sorted((batch.batch_id, batch.revision, batch.verdict) for batch in history.deliveries.latest())
    files = code_files(folder)
    code = [(path.relative_to(folder).as_posix(), sha256(path.read_bytes()).hexdigest()) for path in files]
    rests_on = (
        PROTOCOL,
        version("leeway"),
        strategy.spec.model_dump_json(),
        strategy.schedule,
        str(begin),
        states,
        code,
        sorted(history.upstream.items()),
        "" if history.accepted is None else ruler_digest(history.accepted.ruler),
    )
    return sha256(repr(rests_on).encode()).hexdigest()[:16]


def kept_outcome(folder: Path, name: str, digest: str) -> StrategyOutcome | None:
    """Return a strategy's outcome that an earlier replay has kept; None where there is none."""
    path = folder / f"{name}-{digest}.parquet"
    if not path.exists():
        return None
    table = pq.read_table(path)
    counts = json.loads(table.schema.metadata[METADATA])
    counts["retrained_on"] = tuple(date.fromisoformat(day) for day in counts["retrained_on"])
    return StrategyOutcome(**counts, served=table.to_pandas())


def keep_outcome(folder: Path, digest: str, outcome: StrategyOutcome) -> None:
    """Keep a strategy's outcome, and remove those of the same strategy that are out of date."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{outcome.name}-{digest}.parquet"
    counts = {field.name: getattr(outcome, field.name) for field in fields(outcome) if field.name != "served"}
    counts["retrained_on"] = [day.isoformat() for day in outcome.retrained_on]
    table = pa.Table.from_pandas(outcome.served, preserve_index=False)
    part = path.with_suffix(".part")
    pq.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), METADATA: json.dumps(counts)}), part)
    part.replace(path)
    for other in folder.glob(f"{escape(outcome.name)}-{'?' * len(digest)}.parquet"):
        if other != path:
            other.unlink()


def common_rows(outcomes: Sequence[StrategyOutcome]) -> pd.Index:
    """Return the ids of the rows that every strategy has answered, and that have a label.

    Raises
    ------
    DataError
        There is no such row.
    """
    ids = [pd.Index(outcome.served.dropna(subset=["label", "prediction"])["row_id"]) for outcome in outcomes]
    answered = set.intersection(*map(set, ids))
    if not answered:
        counts = ", ".join(f"{outcome.name} {len(rows)}" for outcome, rows in zip(outcomes, ids, strict=True))
        raise DataError(
            f"found no labelled row that all strategies have answered (labelled rows answered: {counts}); expected at "
            "least one to compare them on. Begin earlier with --start, or wait for labels"
        )
    common: pd.Index = ids[0][ids[0].isin(answered)]
    return common
