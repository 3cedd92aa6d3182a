"""The name of this service in the record of a rollout, its part of one, and the secrets of its rollouts."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from tasks.records import RolloutEntry
from tasks.serve.service_settings import FILE, read_settings
from tasks.serving_store.rollout_ledger import LEDGER_FOLDER
from tasks.whole_file import private_folder, write_once

SERVICE_FILE = "service_id"


def service_id(root: Path) -> str:
    """Return the name by which one of several services runs a rollout: the given one, or one of this serving folder."""
    given = read_settings(root / FILE).name
    return given or drawn_once(private_folder(root / LEDGER_FOLDER) / SERVICE_FILE)


@dataclass(frozen=True)
class ServicePart:
    """The workers of a service among all that run a rollout: its changed answers and entities are divided by them.

    Attributes
    ----------
    first, slots, parts : int
        The place of the first worker of the service, their number, and that of all services.
    """

    first: int
    slots: int
    parts: int

    def of(self, total: int) -> int:
        """Return the part of a number; the parts of all services are the number.

        >>> [ServicePart(0, 2, 3).of(7), ServicePart(2, 1, 3).of(7)]
        [5, 2]
        """
        return sum(
            total // self.parts + (slot < total % self.parts) for slot in range(self.first, self.first + self.slots)
        )


def part_of(last: RolloutEntry, service: str) -> ServicePart:
    """Return the part of a service that runs a rollout."""
    names = list(last.services)
    before = sum(last.services[name] for name in names[: names.index(service)])
    return ServicePart(before, last.services[service], sum(last.services.values()))


def rollout_salt(root: Path, project: str, rollout: str) -> str:
    """Return the secret with which the entities of a rollout are chosen; it is drawn once."""
    return drawn_once(salt_path(root, project, rollout))


def salt_path(root: Path, project: str, rollout: str) -> Path:
    """Return the file with the secret of a rollout."""
    return private_folder(root / LEDGER_FOLDER / project) / f"{rollout}.salt"


def drawn_once(path: Path) -> str:
    """Return the text of a file, which has a random one from its first reading on."""
    if not path.exists():
        write_once(path, secrets.token_hex(16).encode())
    return path.read_text(encoding="ascii")
