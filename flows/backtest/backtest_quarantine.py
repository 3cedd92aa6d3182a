"""What a backtest quarantines on its way: deliveries that are broken in a way that no contract can see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from flows.backtest.timeline.row_profiles import RowProfiles
from flows.backtest.timeline.timeline import Timeline
from flows.loaded_version import Champion
from tasks.decide.suspicion_states import quarantined_suspicions
from tasks.lake import Batch, Deliveries
from tasks.monitor import drift_monitor
from tasks.monitor.data_quality_checks import finding_of, looks_broken, to_check
from tasks.monitor.suspicion_watch import DailyRows
from tasks.profiles import sum_profiles
from tasks.records import SuspicionState
from tasks.spec import ProjectSpec
from tasks.validate.acceptance.quarantine_rows import with_findings


@dataclass
class BacktestQuarantine:
    """The batches that one strategy has quarantined so far.

    Parameters
    ----------
    batches : dict of str to Batch
        By id, as they were before.
    findings : dict of str to str
        Why each of them is quarantined.
    files : dict of date to list of str
        By night: every file that was quarantined, also by its contract, and why.
    """

    timeline: Timeline
    spec: ProjectSpec
    batches: dict[str, Batch] = field(default_factory=dict)
    findings: dict[str, str] = field(default_factory=dict)
    files: dict[date, list[str]] = field(default_factory=dict)

    def applied_to(self, known: Sequence[Batch]) -> Deliveries:
        """Return deliveries with these batches quarantined."""
        own = (batch.quarantined(self.findings[name]) for name, batch in self.batches.items())
        return Deliveries(tuple(sorted((*own, *known), key=lambda batch: batch.revision)))

    def release(self, state: SuspicionState) -> None:
        """Accept what was quarantined for a suspicion, as an answer of drift does."""
        states = {name: batch.quarantined(self.findings[name]) for name, batch in self.batches.items()}
        for name, batch in states.items():
            if any(map(state.explains, quarantined_suspicions([batch]))):
                del self.batches[name]

    def check(
        self,
        night: date,
        landed: Sequence[Batch],
        champion: Champion,
        profiles: RowProfiles,
        earlier: Callable[[], DailyRows],
    ) -> None:
        """Quarantine what landed and looks broken.

        Parameters
        ----------
        profiles : RowProfiles
            The profiles of rows by the champion's ruler.
        earlier : callable
            Returns the profiles of the days before; called only if something is to be checked.
        """
        files = self.files.setdefault(night, [])
        files += [f"{batch.key}: contract" for batch in landed if batch.verdict == "quarantined"]
        checked = to_check(landed, self.spec)
        if not checked:
            return
        monitor, days_before = drift_monitor(champion.baseline, self.spec), earlier()
        for batch in checked:
            revision = (batch.batch_id, batch.revision)
            days = profiles.of_revision(revision)
            repeated = self.timeline.repeated(self.timeline.rows_written(revision), self.spec.features)
            suspicions = looks_broken(monitor, min(days), sum_profiles(list(days.values())), repeated, days_before)
            if suspicions:
                self.batches[batch.batch_id] = batch
                self.findings[batch.batch_id] = with_findings(batch, [finding_of(one, batch) for one in suspicions])
                kinds = ", ".join(f"{fault.kind} {' '.join(fault.columns)}".strip() for fault in suspicions)
                files.append(f"{batch.key}: {kinds}")
