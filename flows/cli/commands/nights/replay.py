"""`leeway replay`: run a policy over the project's own history, and compare it with fixed retraining schedules."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.table import Column, Table

from flows.cli.console import print_json, screen, table
from flows.cli.session import lake_of
from tasks.errors import DataError
from tasks.records import SpecEntry
from tasks.render.safe_text import terminal
from tasks.spec import ProjectSpec, find_project, home, read_spec

if TYPE_CHECKING:
    from flows.backtest.comparison import StrategySummary
    from flows.backtest.history import History
    from flows.backtest.outcomes import StrategyOutcome
    from flows.backtest.strategy import Strategy

Schedule = Literal["policy", "never", "monthly", "nightly"]
SCHEDULES: tuple[Schedule, ...] = ("policy", "never", "monthly", "nightly")
PAGE = "replay.html"
FIRST_SHARE = 0.4


def replay_policy(
    project: str,
    policies: Sequence[Path],
    start: date | None,
    schedules: Sequence[str] = SCHEDULES,
    *,
    as_json: bool = False,
) -> list[StrategySummary]:
    """Replay a project's policy and others on its own history; print a table and write a page with the curves.

    Parameters
    ----------
    policies : sequence of Path
        Other project.yaml files of the same project, each with a policy to compare with the present one.
    start : date or None
        The night on which the first model is trained; by default when 40 % of the rows have landed.
    schedules : sequence of str
        Any of `SCHEDULES`: the policy, and the fixed schedules to compare it with.
    as_json : bool
        Print the numbers of each strategy as JSON instead.
    """
    console = screen(stderr=as_json)
    with console.status("loading"):
        from flows.backtest.comparison import metrics_table, page, recommended, summarise
        from flows.backtest.outcomes import REPLAY_FOLDER

        path, spec, history = history_of_project(project)
    since = start or night_with_share(history, FIRST_SHARE)
    strategies = _strategies(spec, policies, schedules)
    kept = home(path) / REPLAY_FOLDER / spec.project
    with console.status("") as status:
        outcomes = _outcomes(strategies, history, path.parent, since, (kept, status.update))
        lines = summarise(outcomes, spec, path.parent)
    where = home(path) / f"{spec.project}-{PAGE}"
    where.parent.mkdir(parents=True, exist_ok=True)
    where.write_text(page(spec, lines), encoding="utf-8")
    if as_json:
        strategies_found = [asdict(line) | {"retrained_on": [*map(str, line.retrained_on)]} for line in lines]
        said = {"project": spec.project, "start": since, "recommended": recommended(lines, spec), "page": where}
        print_json(said | {"strategies": [each | {"weekly": _by_week(each)} for each in strategies_found]})
        return lines
    console.print(_table(lines, since))
    if (further := metrics_table(lines)) is not None:
        shown = table(*further.heads)
        for row in further.rows:
            shown.add_row(*map(terminal, row))
        console.print(shown)
    console.print(terminal(recommended(lines, spec)))
    console.print(f"error over time, alarms and retrainings: {terminal(str(where))}")
    return lines


def _by_week(summary: Mapping[str, Any]) -> dict[str, float]:
    return {str(monday): loss for monday, loss in summary["weekly"].items()}


def _outcomes(
    strategies: Sequence[Strategy],
    history: History,
    folder: Path,
    since: date,
    where: tuple[Path, Callable[[str], None]],
) -> list[StrategyOutcome]:
    """Return the outcome of each strategy: kept by an earlier replay of the same, or replayed and kept now."""
    from flows.backtest.engine import run_backtest
    from flows.backtest.outcomes import digest_of, keep_outcome, kept_outcome, outcome_of
    from flows.backtest.trainer import BacktestTrainer

    kept, show = where
    trainer, found = BacktestTrainer(history, folder), []
    for strategy in strategies:
        digest = digest_of(strategy, history, folder, since)
        known = kept_outcome(kept, strategy.name, digest)
        if known is None:
            started = time.monotonic()
            trainer = replace(trainer, progress=partial(_show, show, strategy.name))
            known = outcome_of(run_backtest(strategy, trainer, since), time.monotonic() - started)
            keep_outcome(kept, digest, known)
        found.append(known)
    return found


def _show(show: Callable[[str], None], strategy: str, text: str) -> None:
    show(f"replaying {strategy}: {text}")


def check_record(project: str, *, as_json: bool = False) -> bool:
    """Compute the recorded decisions again, say what comes out another way, and return whether all are the same."""
    console = screen(stderr=as_json)
    with console.status("loading") as status:
        from flows.backtest.engine import replay_record
        from flows.backtest.record_check import record_differences
        from flows.backtest.trainer import BacktestTrainer

        path, spec, history = history_of_project(project)
        trainer = BacktestTrainer(history, path.parent, progress=lambda text: status.update(f"replaying {text}"))
        result = replay_record(spec, trainer)
    differences = record_differences(history.entries, result.record)
    nights, trainings = len(result.decisions), len(result.retrainings)
    if as_json:
        counts = {"project": spec.project, "nights": nights, "retrainings": trainings}
        print_json(counts | {"differences": [asdict(difference) for difference in differences]})
        return not differences
    for difference in differences:
        console.print(terminal(difference.sentence))
    changes = [entry for entry in history.entries if isinstance(entry, SpecEntry) and entry.action == "changed"]
    if differences and changes:
        said = f"the spec was changed on {changes[-1].night} ({changes[-1].reason})"
        how = "nights before are computed by the spec of today; `leeway why --recompute` takes the one of then"
        console.print(f"[yellow]note[/] {terminal(said)}: {how}")
    same = "all the same as recorded" if not differences else f"{len(differences)} differ from the record"
    console.print(f"{nights} nights and {trainings} retrainings of {terminal(spec.project)} computed again: {same}")
    return not differences


def history_of_project(project: str) -> tuple[Path, ProjectSpec, History]:
    """Return the path of a project's spec, the spec, and its history with the features of its rows."""
    from flows.backtest.history import history_in
    from tasks.dataset.feature_assembly import assembled_features

    path = find_project(project)
    spec, lake = lake_of(project)
    history = history_in(lake, spec)
    return path, spec, replace(history, rows=assembled_features(history.rows, spec, lake, path.parent))


