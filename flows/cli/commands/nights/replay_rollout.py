"""`leeway replay --rollout`: try the rollout of a project on its own rows, with faults of serving."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from rich.table import Column, Table

from flows.cli.commands.nights.replay import history_of_project, night_with_share
from flows.cli.console import screen, table
from tasks.render.safe_text import terminal

if TYPE_CHECKING:
    from flows.backtest.history import History
    from flows.backtest.rollout_trial import FaultEnds, RolloutTrial
    from tasks.rollout.simulated_rollout import SimulatedEnd

CHAMPION_SHARE, CANDIDATE_SHARE = 0.4, 0.7
LARGE_EFFECT, SOON_REQUESTS = 2.0, 1_000


def replay_rollout(project: str, start: date | None, seeds: int, per_hour: float) -> None:
    """Print what a rollout would find of faults of serving, how much harm it would allow, and how healthy ones end.

    Parameters
    ----------
    start : date or None
        The night on which the champion is trained; by default when 40 % of the rows have landed.
    seeds : int
        Rollouts for each fault, and without one.
    per_hour : float
        Requests in an hour.
    """
    console = screen()
    with console.status("loading") as status:
        from flows.backtest.rollout_trial import fault_ends, healthy_ends, rollout_trial
        from flows.backtest.trainer import BacktestTrainer

        path, spec, history = history_of_project(project)
        first = start or night_with_share(history, CHAMPION_SHARE)
        trainer = BacktestTrainer(history, path.parent, progress=status.update)
        trial = rollout_trial(spec, trainer, first, candidate_nights(history, first))
        found: list[FaultEnds] = []
        for ends in fault_ends(trial, seeds, per_hour):
            found.append(ends)
            status.update(f"trying faults: {len(found)} of {len(trial.faults)}")
        status.update("trying rollouts without a fault")
        healthy = healthy_ends(trial, seeds, per_hour)
    passed = "the gate let it pass" if trial.is_passed else "the gate would not have let it pass"
    console.print(
        f"champion as of {trial.nights[0]}, candidate as of {trial.nights[1]} ({passed}), {trial.count:,} later rows, "
        f"{per_hour:g} requests an hour, {seeds} rollouts each"
    )
    console.print(faults_table(found))
    for line in summary(trial, found, healthy):
        console.print(terminal(line))


def candidate_nights(history: History, first: date) -> list[date]:
    """Return the nights on which a candidate may be trained: from that on with 70 % of the rows, after the champion."""
    since = night_with_share(history, CANDIDATE_SHARE)
    arrivals = sorted({batch.arrival for batch in history.deliveries.latest() if batch.kind == "rows"})
    return [night for night in arrivals if night >= since and night > first]


def faults_table(found: Sequence[FaultEnds]) -> Table:
    """Return a line for each fault: whether and when it was found, and the most changed answers that were sent."""
    right = [
        Column(heading, justify="right")
        for heading in ("of the promise", "found", "requests", "found in canary", "requests", "changed answers")
    ]
    shown = table("fault of serving", *right)
    for fault in found:
        sent = max(end.spent for end in fault.canary)
        cells = (*_found(fault.shadow), *_found(fault.canary), f"{sent:,}")
        shown.add_row(terminal(fault.name), f"{fault.effect:.1f} x", *cells)
    return shown


def _found(ends: Sequence[SimulatedEnd]) -> tuple[str, str]:
    """Return how many were found, and after how many requests: the median, and 90 %."""
    requests = sorted(end.requests for end in ends if end.outcome == "rolled_back")
    if not requests:
        return f"0 of {len(ends)}", "-"
    late = requests[min(len(requests) - 1, int(0.9 * len(requests)))]
    return f"{len(requests)} of {len(ends)}", f"{requests[len(requests) // 2]:,}; {late:,}"


def summary(trial: RolloutTrial, found: Sequence[FaultEnds], healthy: Sequence[SimulatedEnd]) -> list[str]:
    """Return what the table means, in sentences."""
    large = [end for fault in found if fault.effect >= LARGE_EFFECT for end in (*fault.shadow, *fault.canary)]
    soon = sum(end.outcome == "rolled_back" and end.requests <= SOON_REQUESTS for end in large)
    all_ends = [end for fault in found for end in (*fault.shadow, *fault.canary)] + list(healthy)
    most, over = max(end.spent for end in all_ends), sum(end.spent > trial.terms.quota for end in all_ends)
    counts = {name: sum(end.outcome == name for end in healthy) for name in ("rolled_back", "finished", "doubted")}
    going = len(healthy) - sum(counts.values())
    share = f"{100 * soon / len(large):.1f} %" if large else "none has such an effect"
    soon_enough = f"{SOON_REQUESTS:,} requests, where the effect is at least {LARGE_EFFECT:g} x the promise"
    quota = f"{most:,} of {trial.terms.quota:,} allowed; more in {over}"
    asked = f"{counts['doubted']} asked a person, {going} still going on"
    fine = f"{counts['rolled_back']} of {len(healthy)} rolled back, {counts['finished']} finished, {asked}"
    return [
        f"found within {soon_enough}: {share}",
        f"most changed answers sent in {len(all_ends):,} rollouts: {quota}",
        f"without a fault: {fine}",
    ]
