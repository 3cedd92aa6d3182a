"""Faults of serving in rollouts of the worked projects, on their own rows: what `leeway replay --rollout` shows.

A champion is trained as of the night with 40 % of the rows, a candidate as of that with 70 %; both answer the rows that
came later. Requests are drawn from these in runs of neighbours. Each fault is there from the start, or comes
with the candidate's first share of the requests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from flows.backtest.history import history_in
from flows.backtest.rollout_trial import RolloutTrial, fault_ends, healthy_ends, rollout_trial
from flows.backtest.trainer import BacktestTrainer
from flows.cli.commands.nights.replay import night_with_share
from flows.cli.commands.nights.replay_rollout import CHAMPION_SHARE, candidate_nights, faults_table, summary
from tasks import clock
from tasks.dataset.feature_assembly import assembled_features
from tasks.ingest.task import take_in
from tasks.lake import Lake
from tasks.records import Delivery
from tasks.spec import read_spec
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts
from tests.bench.sizes import sized
from tests.houses import HOUSES, write_houses

DEPLOYMENTS = Path(__file__).parents[2] / "deployments"
SEEDS, HEALTHY, PER_HOUR = sized((200, 1_000, 200.0), (2, 2, 200.0))
FIRST_WEEKS = 24  # when small
PROJECTS = sized(("house-prices", "card-fraud"), ("house-prices",))


def trial_of(project: str, home: Path) -> RolloutTrial:
    """Take in what landed for a worked project, and train its two versions."""
    from dataclasses import replace

    folder = sized(DEPLOYMENTS / project, home / project)
    if not folder.exists():
        _write_first_weeks(folder)
    spec, lake, now = read_spec(folder / "project.yaml"), Lake(str(home / "lake")), clock.now()
    read = [each for each in take_in(lake, spec, folder, date.max, now) if isinstance(each, Delivery)]
    store(lake, spec, list(verdicts(read, spec, folder)), now.date(), now)
    history = history_in(lake, spec)
    history = replace(history, rows=assembled_features(history.rows, spec, lake, folder))
    first = night_with_share(history, CHAMPION_SHARE)
    return rollout_trial(spec, BacktestTrainer(history, folder), first, candidate_nights(history, first))


def _write_first_weeks(folder: Path) -> None:
    """Write the first weeks of the house sales, a delivery each, with a spec that trains in seconds."""
    kinds = ("sales", "prices")
    weeks = {kind: sorted(path.stem for path in (HOUSES / "landing" / kind).iterdir())[:FIRST_WEEKS] for kind in kinds}
    write_houses(folder, {kind: {week: (week, week) for week in found} for kind, found in weeks.items()})


@dataclass
class TrialFigures:
    """The table and the sentences of each project."""

    shown: list[Table] = field(default_factory=list)

    def table(self) -> Table:
        whole = Table.grid()
        for each in self.shown:
            whole.add_row(each)
        return whole


def bench_rollout_trials(_console: Console) -> TrialFigures:
    """Return what was found of each fault, and how rollouts without a fault ended."""
    figures = TrialFigures()
    for project in PROJECTS:
        with TemporaryDirectory() as place:
            trial = trial_of(project, Path(place))
        found = list(fault_ends(trial, SEEDS, PER_HOUR))
        shown = faults_table(found)
        said = summary(trial, found, healthy_ends(trial, HEALTHY, PER_HOUR))
        shown.title, shown.caption = f"{project}, {trial.count:,} rows", "\n".join(said)
        figures.shown.append(shown)
    return figures
