"""The files of a version: downloaded from the artifacts of its run, and verified against what was signed."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.errors import EvidenceError, Unreachable
from tasks.registry.manifest import MANIFEST, SIGNATURE, checked_name, verify, verify_manifest
from tasks.registry.mlflow_server import Server
from tasks.registry.signing import HomeKeys, Keys
from tasks.registry.statement import Signed
from tasks.registry.versions import Version

TRANSFERS = 3  # of what is listed: a connection that the server closed meanwhile fails once
FOLDER = "model"
"""The folder of a version's files in the artifacts of its run."""
MAX_BYTES = 2 * 2**30
"""The most bytes of a version's files that are downloaded: who may write to the store must not fill this machine."""


@dataclass(frozen=True)
class FetchedFiles:
    """The files of a version on one MLflow server, and the keys that they are verified with."""

    server: Server
    keys: Keys | HomeKeys
    version: Version
    former_names: Collection[str] = ()

    def sealed(self, digest: str = "") -> tuple[dict[str, bytes], Signed]:
        """Return all files with the manifest and its signature, verified; see `Registry.fetch_signed`."""
        version, listed = self.version, self._listed()
        nested = sorted(entry.path for entry in listed if entry.is_dir)
        if nested or not listed:
            raise EvidenceError(
                f"version {version.number} of {version.project} has {nested or 'no files'}; expected files."
            )
        sizes = {checked_name(entry.path.removeprefix(f"{FOLDER}/")): entry.file_size for entry in listed}
        _refuse_large(version, sizes.values())
        files = self._downloaded(list(sizes))
        short = sorted(name for name, size in sizes.items() if size is not None and len(files[name]) != size)
        if short:
            raise Unreachable(f"{short} of version {version.number} arrived incomplete; fetch it again.")
        return files, _of_version(verify(files, self.keys.trusted, self._about(files)), version, digest)

    def signed(self) -> Signed:
        """Return what is signed, from the manifest and its signature alone; see `Registry.signed`."""
        sizes = {entry.path.removeprefix(f"{FOLDER}/"): entry.file_size for entry in self._listed()}
        names = [name for name in (MANIFEST, SIGNATURE) if name in sizes]
        _refuse_large(self.version, [sizes[name] for name in names])
        with tempfile.TemporaryDirectory(prefix="leeway-") as folder:
            files = {name: self._download(f"{FOLDER}/{name}", folder).read_bytes() for name in names}
        return _of_version(verify_manifest(files, self.keys.trusted, self._about(files)), self.version)

    def _about(self, files: Mapping[str, bytes]) -> dict[str, str]:
        """Return what the manifest must be about: the version, under the name that its project has or had."""
        about, former = self.version.about, {name.encode() for name in self.former_names}
        signed = next((name for name in former if b'"project":"%s"' % name in files.get(MANIFEST, b"")), None)
        return about if signed is None else {**about, "project": signed.decode()}

    def _listed(self) -> list[Any]:
        return list(self.server.ask_or_none("list_artifacts", self.version.run_id, FOLDER) or [])

    def _downloaded(self, names: list[str]) -> dict[str, bytes]:
        with tempfile.TemporaryDirectory(prefix="leeway-") as folder:
            model = self._download(FOLDER, folder)
            return {name: (model / name).read_bytes() for name in names}

    def _download(self, path: str, folder: str) -> Path:
        """Fetch what the server has listed; MLflow calls it missing whenever a transfer fails, so that says nothing."""
        for _ in range(TRANSFERS):
            found = self.server.ask_or_none("download_artifacts", self.version.run_id, path, folder)
            if found is not None:
                return Path(found)
        raise Unreachable(
            f"MLflow at {self.server.url} did not answer: {path} of version {self.version.number} is listed and does "
            "not arrive. Check that the server runs and fetch it again."
        )


def _refuse_large(version: Version, sizes: Iterable[int | None]) -> None:
    """Raise an error before a download that would fill the disk or the memory."""
    size_bytes = sum(size or 0 for size in sizes)
    if size_bytes > MAX_BYTES:
        raise EvidenceError(
            f"the files of version {version.number} of {version.project} have {size_bytes:,} bytes; expected at most "
            f"{MAX_BYTES:,}, far above any gate.max_size_mb: they were not downloaded. Look at them in MLflow."
        )


def _of_version(signed: Signed, version: Version, digest: str = "") -> Signed:
    """Return what is signed, if it was signed for the run of the version, and is what was recorded."""
    if signed.statement is not None and signed.statement.run_id != version.run_id:
        raise EvidenceError(
            f"{MANIFEST} of version {version.number} was signed for run {signed.statement.run_id}, and the version is "
            f"of run {version.run_id}: the files belong to another version."
        )
    if digest and signed.digest != digest:
        raise EvidenceError(
            f"version {version.number} of {version.project} has the digest {signed.digest[:12]}; the lake's record "
            f"has {digest[:12]}: its files were replaced. Restore them, or roll back (`leeway rollback`)."
        )
    return signed
