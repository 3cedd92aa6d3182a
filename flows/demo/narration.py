"""The steps of the demo: history, first model, then one night after the other, printed from the decision log."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any, TypeAlias

import pandas as pd
from rich.console import Console
from rich.live import Live

from flows.cli.console import PIPE_WIDTH, table
from flows.stack.run_deployment import run, run_due
from flows.steps.actor import person
from flows.workspace import Workspace
from tasks import clock
from tasks.dataset.label_join import newest_labels, ranked
from tasks.ingest import landed, open_source
from tasks.lake import accepted, active_rows, append_entry, deliveries, read_entries, read_nights
from tasks.monitor import Contrast, contrast
from tasks.records import AnswerEntry, FaultAnswer, NightEntry, suspected_in
from tasks.registry.mlflow_names import APPROVAL, CHALLENGER
from tasks.render.safe_text import terminal
from tasks.render.values import counted
from tasks.score.task import Scorer

FIRST = 1
CONTRAST_DAYS = 28
COLUMNS = (
    ("night", 10),
    ("rows", 5),
    ("quarantined", 11),
    ("moved most", 22),
    ("error", 7),
    ("bias", 7),
    ("decision", 46),
)
FEWEST_CHARACTERS = 30
"""A decision with less room in its line has lines of its own."""
PROJECT = "project"
Columns: TypeAlias = tuple[tuple[str, int], ...]
Show: TypeAlias = Callable[[tuple[str, ...]], None]


@dataclass
class DemoRun:
    """The demo of one project, printed to a console."""

    workspace: Workspace
    console: Console
    history_until: date
    answers: Mapping[str, FaultAnswer] = field(default_factory=dict)

    @property
    def project(self) -> str:
        """The name of the project."""
        return self.workspace.project

    def begin(self) -> None:
        """Ingest the history and train the first champion, unless an interrupted demo has done so."""
        until = self.history_until
        if self.workspace.champion() is not None:
            self.console.print("continuing where the last demo stopped")
            return
        with self.console.status(f"ingesting the deliveries up to {until}"):
            result = run("nightly", self.workspace.project, date=until.isoformat(), reason="demo: history")
        batches = accepted(self.workspace.lake, self.workspace.project)
        rows = sum(batch.rows_accepted for batch in batches)
        self.console.print(
            f"history: {counted(rows, 'row')} in {counted(len(batches), 'batch', 'batches')}; {result['reason']}"
        )
        with self.console.status("training the first model"):
            trained = run("retrain", self.workspace.project, date=until.isoformat(), reason="demo: the first model")
        self.console.print(f"first model: {trained['action']} as {trained['subject']}; {trained['reason']}")
        self.console.print(self.approve(until))

    def approve(self, night: date) -> str:
        """Approve a waiting challenger with the call that a click in MLflow makes; return the outcome."""
        waiting = self.workspace.registry.by_alias(self.workspace.project, CHALLENGER)
        if waiting is None:
            return ""
        self.workspace.registry.set_tag(self.workspace.project, waiting.number, APPROVAL, "approved")
        result = run("promote", self.workspace.project, date=night.isoformat())
        return f"the demo plays the approver (tag approval=approved on version {waiting.number}): {result['reason']}"

    def run_night(self, night: date, show: Show) -> None:
        """Run a night, and what it leads to."""
        for result in run_due("retrain", self.project):
            show(self._extra(result))
        entry = self._entry(night) or self._run(night)
        show(_line(entry))
        for result in run_due("retrain", self.project):
            show(self._extra(result))
        for outcome in (*self.answer(night), *self.agree(entry), self.approve(night)):
            if outcome:
                show(("", "", "", "", "", "", outcome))

    def answer(self, night: date) -> Iterator[str]:
        """Answer what was asked about columns, as `leeway answer` does on the morning after; yield what was said."""
        lake, project = self.workspace.lake, self.project
        asked = [state for state in suspected_in(read_entries(lake, project)) if state.unanswered]
        for state in asked:
            answer = self.answers.get(state.answered_as)
            if answer is not None:
                reason = "demo: the people of this project know why"
                append_entry(lake, project, AnswerEntry.to(state.name, answer, night, clock.now(), person(), reason))
                yield f"the demo plays the one who is asked (`leeway answer {project} {state.answered_as} {answer}`)"

    def output_lines(self) -> list[str]:
        """Return how each output metric began, where it was highest, and what it is now."""
        nights = [night for night in read_nights(self.workspace.lake, self.project) if night.outputs]
        lines = []
        for name in [metric.name for metric in nights[-1].outputs] if nights else []:
            shares = [(one.value, night.night) for night in nights for one in night.outputs if one.name == name]
            noted = [
                f"{share:.1%} on {night}".replace("%", " %") for share, night in (shares[0], max(shares), shares[-1])
            ]
            lines.append(f"{self.project}, {name}: {noted[0]}, at most {noted[1]}, {noted[2]}")
        return lines

    def outcome(self) -> Contrast | None:
        """Compare the served predictions with those of the first model, had it never been retrained."""
        workspace = self.workspace
        version = workspace.registry.version(workspace.project, FIRST)
        if version is None:
            return None
        first = workspace.load(version.number)
        scorer = Scorer(workspace.lake, workspace.project, first.model, first.number, workspace.features, clock.now())
        served = accepted(workspace.lake, workspace.project, after=first.trained_until)
        scorer.write(scorer.unanswered(served), "shadow")
        predictions = active_rows(
            workspace.lake,
            workspace.project,
            "predictions",
            columns=["row_id", "event_date", "version", "role", "prediction", "probabilities"],
        )
        known = deliveries(workspace.lake, workspace.project)
        columns = ["row_id", "label", "arrival", "batch_id"]
        labels = newest_labels(
            ranked(active_rows(workspace.lake, workspace.project, "labels", known, columns=columns), known)
        )
        answered = self._decided(predictions)
        numbers = map(int, predictions["version"].unique())
        classes = {number: workspace.load(number).model.schema.class_names for number in numbers}
        scope = workspace.spec.scope
        return contrast(answered, labels, scope=scope, version=FIRST, days=CONTRAST_DAYS, classes=classes)

    def _decided(self, predictions: pd.DataFrame) -> pd.DataFrame:
        """Return predictions with the decision of their version, where the spec says what wrong ones cost."""
        if self.workspace.spec.scope.false_positive_cost is None:
            return predictions
        parts = [predictions[predictions["version"] == number].copy() for number in predictions["version"].unique()]
        models = [self.workspace.load(int(part["version"].iloc[0])).model for part in parts]
        for part, model in zip(parts, models, strict=True):
            part["decision"] = model.decisions(part["prediction"].to_numpy(float))
        decided: pd.DataFrame = pd.concat(parts, ignore_index=True)
        return decided

    def agree(self, entry: NightEntry) -> Iterator[str]:
        """Start the retraining that a person was asked for, as they do on the morning after; yield what came of it."""
        ask = entry.action == "ask" and self.workspace.spec.automation.retrain == "ask"
        states = suspected_in(read_entries(self.workspace.lake, self.project))
        if not ask or any(state.asked == entry.night for state in states):
            return
        night = entry.night.isoformat()
        result = run("retrain", self.project, date=night, reason="demo: a person was asked, and agreed")
        said = f"{result['action']} {result['subject']} ({result['reason']})"
        yield f"the demo plays the one who is asked (`leeway run retrain {self.project}`): {said}"

    def _run(self, night: date) -> NightEntry:
        run("nightly", self.workspace.project, date=night.isoformat(), reason="demo")
        entry = self._entry(night)
        if entry is None:
            raise AssertionError(f"the night of {night} ran without recording a decision")
        return entry

    def _entry(self, night: date) -> NightEntry | None:
        nights = read_nights(self.workspace.lake, self.workspace.project)
        return next((entry for entry in reversed(nights) if entry.night == night), None)

    def _extra(self, result: dict[str, Any]) -> tuple[str, ...]:
        return ("", "", "", "", "", "", f"retrained: {result['action']} {result['subject']} ({result['reason']})")


def run_nights(demos: Sequence[DemoRun], after: date, until: date, react: Callable[[], None]) -> None:
    """Run every night with a delivery, in order; of one night, the projects upstream first.

    Parameters
    ----------
    react : callable
        Lets the people of the story react to the answers of a night of the last project.
    """
    first = [max(after, demo.history_until) for demo in demos]
    pending = [
        (night, place)
        for place, demo in enumerate(demos)
        for night in landing_nights(demo.workspace, first[place])
        if night <= until
    ]
    if not pending:
        return
    columns = COLUMNS if len(demos) == 1 else ((PROJECT, max(len(demo.project) for demo in demos)), *COLUMNS)
    with _table(demos[0].console, columns) as show:
        for night, place in sorted(pending):
            named = () if len(demos) == 1 else (demos[place].project,)
            demos[place].run_night(night, partial(_show_after, named, show))
            if place == len(demos) - 1:
                react()


def _show_after(first: tuple[str, ...], show: Show, cells: tuple[str, ...]) -> None:
    show((*first, *cells))


@contextmanager
def _table(console: Console, columns: Columns) -> Iterator[Show]:
    """Give a function that shows a row: in a live table on a terminal, as lines elsewhere."""
    if not console.is_terminal:
        console.out(as_line(tuple(name for name, _ in columns), columns, console.width), highlight=False)
        yield lambda cells: console.out(as_line(cells, columns, console.width), highlight=False)
        return
    shown = table(*(name for name, _ in columns))
    with Live(shown, console=console, vertical_overflow="visible"):
        yield lambda cells: shown.add_row(*map(terminal, cells))


def as_line(cells: tuple[str, ...], columns: Columns = COLUMNS, width: int = PIPE_WIDTH) -> str:
    """Return a row of the table as text; a decision that is too long continues below its first line.

    Where a line has no room for it, it has lines of its own.

    Examples
    --------
    >>> print(as_line(("2015-01-05", "198", "0", "-", ".1312", "+.041", "score: no column is past its leeway")))
    2015-01-05  198    0            -                       .1312    +.041    score: no column is past its leeway
    >>> print(as_line(("2015-01-05", "198", "0", "-", ".1312", "+.041", "score: within leeway"), width=80))
    2015-01-05  198    0            -                       .1312    +.041
                score: within leeway
    """
    *values, decision = cells
    begin = "".join(f"{value:<{size}}  " for value, (_, size) in zip(values, columns[:-1], strict=True))
    fill = partial(textwrap.fill, decision, width, break_long_words=False, break_on_hyphens=False)
    if width - len(begin) >= FEWEST_CHARACTERS:
        return fill(initial_indent=begin, subsequent_indent=" " * len(begin))
    below = " " * (columns[0][1] + 2)
    return f"{begin.rstrip()}\n{fill(initial_indent=below, subsequent_indent=below)}"


def landing_nights(workspace: Workspace, after: date) -> list[date]:
    """Return the nights after a date with a delivery, in order."""
    source, until = workspace.spec.source, date.max
    sources = [(source.uri, "rows"), *([(source.label.uri, "labels")] if source.label.uri else [])]
    arrivals: set[date] = set()
    for uri, kind in sources:
        listed = open_source(uri, workspace.folder, source).list()
        files = landed(listed, "rows" if kind == "rows" else "labels", workspace.spec, until).landed
        arrivals |= {file.arrival for file in files}
    return sorted(night for night in arrivals if night > after)


def _line(night: NightEntry) -> tuple[str, ...]:
    worst = night.moved[0] if night.moved else None
    performance = night.performance
    return (
        str(night.night),
        f"{night.rows:,}",
        str(night.rows_quarantined),
        f"{worst.column} {worst.strain:.0%}" if worst else "-",
        f"{performance.loss.value:.4f}" if performance else "-",
        f"{performance.bias.value:+.3f}" if performance else "-",
        f"{night.action}: {night.reason}",
    )
