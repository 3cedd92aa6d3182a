"""Settings of the service: written by `leeway serve`, read by the supervisor and its workers."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tasks.errors import EvidenceError
from tasks.whole_file import write_whole

FILE = "service.json"
BACKLOG = 1024
"""Connections that wait in the queue of a worker's socket until it takes them."""
LOG_CLOSE_SECONDS = 5.0
"""How long the thread of the prediction log has to write what waits once the last request is answered."""
ENDING_SECONDS = 2.0
"""How long a worker may take to end after that."""
CARRY_SECONDS = 30.0
"""How long the controller has to land the log once the workers have ended; what is left lands at the next start."""


class LogTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What is logged of a project.

    Attributes
    ----------
    label : str
        The column of a label that lands with the rows, which a logged row has empty; an empty text if there is none.
    share : float
        The share of the rows that is logged.
    seconds : float
        How long a file of the log is written to before it lands as a delivery.
    max_bytes : int
        Of the files of one worker that have not landed yet.
    """

    label: str = ""
    share: float = 1.0
    seconds: float = 900.0
    max_bytes: int = 2**30


LOAD_SECONDS = 30.0
"""How long a worker may take to load the version of one project, and to repeat its references."""


class ServiceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the service runs; times in milliseconds or seconds as named.

    Attributes
    ----------
    projects : tuple of str
        The projects that are served.
    logs : mapping of str to LogTerms
        The projects with a prediction log.
    labels : mapping of str to str
        The projects that take labels, with the column of the label.
    feedback : mapping of str to tuple of str
        The projects that take feedback, with its events.
    decisions : tuple of str
        The projects that take what people decided.
    root : str
        The serving folder, with packages, routes and API keys.
    trusted : tuple of str
        Public keys as PEM texts; a package signed by another key does not serve.
    follows_version_keys : bool
        Whether other keys sign the version in a package: those that the controller keeps in the serving folder.
    host, port : str, int
        The address of the service.
    admin_host, admin_port : str, int
        The address of health and metrics.
    grpc_port : int
        The port for the Open Inference Protocol over gRPC; 0 for none.
    workers : int
        The number of worker processes.
    controller : tuple of str
        The command that keeps packages and routes in step with the decision record; empty for none.
    name : str
        The name of the service in the record of a rollout; empty for one that is drawn in the serving folder.
    lands_rollouts : bool
        Whether the evidence of rollouts lands in `serving.uri`, because the service may not write the record.
    certificate, private_key : str
        Files for TLS; empty for plain HTTP.
    budget_ms, most_budget_ms : float
        The time for a request that names none, and the longest that one may name.
    max_body_bytes, max_header_bytes, max_rows : int
        Limits of one request.
    max_label_bytes : int
        Of the labels of a project, and as many of its feedback and its decisions, that have not landed yet.
    max_connections, max_in_flight : int
        Limits of one worker: open connections, and requests that are being answered.
    request_seconds, idle_seconds : float
        How long a request may take to arrive, and how long a connection may be idle.
    hung_seconds : float
        After which time a worker with an event loop that does not turn is replaced.
    start_seconds : float
        After which time a worker that does not begin to answer is replaced; see `longest_start`.
    drain_seconds : float
        How long requests may still be answered after the signal to stop; see `worker_stop_seconds`.
    """

    projects: tuple[str, ...]
    root: str
    trusted: tuple[str, ...]
    follows_version_keys: bool = False
    logs: dict[str, LogTerms] = {}
    labels: dict[str, str] = {}
    feedback: dict[str, tuple[str, ...]] = {}
    decisions: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 8500
    admin_host: str = "127.0.0.1"
    admin_port: int = 8501
    grpc_port: int = 0
    workers: int = 1
    controller: tuple[str, ...] = ()
    name: str = ""
    lands_rollouts: bool = False
    certificate: str = ""
    private_key: str = ""
    budget_ms: float = 300.0
    most_budget_ms: float = 60_000.0
    max_body_bytes: int = 1_000_000
    max_header_bytes: int = 16_384
    max_rows: int = 1_000
    max_label_bytes: int = 2**30
    max_connections: int = 1_000
    max_in_flight: int = 256
    request_seconds: float = 10.0
    idle_seconds: float = 60.0
    hung_seconds: float = 20.0
    start_seconds: float = 120.0
    drain_seconds: float = 10.0

    @property
    def longest_start(self) -> float:
        """How long a worker may take to load the versions of all projects, in seconds."""
        return self.start_seconds + LOAD_SECONDS * len(self.projects)

    @property
    def worker_stop_seconds(self) -> float:
        """How long a worker may take from the signal to its end: it answers its last requests, and closes its log."""
        return self.drain_seconds + LOG_CLOSE_SECONDS + ENDING_SECONDS

    def write(self) -> Path:
        """Write the settings to the serving folder; return their path."""
        folder = Path(self.root)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return write_whole(folder / FILE, msgspec.json.encode(self))


def read_settings(path: Path) -> ServiceSettings:
    """Return the settings of a file.

    Raises
    ------
    EvidenceError
        When they are damaged.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=ServiceSettings)
    except msgspec.MsgspecError as error:
        raise EvidenceError(f"{path} is damaged ({error}); start `leeway serve` again.") from error
