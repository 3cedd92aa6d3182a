"""The folder of packages and routes; every write appears as a whole."""

from __future__ import annotations

import hashlib
import logging
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from tasks.compact import COMPACT_FILE
from tasks.errors import EvidenceError
from tasks.inference.onnx_session import ONNX_FILE
from tasks.inference.schema import SCHEMA_FILE
from tasks.logs import line
from tasks.registry.manifest import MANIFEST, SIGNATURE, verify
from tasks.row_contract.versioned_json import read_versioned
from tasks.serving_store import rollout_grant as grants
from tasks.serving_store import servable_package as packages
from tasks.serving_store import traffic_route as routes
from tasks.serving_store.rollout_grant import RolloutGrant
from tasks.serving_store.servable_package import ServablePackage, read_package
from tasks.serving_store.signed_document import read_document, sign_document
from tasks.serving_store.table_snapshots.table_snapshot import TableSnapshot
from tasks.serving_store.traffic_route import Route
from tasks.whole_file import private_folder, sync_folder, write_whole

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

LOG = logging.getLogger("leeway.serve")
SERVING_FOLDER = "serving"
"""The folder in the home."""
PACKAGE_FILE, ROUTE_FILE, GRANT_FILE = "package.json", "route.json", "rollout.json"
VERSION_FILES = (ONNX_FILE, SCHEMA_FILE, COMPACT_FILE)
"""What a version is answered from; earlier ones, and those without trees or weights, have no compact file."""
SIGNED_FILES = (ONNX_FILE, SCHEMA_FILE, MANIFEST, SIGNATURE)
"""What every version has."""
KEPT = 3
"""The newest packages of a project that stay on disk, with the one that serves."""
Stamp = tuple[int, int]
UNREAD: Stamp = (-1, -1)
"""The stamp of no file: what has it is read again."""


D = TypeVar("D", Route, RolloutGrant, TableSnapshot)


@dataclass(frozen=True)
class ProjectDocument(Generic[D]):
    """A kind of signed document of which each project has one: its class, the number of its format, and its file."""

    kind: type[D]
    protocol: int
    purpose: str
    file: str

    def read(self, root: Path, project: str, trusted: Sequence[Ed25519PublicKey]) -> D | None:
        """Return the verified document of a project; None without one.

        Raises
        ------
        EvidenceError
            When it is not signed by a trusted key, damaged, or of another project.
        """
        try:
            signed = (root / project / self.file).read_bytes()
        except FileNotFoundError:
            return None
        content = read_document(signed, self.purpose.format(project=project), trusted)
        document = read_versioned(content, self.kind, self.protocol)
        if document.project != project:
            raise EvidenceError(f"found a {self.kind.__name__} of {document.project!r}; expected one of {project!r}.")
        return document

    def write(self, root: Path, document: D, private: Ed25519PrivateKey) -> None:
        """Sign the document of a project and write it as a whole."""
        purpose = self.purpose.format(project=document.project)
        write_whole(root / document.project / self.file, sign_document(document.to_json(), purpose, private))


ROUTES = ProjectDocument(Route, routes.PROTOCOL, routes.PURPOSE, ROUTE_FILE)
GRANTS = ProjectDocument(RolloutGrant, grants.PROTOCOL, grants.PURPOSE, GRANT_FILE)


