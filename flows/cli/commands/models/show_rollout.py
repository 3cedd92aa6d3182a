"""`leeway why PROJECT rollout`: the steps of a rollout, and each verdict again from what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from rich.table import Table

from flows.cli.console import screen
from flows.cli.session import lake_of
from flows.steps.in_service.rollout_steps import what_follows
from tasks.errors import DataError
from tasks.lake import read_entries
from tasks.records import RolloutEntry, rollouts
from tasks.render.safe_text import terminal
from tasks.rollout import PairedTest, RolloutSums, RolloutTerms, alarm_evidence, alarm_level
from tasks.rollout.betting import ALARMS, evidence, threshold

TESTS = {
    PairedTest.CHANGED: "more changed decisions than promised",
    PairedTest.SIZE: "larger differences than promised",
    PairedTest.UP: "higher answers than promised",
    PairedTest.DOWN: "lower answers than promised",
    PairedTest.FEW_CHANGED: "no more changed decisions than the limit",
    PairedTest.SMALL: "no larger differences than the limit",
}


def show_rollout(project: str, number: int | None) -> bool:
    """Print the steps of the newest rollout, or of the one of a version; return whether all verdicts are the same."""
    spec, lake = lake_of(project)
    found = rollouts(read_entries(lake, spec.project, "rollout"))
    mine = [steps for steps in found if number is None or steps[-1].version == number]
    if not mine:
        known = ", ".join(str(steps[-1].version) for steps in found) or "none"
        of = "" if number is None else f" of version {number}"
        raise DataError(f"{spec.project} has no rollout{of}; versions with one: {known}. See `rollout` in project.yaml")
    _show(project, mine[-1])
    return all(said for *_, said in _again(mine[-1]))


def _show(project: str, steps: Sequence[RolloutEntry]) -> None:
    console, last = screen(), steps[-1]
    console.print(f"[bold]{terminal(f'{project}: rollout of {last.subject}, {last.action}')}[/]")
    table = Table("time", "step", "share", "reason", show_edge=False)
    for step in steps:
        share = f"{100 * step.share:g} %"
        table.add_row(*map(terminal, (f"{step.time:%Y-%m-%d %H:%M:%S}", step.action, share, step.reason)))
    console.print(table)
    if judged := [step for step in steps if step.seen]:
        _show_evidence(judged[-1])
    for step, verdict, same in _again(steps):
        said = "the same" if same else f"[red]another one[/]: {terminal(verdict)}"
        console.print(f"step {step.stage} judged again from what is stored: {said}")


def _show_evidence(last: RolloutEntry) -> None:
    terms, sums = RolloutTerms.from_dict(last.terms), RolloutSums.from_dict(last.seen)
    table = Table("evidence for", "found", "needed", show_edge=False)
    alarm, shown = f"{alarm_level(terms):.2f}", f"{threshold(terms.alpha):.2f}"
    for test, name in TESTS.items():
        found = alarm_evidence(terms, sums, test) if test in ALARMS else evidence(sums.wealth, test)
        table.add_row(name, f"{found:.2f}", alarm if test in ALARMS else shown)
    for guardrail in sums.guardrails:
        table.add_row(terminal(f"users' {guardrail.name} is worse"), f"{guardrail.worse:.2f}", alarm)
        table.add_row(terminal(f"users' {guardrail.name} is not worse"), f"{guardrail.harmless:.2f}", shown)
    screen().print(table)
    for guardrail in sums.guardrails:
        screen().print(terminal(guardrail.seen))


def _again(steps: Sequence[RolloutEntry]) -> list[tuple[RolloutEntry, str, bool]]:
    """Return each step that was judged, the verdict that follows from what is stored, and whether it is the same."""
    judged = []
    for before, step in pairwise(steps):
        if before.action == "started" or step.actor != "leeway" or not step.seen:
            continue  # by a person, or because no service ran it any more: not by what was seen
        sums, terms = RolloutSums.from_dict(step.seen), RolloutTerms.from_dict(step.terms)
        verdict = what_follows(before, terms, sums, step.time)
        outcome = ("nothing", before.share) if verdict is None else (verdict.outcome, verdict.share)
        judged.append((step, f"{outcome[0]}, {100 * outcome[1]:g} %", outcome == (step.action, step.share)))
    return judged
