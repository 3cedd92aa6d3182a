"""Every worked incident, on the house sales and on made-up loans: what the policy did, and whether that was right."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from rich.console import Console
from rich.table import Table

from flows.backtest.scenarios import Outcome, play, stage_of
from flows.backtest.trainer import BacktestTrainer
from tasks.fault_scenarios import INCIDENTS, Stage
from tasks.spec import read_spec
from tests.bench.loans import FIRST_DAY, write_loans
from tests.bench.sizes import sized

PLAYED = sized(None, 1)  # of the incidents
HOUSES = Path(__file__).parents[2] / "deployments" / "house-prices"
HOUSES_BEGIN, HOUSES_ONSET = date(2014, 11, 17), date(2015, 1, 26)
LOANS_BEGIN, LOANS_ONSET = FIRST_DAY + timedelta(days=70), FIRST_DAY + timedelta(days=90)


@dataclass
class Judged:
    """The outcomes of all incidents by project."""

    outcomes: list[tuple[str, Outcome, float]] = field(default_factory=list)

    def table(self) -> Table:
        shown = Table(title="incidents", title_justify="left", show_edge=False)
        for heading in ("project", "incident", "called for", "verdict", "first night", "column named", "seconds"):
            shown.add_column(heading)
        for project, each, seconds in self.outcomes:
            mark = "" if each.right else " (!)"
            trained = " TRAINED ON BROKEN DATA" if each.trained_on_broken else ""
            night = "" if each.night is None else str(each.night)
            named = "yes" if each.named else "no"
            shown.add_row(
                project,
                each.name,
                " or ".join(each.incident.right),
                f"{each.verdict}{mark}{trained}",
                night,
                named,
                f"{seconds:.0f}",
            )
        for project in dict.fromkeys(name for name, _, _ in self.outcomes):
            mine = [each for name, each, _ in self.outcomes if name == project]
            shown.add_row(project, "right", "", f"{sum(each.right for each in mine)} of {len(mine)}", "", "", "")
        return shown


def bench_incidents(console: Console) -> Judged:
    judged = Judged()
    with TemporaryDirectory(prefix="leeway-bench-") as place:
        loans = Path(place) / "loans"
        write_loans(loans)
        houses = (HOUSES, HOUSES_BEGIN, HOUSES_ONSET)
        for folder, begin, onset in (*sized((houses,), ()), (loans, LOANS_BEGIN, LOANS_ONSET)):
            stage = stage_of(read_spec(folder / "project.yaml"), folder, onset)
            _play_all(stage, folder, begin, judged, console)
    return judged


def _play_all(stage: Stage, folder: Path, begin: date, judged: Judged, console: Console) -> None:
    bench: BacktestTrainer | None = None
    for name in list(INCIDENTS)[:PLAYED]:
        began = perf_counter()
        outcome = play(name, stage, folder, begin, bench)
        bench = bench or outcome.trainer
        judged.outcomes.append((stage.spec.project, outcome, perf_counter() - began))
        console.log(f"{stage.spec.project} {name}: {outcome.verdict}, called for {outcome.incident.right[0]}")
