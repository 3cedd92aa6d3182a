"""What the controller cannot do: logged once, and shown on the admin port for the champion and the log."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tasks.logs import line, logger
from tasks.serving_store.project_notes import FAULT_FILE, LANDING_FAULT_FILE
from tasks.whole_file import write_whole

Duty = Literal["publish", "roll_out", "prepare", "carry", "keys"]
EVENTS: dict[Duty, str] = {
    "publish": "not_published",
    "roll_out": "not_rolled_out",
    "prepare": "next_version_not_prepared",
    "carry": "prediction_log_not_landed",
    "keys": "version_keys_not_followed",
}
SHOWN: dict[Duty, str] = {"publish": FAULT_FILE, "carry": LANDING_FAULT_FILE}


@dataclass
class FaultLog:
    """Logs the fault of a project once; one of its champion or of its log is written next to its route.

    A version that may serve next and cannot be packaged is no fault of the champion, which answers as before.
    """

    root: Path
    _seen: dict[tuple[str, Duty], str] = field(default_factory=dict)

    def fault(self, project: str, duty: Duty, error: Exception) -> None:
        """Report a fault; where the disk is full, it is only logged."""
        reason = str(error) or type(error).__name__
        if self._seen.get((project, duty)) == reason:
            return
        self._seen[project, duty] = reason
        logger().error(line(EVENTS[duty], project=project, reason=reason))
        if duty in SHOWN:
            with suppress(OSError):
                (self.root / project).mkdir(parents=True, exist_ok=True, mode=0o700)
                write_whole(self.root / project / SHOWN[duty], reason.encode())

    def fine(self, project: str, duty: Duty) -> None:
        """Report that there is no fault."""
        self._seen.pop((project, duty), None)
        if duty in SHOWN:
            with suppress(OSError):
                (self.root / project / SHOWN[duty]).unlink(missing_ok=True)
