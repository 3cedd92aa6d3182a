"""The demo's story: history, first model, then one night after the other, told line by line from the record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from flows.stack.run_deployment import run, run_due
from flows.workspace import Workspace
from tasks import clock
from tasks.ingest import landed, open_source
from tasks.lake import Entry, accepted, active_rows, read_entries
from tasks.monitor import Contrast, contrast
from tasks.registry.mlflow_names import APPROVAL, CHALLENGER
from tasks.score.task import Scorer

FIRST = 1
CONTRAST_DAYS = 28
COLUMNS = (
    ("night", 10),
    ("rows", 5),
    ("set aside", 9),
    ("moved most", 22),
    ("error", 7),
    ("bias", 7),
    ("decision", 60),
)


@dataclass
class Story:
    """One project's life, told to a console."""

    workspace: Workspace
    console: Console
    lines: list[tuple[str, ...]] = field(default_factory=list)

    def begin(self, until: date) -> None:
        """Take in the history and make the first champion, unless that was done before an interruption."""
        if self.workspace.champion() is not None:
            self.console.print("going on where the last demo stopped")
            return
        with self.console.status(f"taking in what landed up to {until}"):
            result = run("nightly", self.workspace.project, date=until.isoformat(), reason="demo: history")
        batches = accepted(self.workspace.lake, self.workspace.project)
        rows = sum(batch.rows_accepted for batch in batches)
        self.console.print(f"history: {rows:,} rows in {len(batches)} batches; {result['reason']}")
        with self.console.status("training the first model"):
            made = run("retrain", self.workspace.project, date=until.isoformat(), reason="demo: the first model")
        self.console.print(f"first model: {made['action']} as {made['subject']}; {made['reason']}")
        self.console.print(self.approve(until))

    def approve(self, night: date) -> str:
        """Answer for the approver, if a challenger waits, by the call a click in MLflow makes; say what came of it."""
        waiting = self.workspace.registry.by_alias(self.workspace.project, CHALLENGER)
        if waiting is None:
            return ""
        self.workspace.registry.set_tag(self.workspace.project, waiting.number, APPROVAL, "approved")
        result = run("promote", self.workspace.project, date=night.isoformat())
        return f"the demo plays the approver (tag approval=approved on version {waiting.number}): {result['reason']}"

    def nights(self, after: date) -> None:
        """Run every night on which something landed, in order."""
        pending = landing_nights(self.workspace, after)
        with self._table() as show:
            for night in pending:
                for result in run_due("retrain", self.workspace.project):
                    show(self._extra(result))
                entry = self._entry(night) or self._run(night)
                show(_line(entry))
                for result in run_due("retrain", self.workspace.project):
                    show(self._extra(result))
                if said := self.approve(night):
                    show(("", "", "", "", "", "", said))

    def outcome(self) -> Contrast | None:
        """Compare what was served with the first model, had it never been retrained; all from the lake."""
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
            columns=["row_id", "event_date", "version", "role", "prediction"],
        )
        labels = active_rows(workspace.lake, workspace.project, "labels", columns=["row_id", "label"])
        return contrast(predictions, labels, metric=workspace.spec.scope.metric, version=FIRST, days=CONTRAST_DAYS)

    def _run(self, night: date) -> Entry:
        run("nightly", self.workspace.project, date=night.isoformat(), reason="demo")
        entry = self._entry(night)
        if entry is None:
            raise AssertionError(f"the night of {night} ran and left no decision")
        return entry

    def _entry(self, night: date) -> Entry | None:
        mine = [
            entry
            for entry in read_entries(self.workspace.lake, self.workspace.project, "night")
            if entry.night == night
        ]
        return mine[-1] if mine else None

    def _extra(self, result: dict[str, Any]) -> tuple[str, ...]:
        return ("", "", "", "", "", "", f"retrained: {result['action']} {result['subject']} ({result['reason']})")

    @contextmanager
    def _table(self) -> Iterator[Any]:
        """Give a function that shows a line: in a live table on a terminal, as plain lines elsewhere."""
        if not self.console.is_terminal:
            self.console.print("  ".join(name.ljust(width) for name, width in COLUMNS))
            yield lambda cells: self.console.print(
                "  ".join(cell.ljust(width) for cell, (_, width) in zip(cells, COLUMNS, strict=True)),
                markup=False,
                soft_wrap=True,
            )
            return
        table = Table(*(name for name, _ in COLUMNS), show_edge=False)
        with Live(table, console=self.console, vertical_overflow="visible"):
            yield lambda cells: table.add_row(*map(escape, cells))


def landing_nights(workspace: Workspace, after: date) -> list[date]:
    """Return the nights after a date on which something landed, in order."""
    source, far = workspace.spec.source, date.max
    places = [(source.uri, "rows"), *([(source.label.uri, "labels")] if source.label.uri else [])]
    arrivals: set[date] = set()
    for uri, kind in places:
        listed = open_source(uri, workspace.folder, source).list()
        arrivals |= {
            each.arrival for each in landed(listed, "rows" if kind == "rows" else "labels", workspace.spec, far).landed
        }
    return sorted(night for night in arrivals if night > after)


def _line(entry: Entry) -> tuple[str, ...]:
    details = entry.details
    worst = details["moved"][0] if details["moved"] else None
    seen = details.get("performance")
    return (
        str(entry.night),
        f"{details['rows']:,}",
        str(details["quarantined"]),
        f"{worst['column']} {worst['strain']:.0%}" if worst else "-",
        f"{seen['loss']['value']:.4f}" if seen else "-",
        f"{seen['bias']['value']:+.3f}" if seen else "-",
        f"{entry.action}: {entry.reason}",
    )