class ServingStore:
    """The packages and routes of projects.

    Parameters
    ----------
    root : Path
        The folder, usually `<home>/SERVING_FOLDER`.
    trusted : sequence of public keys
        Their signatures of routes and packages are accepted.
    versions : callable, optional
        Returns the public keys that may have signed the version in a package; by default the same keys.
    """

    def __init__(
        self,
        root: Path,
        trusted: Sequence[Ed25519PublicKey],
        versions: Callable[[], Sequence[Ed25519PublicKey]] | None = None,
    ) -> None:
        self.root = root
        self.trusted = tuple(trusted)
        self._versions = versions or (lambda: self.trusted)
        self._unread: dict[Path, str] = {}

    def route_stamp(self, project: str) -> Stamp | None:
        """Return what changes whenever the route is written; None without a route."""
        return file_stamp(self.root / project / ROUTE_FILE)

    def route(self, project: str) -> Route | None:
        """Return the verified route of a project, or None if none was published.

        Raises
        ------
        EvidenceError
            When it is not signed by a trusted key, or damaged.
        """
        return ROUTES.read(self.root, project, self.trusted)

    def readable_route(self, project: str) -> Route | None:
        """Return the route of a project; None if there is none, or it is damaged: the next one takes its place."""
        with suppress(EvidenceError):
            return self.route(project)
        return None

    def grant_stamp(self, project: str) -> Stamp | None:
        """Return what changes whenever a grant is written; None without a rollout."""
        return file_stamp(self.root / project / GRANT_FILE)

    def grant(self, project: str) -> RolloutGrant | None:
        """Return the verified grant of a project, or None without a rollout.

        Raises
        ------
        EvidenceError
            When it is not signed by a trusted key, or damaged.
        """
        return GRANTS.read(self.root, project, self.trusted)

    def readable_grant(self, project: str) -> RolloutGrant | None:
        """Return the grant of a project; None if there is none, or it is damaged: the next one takes its place."""
        with suppress(EvidenceError):
            return self.grant(project)
        return None

    def write_grant(self, grant: RolloutGrant, private: Ed25519PrivateKey) -> None:
        """Let a candidate answer a share of the requests."""
        GRANTS.write(self.root, grant, private)

    def remove_grant(self, project: str) -> None:
        """Let the champion answer all requests."""
        (self.root / project / GRANT_FILE).unlink(missing_ok=True)

    def package(self, project: str, digest: str) -> tuple[ServablePackage, dict[str, bytes]]:
        """Return a verified package, and the verified model files of its version.

        Raises
        ------
        EvidenceError
            When a file is missing, changed or not signed.
        OSError
            When the disk does not answer now.
        """
        folder = self.root / project / _checked(digest)
        try:
            document = (folder / PACKAGE_FILE).read_bytes()
            files = {name: (folder / name).read_bytes() for name in SIGNED_FILES}
            if (folder / COMPACT_FILE).exists():
                files[COMPACT_FILE] = (folder / COMPACT_FILE).read_bytes()
        except FileNotFoundError as error:
            raise EvidenceError(
                f"package {digest[:12]} of {project} is incomplete: {error}; publish it again."
            ) from error
        if hashlib.sha256(document).hexdigest() != digest:
            raise EvidenceError(f"package {digest[:12]} of {project} has changed; publish it again.")
        package = read_package(read_document(document, packages.PURPOSE.format(project=project), self.trusted))
        if package.project != project:
            raise EvidenceError(f"package {digest[:12]} is of {package.project!r}; expected one of {project!r}.")
        signed = verify(files, self._versions(), package.about, only=VERSION_FILES)
        if signed.digest != package.version_digest:
            raise EvidenceError(
                f"package {digest[:12]} of {project} has the files of another version; publish it again."
            )
        return package, files

    def has_package(self, project: str, digest: str) -> bool:
        """Return whether there is a package; it is not verified."""
        return (self.root / project / _checked(digest)).is_dir()

    def packages(self, project: str) -> Iterator[tuple[ServablePackage, str]]:
        """Yield the packages of a project that can be read and verify, with their digests; the others are logged."""
        folder = self.root / project
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if not path.is_dir() or path.name.startswith("."):
                continue
            try:
                package, _ = self.package(project, path.name)
            except (EvidenceError, OSError) as error:
                self._report(path, str(error))
                continue
            self._unread.pop(path, None)
            yield package, path.name

    def package_stamp(self, project: str, digest: str) -> tuple[Stamp | None, ...]:
        """Return what changes whenever a file of a package is written or removed."""
        folder = self.root / project / _checked(digest)
        return tuple(file_stamp(folder / name) for name in (PACKAGE_FILE, *SIGNED_FILES, COMPACT_FILE))

    def _report(self, path: Path, reason: str) -> None:
        """Log once why a package is not used."""
        if self._unread.get(path) != reason:
            self._unread[path] = reason
            LOG.warning(line("package_not_used", package=path.name, project=path.parent.name, reason=reason))

    def add_package(self, package: ServablePackage, files: Mapping[str, bytes], private: Ed25519PrivateKey) -> str:
        """Write a package with the signed files of its version; return its digest.

        One that cannot be used is replaced: a worker that has refused it reads it again once its route is published.
        """
        document = sign_document(package.to_json(), packages.PURPOSE.format(project=package.project), private)
        digest = hashlib.sha256(document).hexdigest()
        folder = private_folder(self.root / package.project)
        if (folder / digest).exists():
            with suppress(EvidenceError, OSError):
                self.package(package.project, digest)
                return digest
        draft = folder / f".{digest[:16]}.{secrets.token_hex(8)}"
        draft.mkdir(mode=0o700)
        try:
            for name in (*SIGNED_FILES, *({COMPACT_FILE} & set(files))):
                write_whole(draft / name, files[name])
            write_whole(draft / PACKAGE_FILE, document)
            if (folder / digest).exists():
                shutil.rmtree(folder / digest)
            draft.rename(folder / digest)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        sync_folder(folder)
        return digest

    def publish(self, package: ServablePackage, digest: str, private: Ed25519PrivateKey, at: datetime) -> Route:
        """Let a package serve. Older packages are removed.

        The caller is the only one that publishes.
        """
        project = package.project
        serial = next_serial(at, self.readable_route(project))
        route = Route(protocol=routes.PROTOCOL, project=project, serial=serial, package=digest, version=package.version)
        ROUTES.write(self.root, route, private)
        self._remove_old(project, digest)
        return route

    def _remove_old(self, project: str, serving: str) -> None:
        folders = [path for path in (self.root / project).iterdir() if path.is_dir() and path.name != serving]
        for path in sorted(folders, key=lambda path: path.stat().st_mtime, reverse=True)[KEPT:]:
            shutil.rmtree(path, ignore_errors=True)


def next_serial(moment: datetime, before: Route | RolloutGrant | TableSnapshot | None) -> int:
    """Return the serial of a route or grant: higher than that of the one before it, although the clock was set back.

    It is the time in milliseconds, so that it is also higher than that of one which was lost or damaged.

    >>> from datetime import UTC
    >>> next_serial(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), None)
    1000
    """
    return max(int(moment.timestamp() * 1000), 1 if before is None else before.serial + 1)


def file_stamp(path: Path) -> Stamp | None:
    """Return what changes whenever a file is written as a whole: its inode and time; None without a file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError:
        return UNREAD
    return found.st_ino, found.st_mtime_ns


def _checked(digest: str) -> str:
    if len(digest) != hashlib.sha256().digest_size * 2 or not set(digest) <= set("0123456789abcdef"):
        raise EvidenceError(f"found the package {digest[:80]!r}; expected a sha256.")
    return digest
