"""Restores a champion that MLflow has lost, from the lake's own copy of its files or from the run that is left."""

from __future__ import annotations

import json

from flows.loaded_version import fetched
from flows.steps.actor import person
from flows.steps.events import emit_event
from flows.steps.kept_version import kept_files
from flows.steps.publish import write_report
from flows.workspace import Workspace
from tasks import clock
from tasks.errors import DataError, EvidenceError
from tasks.lake import PROMOTION_LEASE, acquire_lease, append_entry, read_entries
from tasks.records import PromotionEntry, RecordedVersion, champion_record
from tasks.registry import Draft, Version, verify
from tasks.registry.manifest import MANIFEST, SIGNATURE
from tasks.registry.mlflow_names import CHAMPION, KEY, PROMOTED


def restore(workspace: Workspace, reason: str) -> str:
    """Register the recorded champion again if MLflow no longer has it; return what was done.

    Its files must be those that the decision record has the digest of. MLflow gives it a new number; the record names
    it as the champion from then on, and its alias points to it. It may be interrupted at any point, and repeated.

    Raises
    ------
    DataError
        There is no champion, or no copy of it.
    EvidenceError
        The copy is not what was promoted, or this machine has no key to sign with.
    """
    with acquire_lease(workspace.lake, workspace.project, PROMOTION_LEASE) as lease:
        leased = workspace.with_lease(lease)
        changes = champion_record(read_entries(leased.lake, leased.project)).champion_changes()
        if not changes:
            raise DataError(f"{leased.project} has no champion by its decision record, so none can be restored")
        lost = changes[0].to
        if not _is_begun(leased, lost) and fetched(leased.registry, leased.project, lost, changes[0].at) is not None:
            _point(leased, lost.number)
            return f"MLflow has version {lost.number}, which is champion: nothing to restore"
        version = _registered_again(leased, lost)
        digest = leased.registry.signed(version).digest
        text = f"version {lost.number} is lost in MLflow, and is version {version.number} from now on"
        now = clock.now()
        entry = PromotionEntry(
            name=f"{version.number}/restored/{digest[:12]}",
            night=clock.tonight(leased.spec.schedule.time_zone),
            time=now,
            action="restored",
            subject=f"version {version.number}",
            actor=person(),
            reason=text,
            because=reason,
            digest=digest,
        )
        append_entry(leased.lake, leased.project, entry)
        leased.registry.set_tag(leased.project, version.number, PROMOTED, now.isoformat())
        _point(leased, version.number)
    write_report(workspace)
    emit_event(workspace.project, "champion.restored", {"what": text, "who": entry.actor})
    return text


def _key(lost: RecordedVersion) -> str:
    return f"restored/{lost.digest[:12]}"


def _is_begun(workspace: Workspace, lost: RecordedVersion) -> bool:
    """Return whether an interrupted call has registered it already, under whatever number."""
    return any(version.tags.get(KEY) == _key(lost) for version in workspace.registry.versions(workspace.project))


def _registered_again(workspace: Workspace, lost: RecordedVersion) -> Version:
    """Add the files of a lost champion as a version of their own, signed for a run of their own."""
    files = kept_files(workspace.lake, workspace.project, lost.digest) if lost.digest else None
    if files is None:
        raise DataError(
            f"the lake has no copy of version {lost.number}: it was promoted by an earlier version of Leeway, or lost "
            "before its first night. Restore MLflow's database and artifacts from a backup that has it, or `leeway run "
            f"retrain {workspace.project}`, and approve the new version"
        )
    about = json.loads(files[MANIFEST])["about"]
    signed = verify(files, workspace.registry.trusted, about)
    if about["project"] not in workspace.spec.names or signed.digest != lost.digest or signed.statement is None:
        raise EvidenceError(
            f"the lake's copy of version {lost.number} is not what was promoted: expected the digest "
            f"{lost.digest[:12]}, found {signed.digest[:12]} of {about['project']!r}. Restore the lake from a backup"
        )
    content = {name: each for name, each in files.items() if name not in {MANIFEST, SIGNATURE}}
    draft = Draft(
        _key(lost),
        content,
        description=f"Version {lost.number}, which was lost here, restored from the lake's copy of its files.",
        basis=signed.statement.basis,
    )
    workspace.registry.ensure(workspace.project, workspace.spec.scope.objective)
    return workspace.registry.add_version(workspace.project, draft)


def _point(workspace: Workspace, number: int) -> None:
    """Let the alias point to the champion."""
    if workspace.registry.aliases(workspace.project).get(CHAMPION) != number:
        workspace.registry.set_alias(workspace.project, CHAMPION, number)
