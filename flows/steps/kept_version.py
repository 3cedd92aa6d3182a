"""The lake's own copy of a champion's sealed files: what is left of it when MLflow has lost the version."""

from __future__ import annotations

import json

from flows.loaded_version import fetched
from flows.workspace import Workspace
from tasks.lake import Lake
from tasks.records import RecordedVersion

INDEX = "versions.json"
KEPT = 2
"""The champion and the one before it: what a rollback restores."""


def keep_champions(workspace: Workspace) -> None:
    """Copy the sealed files of the champion and of the one before it into the lake, once; remove older copies.

    The files were verified by the record. The index is written last: what an interrupted copy left is written again.
    """
    lake, project = workspace.lake, workspace.project
    kept, wanted = _index(lake, project), workspace.champion_record().champions()[:KEPT]
    missing = [recorded for recorded in wanted if recorded.digest and recorded.digest not in kept]
    found = {each.digest: _copied(workspace, each) for each in missing}
    stays = {each.digest for each in wanted}
    index = {digest: names for digest, names in {**kept, **found}.items() if digest in stays and names}
    if index == kept:
        return
    lake.put(project, INDEX, json.dumps(index, sort_keys=True).encode())
    for digest, names in kept.items():
        for name in names if digest not in index else ():
            lake.discard(project, _place(digest, name))


def kept_files(lake: Lake, project: str, digest: str) -> dict[str, bytes] | None:
    """Return the copy of the sealed files of a version, not verified; None if the lake has no whole one."""
    names = _index(lake, project).get(digest)
    files = {name: lake.get(project, _place(digest, name)) for name in names or ()}
    whole = {name: content for name, content in files.items() if content is not None}
    return whole if names and len(whole) == len(names) else None


def _copied(workspace: Workspace, recorded: RecordedVersion) -> list[str]:
    """Copy a version's files; return their names, none if MLflow no longer has it."""
    found = fetched(workspace.registry, workspace.project, recorded, once=True)
    if found is None:
        return []
    for name, content in found[1].items():
        workspace.lake.put(workspace.project, _place(recorded.digest, name), content)
    return sorted(found[1])


def _index(lake: Lake, project: str) -> dict[str, list[str]]:
    """Return the names of the files of each version that is kept, by the digest of its manifest."""
    content = lake.get(project, INDEX)
    return {} if content is None else {str(digest): list(names) for digest, names in json.loads(content).items()}


def _place(digest: str, name: str) -> str:
    return f"versions/{digest}/{name}"
