"""The candidates of running rollouts: what a worker may let them answer, and what it has seen of them."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from math import inf
from time import monotonic
from typing import NamedTuple

import numpy as np

from tasks import clock
from tasks.arrays import BoolArray
from tasks.errors import EvidenceError
from tasks.logs import line
from tasks.rollout import FAULTS_IN_A_ROW, IDLE_SECONDS, AnswerChange, is_within, log_wealth, position
from tasks.row_contract import TypedRow
from tasks.serve.champions import Serving
from tasks.serve.served_version import ServedVersion
from tasks.serve.tick_batch import TickBatch
from tasks.serving_store import UNREAD, RolloutGrant, Route, ServingStore
from tasks.serving_store.logged_rows import Draw
from tasks.serving_store.rollout_grant import LEASE_SECONDS
from tasks.serving_store.rollout_ledger import RolloutLedger, ledger_path

LOG = logging.getLogger("leeway.serve")
MOST_KEYS = 100_000


class Candidate:
    """The candidate of a project in this worker.

    Parameters
    ----------
    serving : Serving
        The version, as a route would name it.
    slot : int
        The number of the worker.

    Attributes
    ----------
    grant : RolloutGrant
        What it may answer.
    ledger : RolloutLedger
        What was seen of its rollout.
    """

    def __init__(self, grant: RolloutGrant, serving: Serving, ledger: RolloutLedger, slot: int) -> None:
        self.grant, self.serving, self.ledger, self._slot = grant, serving, ledger, slot
        self._deadline = 0.0
        self._last_seconds: float | None = None
        self._in_a_row = 0
        self._seen: set[int] = set()
        self._rows: set[int] = set()
        self._counts_keys = ledger.enter(grant.stage)  # a worker that was replaced has forgotten which it has counted

    def renew(self, grant: RolloutGrant, deadline: float) -> None:
        """Take a newer grant of the same rollout, which ends at a time of the event loop."""
        self.grant, self._deadline = grant, deadline
        if self.ledger.enter(grant.stage):
            self._seen.clear()
            self._counts_keys, self._last_seconds = True, None

    def is_granted(self, champion: str, now: float) -> bool:
        """Return whether it may be run next to a champion, given by its package."""
        return self.grant.champion == champion and now < self._deadline and not self.ledger.count("stopped")

    def draw(self, rows: Sequence[TypedRow]) -> Draw:
        """Return whether chance has drawn it for a request: if all rows of it belong to its share.

        Chance decides on rows without an entity, and nothing that a client sends, such as the id of a request.
        """
        entity, grant = self.grant.entity, self.grant
        values = [row.values.get(entity) if entity else None for row in rows]
        salt, drawn = grant.salt or grant.rollout, secrets.randbits(64)
        places = [drawn if value is None else position(str(value), salt) for value in values]
        within = all(is_within(place, grant.share) for place in places)
        first = places[0]  # one entity of a request is counted, by its own place: the others may be of both versions
        own = self._counts_keys and grant.counts(first, self._slot) and len(self._seen) < MOST_KEYS
        if own and first not in self._seen:
            self._seen.add(first)
            self.ledger.add("of_candidate" if is_within(first, grant.share) else "of_champion", 1)
        users = ("" if value is None else f"{place:016x}" for value, place in zip(values, places, strict=True))
        return Draw("candidate" if within else "champion", tuple(users))

    def asked(self, now: float) -> None:
        """Count the time since the last request, at a time of the event loop; of a pause only the first hour counts."""
        before = now if self._last_seconds is None else self._last_seconds
        self.ledger.add_busy(min(now - before, IDLE_SECONDS))
        self._last_seconds = now

    def compared(self, rows: Sequence[TypedRow], change: AnswerChange, deferred: BoolArray) -> int:
        """Take how it differs in rows that both versions have answered; return how many answers are changed.

        A row with the values of an earlier one, such as of a request that is sent again or of a probe, is no evidence.

        Parameters
        ----------
        deferred : array of bool, shape (n,)
            Rows that one of both versions defers to a person: their answers are changed too.
        """
        self._in_a_row = 0
        return self._bet(rows, change, deferred)

    def _bet(self, rows: Sequence[TypedRow], change: AnswerChange, deferred: BoolArray) -> int:
        changed = change.changed | deferred
        self.ledger.add("rows", len(changed))
        self.ledger.add("changed", int(changed.sum()))
        new = np.array([self._is_new(row) for row in rows], dtype=bool)
        fresh = AnswerChange(change.changed[new], change.size[new], change.shift[new])
        self.ledger.wealth += log_wealth(fresh, self.grant.limits, deferred[new])
        return int(changed.sum())

    def _is_new(self, row: TypedRow) -> bool:
        """Return whether no row with the same values is among the last ones."""
        content = hash(tuple(sorted((name, str(value)) for name, value in row.values.items())))
        if content in self._rows:
            return False
        if len(self._rows) == MOST_KEYS:
            self._rows.clear()
        self._rows.add(content)
        return True

    def spend(self, changed: int) -> bool:
        """Take changed answers from the quota of this worker; return whether it has that many."""
        return self.ledger.spend(changed, self.grant.quota_of(self._slot))

    def answered(self, rows: int) -> None:
        """Count rows that it has answered."""
        self.ledger.add("answers", rows)

    def failed(self, reason: str, rows: Sequence[TypedRow]) -> None:
        """Take that it could not answer the rows of a request; several requests in a row end its share in this worker.

        To the tests, such a row is an answer that is wholly different.
        """
        wrong = AnswerChange(np.ones(len(rows), dtype=bool), np.ones(len(rows)), np.zeros(len(rows)))
        self._bet(rows, wrong, np.zeros(len(rows), dtype=bool))
        self._in_a_row += 1
        self.ledger.add("faults", 1)
        names = {"project": self.grant.project, "version": self.grant.version}
        LOG.error(line("candidate_failed", in_a_row=self._in_a_row, reason=reason, **names))
        if self._in_a_row == FAULTS_IN_A_ROW:
            self.ledger.add("stopped", 1)
            LOG.error(line("candidate_stopped", **names))


class _Pace:
    """Ends the proof of a candidate that is too slow: before it holds up those who ask."""

    def __init__(self, most_seconds: float) -> None:
        self._most_seconds, self._last, self._slow = most_seconds, monotonic(), 0
        self._began, self._rows = self._last, 0

    @property
    def row_seconds(self) -> float:
        """How long a row took, on average."""
        return (self._last - self._began) / max(1, self._rows)

    def take(self) -> None:
        """Take that a reference request was repeated.

        Raises
        ------
        EvidenceError
            When several in a row took longer than others may wait.
        """
        now = monotonic()
        self._slow = self._slow + 1 if now - self._last > self._most_seconds else 0
        self._last, self._rows = now, self._rows + 1
        if self._slow == FAULTS_IN_A_ROW:
            most = f"{1000 * self._most_seconds:.0f} ms"
            raise EvidenceError(
                f"the candidate took more than {most} for a row, {FAULTS_IN_A_ROW} times in a row; others would be "
                "refused meanwhile: make the model smaller"
            )


class Granted(NamedTuple):
    """A grant that was read, what it needs if it is of a new rollout, and for how long it is valid."""

    project: str
    grant: RolloutGrant | None
    fresh: Candidate | None = None
    seconds: float = 0.0


class Candidates:
    """The candidates of the served projects.

    A grant or package that does not verify lets no candidate answer: the champion does, and the fault is logged. So
    does a version that takes longer for a row than `most_seconds`: other requests wait meanwhile, and are not to be
    late or refused for it. In one turn of the event loop, no candidate is run for longer than that.
    """

    def __init__(self, store: ServingStore, projects: Sequence[str], slot: int, most_seconds: float = inf) -> None:
        self._store, self._slot, self._most_seconds = store, slot, most_seconds
        self._running: dict[str, Candidate] = {}
        self._serials: dict[str, int] = {}
        self._stamps: dict[str, object] = dict.fromkeys(projects)

    def get(self, champion: Serving, now: float) -> Candidate | None:
        """Return what may be run next to a champion at a time of the event loop; None without a valid grant."""
        found = self._running.get(champion.route.project)
        return found if found is not None and found.is_granted(champion.route.package, now) else None

    def changed(self) -> list[str]:
        """Return the projects with grants that were written, or removed, since they were last read."""
        return [name for name, seen in self._stamps.items() if seen == UNREAD or self._store.grant_stamp(name) != seen]

    def load(self, project: str) -> Granted:
        """Read the grant of a project, and its candidate if it is new; without a valid one, no candidate answers."""
        stamp = self._store.grant_stamp(project)
        try:
            found = self._loaded(project)
        except Exception as error:  # noqa: BLE001 - whatever a package has, the champion goes on
            stamp = UNREAD if isinstance(error, OSError) else stamp
            reason = str(error) or type(error).__name__
            LOG.error(line("rollout_refused", project=project, reason=reason))  # noqa: TRY400 - the reason is enough
            found = Granted(project, None)
        self._stamps[project] = stamp
        return found

    def exchange(self, found: Granted, now: float) -> None:
        """Follow a grant that was read; requests that are being answered keep theirs."""
        before = self._running.pop(found.project, None)
        candidate = before if found.fresh is None else found.fresh
        if before is not None and (found.grant is None or candidate is None or candidate.ledger is not before.ledger):
            before.ledger.close()
        if found.grant is None or candidate is None:
            return
        self._running[found.project] = candidate
        self._serials[found.project] = found.grant.serial
        candidate.renew(found.grant, now + found.seconds)

    def _loaded(self, project: str) -> Granted:
        grant, current = self._store.grant(project), self._running.get(project)
        if grant is None:
            return Granted(project, None)
        if grant.serial < self._serials.get(project, 0):
            raise EvidenceError(f"the grant of {project} has serial {grant.serial}, and a later one was in use.")
        seconds = min(LEASE_SECONDS, grant.not_after - clock.now().timestamp())
        if seconds <= 0:
            return Granted(project, None)
        if current is not None and (current.grant.rollout, current.grant.candidate) == (grant.rollout, grant.candidate):
            return Granted(project, grant, None, seconds)
        return Granted(project, grant, self._fresh(grant, current), seconds)

    def _fresh(self, grant: RolloutGrant, current: Candidate | None) -> Candidate:
        package, files = self._store.package(grant.project, grant.candidate)
        version = ServedVersion(package, files, self._store.root.parent)
        continues = current is not None and current.grant.rollout == grant.rollout
        path = ledger_path(self._store.root, grant.project, grant.rollout, self._slot)
        ledger = current.ledger if current is not None and continues else RolloutLedger(path)
        pace = _Pace(self._most_seconds)
        try:
            version.prove(package.references, pace.take)
        except BaseException as error:
            if isinstance(error, EvidenceError):
                ledger.add("refused", 1 - ledger.count("refused"))
            if not continues:
                ledger.close()
            raise
        ledger.add("refused", -ledger.count("refused"))
        route = Route(
            protocol=1, project=grant.project, serial=grant.serial, package=grant.candidate, version=package.version
        )
        batch = TickBatch(version, pace.row_seconds, self._most_seconds)
        return Candidate(grant, Serving(route, version, batch), ledger, self._slot)