def _strategies(spec: ProjectSpec, policies: Sequence[Path], schedules: Sequence[str]) -> list[Strategy]:
    from flows.backtest.strategy import Strategy

    strategies = [Strategy(schedule, spec, schedule) for schedule in SCHEDULES if schedule in schedules]
    for path in policies:
        other = read_spec(path)
        if other.features != spec.features or other.source != spec.source:
            raise DataError(f"{path} has other sources or features than {spec.project}; only its policy may differ")
        strategies.append(Strategy(path.stem if path.stem != "project" else path.parent.name, other))
    return named_apart(strategies)


def named_apart(strategies: list[Strategy]) -> list[Strategy]:
    """Return strategies that have a name each: their outcomes are kept and shown under it.

    Raises
    ------
    DataError
        Two have the same name.
    """
    names = [strategy.name for strategy in strategies]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(
            f"found several strategies with the name {', '.join(map(repr, twice))}; expected a name for each. Rename "
            "the file of the policy, or leave out the schedule of that name with --compare-with"
        )
    return strategies


def night_with_share(history: History, share: float) -> date:
    """Return the night on which a share of the rows has landed."""
    batches = [batch for batch in history.deliveries.latest() if batch.kind == "rows"]
    wanted = share * sum(batch.rows_accepted for batch in batches)
    landed = accumulate(batch.rows_accepted for batch in batches)
    return next(batch.arrival for batch, rows in zip(batches, landed, strict=True) if rows >= wanted)


def _table(lines: Sequence[StrategySummary], since: date) -> Table:
    from flows.backtest.comparison import behind

    counts = ("nights", "alarms", "quarantined", "asked", "retrainings")
    headings = (*counts, "error", "to the best", "bias", "left out", "cost", "seconds")
    summary = table("retrained", *(Column(heading, justify="right") for heading in headings))
    summary.title = f"from {since} on"
    for line in lines:
        summary.add_row(
            terminal(line.name),
            str(line.nights),
            str(line.alarms),
            str(line.quarantines),
            str(line.questions),
            f"{line.retrainings} ({line.refused} refused)" if line.refused else str(line.retrainings),
            f"{line.loss:.4f}",
            behind(line),
            f"{line.bias:+.4f}",
            str(line.left_out),
            f"{line.cost:,.0f}",
            f"{line.seconds:.1f}",
        )
    return summary
