"""Does pieces of work in this process, or on the workers of a Dask cluster.

Rooms are Prefect's tasks, partitions are Dask's: a worker that dies takes its partitions' work along, and Dask alone
sees to it that another does it again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.util import find_spec
from itertools import chain, islice
from time import monotonic
from typing import TYPE_CHECKING, Any

from tasks.errors import SpecError, Unreachable

if TYPE_CHECKING:
    from tasks.spec.project_spec import Compute
    from tasks.train import ParallelMap

CONNECT_SECONDS = 30
LOOK_SECONDS = 5  # between checks for workers
ALONE_SECONDS = 120  # without any worker, after which the work fails
WORTH_SENDING = 2  # pieces of work: a single one is done here
AHEAD = 3  # pieces submitted for each thread of the cluster; results wait at the workers


@contextmanager
def executor(compute: Compute) -> Iterator[ParallelMap]:
    """Yield a function with the meaning of `map`; results have the order of the work.

    A cluster is used for two pieces of work or more; a single piece is done in this process.

    Raises
    ------
    SpecError
        Dask is asked for but not installed.
    Unreachable
        The cluster does not answer, has no worker, or lost every worker that tried a piece; raised by the function.
    """
    if compute.backend == "threads":
        yield map
        return
    if find_spec("distributed") is None:  # asked before any work is done
        raise SpecError(["compute.backend is 'dask', which is not installed; `pip install leeway[dask]`"])
    cluster = Cluster(compute)
    try:
        yield cluster.mapped
    finally:
        cluster.close()


class Cluster:
    """A Dask cluster, connected to when there is work for it.

    Parameters
    ----------
    compute : Compute
        Its address; without one, a cluster of so many processes is started here and ended with this.
    """

    def __init__(self, compute: Compute) -> None:
        self.compute = compute
        self._client: Any = None
        self._local: Any = None

    def mapped(self, function: Callable[..., Any], *work: Iterable[Any]) -> Iterator[Any]:
        """Yield what the function makes of each piece of work, in order.

        The function, with all that is bound to it, is sent to a worker once; of the results no more than a few wait.
        """
        pieces = zip(*work, strict=False)  # as `map` does
        first = list(islice(pieces, WORTH_SENDING))
        if len(first) < WORTH_SENDING:
            yield from (function(*piece) for piece in first)
            return
        from distributed import CancelledError
        from distributed.comm import CommClosedError
        from distributed.scheduler import KilledWorker

        try:
            yield from self._windowed(function, chain(first, pieces))
        except (CancelledError, CommClosedError, KilledWorker) as error:
            raise Unreachable(
                f"work was lost on the Dask cluster at {self._where()}: {error!r}; see its workers' logs. Memory is "
                "the usual cause: give each worker more, or fewer threads"
            ) from error

    def close(self) -> None:
        """Disconnect; a cluster that was started here ends."""
        for each in (self._client, self._local):
            if each is not None:
                each.close()

    def _windowed(self, function: Callable[..., Any], pieces: Iterator[tuple[Any, ...]]) -> Iterator[Any]:
        from distributed.protocol.pickle import dumps

        client = self._connected()
        shared = client.submit(_itself, dumps(function), pure=False)
        self._wait(shared)
        client.replicate([shared])  # Dask prefers workers that have it, and would leave the others idle
        most = AHEAD * max(1, sum(client.nthreads().values()))
        under_way: deque[Any] = deque()
        for piece in pieces:
            under_way.append(client.submit(_done, shared, piece, pure=False))
            if len(under_way) >= most:
                yield self._result(under_way.popleft())
        while under_way:
            yield self._result(under_way.popleft())

    def _result(self, future: Any) -> Any:
        """Return the result of a piece, and release it: a worker that dies afterwards loses nothing."""
        self._wait(future)
        found = future.result()
        future.release()
        return found

    def _wait(self, future: Any) -> None:
        """Wait until a piece is done, as long as there are workers."""
        from distributed import wait

        alone_since: float | None = None
        while True:
            try:
                wait(future, timeout=LOOK_SECONDS)
            except TimeoutError:
                alone_since = self._alone(alone_since)
            else:
                return

    def _alone(self, since: float | None) -> float | None:
        """Return the moment since which there has been no worker; None while there is one.

        Raises
        ------
        Unreachable
            When that has been too long.
        """
        if self._client.nthreads():
            return None
        if since is not None and monotonic() - since > ALONE_SECONDS:
            raise Unreachable(
                f"the Dask cluster at {self._where()} has had no worker for {ALONE_SECONDS} s; start some "
                "(`dask worker ADDRESS`)"
            )
        return monotonic() if since is None else since

    def _connected(self) -> Any:
        if self._client is not None and self._client.status != "running":
            self._client.close()  # the scheduler has lost its state; the next try connects again
            self._client = None
        self._client = self._client or self._connect()
        return self._client

    def _connect(self) -> Any:
        from distributed import Client

        if self.compute.address is None and self._local is None:
            self._local = _local_cluster(self.compute.workers)
        try:
            client = Client(self._local or self.compute.address, timeout=CONNECT_SECONDS)
        except OSError as error:
            raise Unreachable(
                f"no Dask scheduler answers at {self._where()}: {error}; start it or correct it"
            ) from error
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError as error:
            client.close()
            raise Unreachable(
                f"the Dask cluster at {self._where()} has no worker; start some (`dask worker ADDRESS`)"
            ) from error
        return client

    def _where(self) -> str:
        return self.compute.address or "this machine"


def _local_cluster(workers: int) -> Any:
    """Start a cluster on this machine that no other process can join, submit work to, or read."""
    import dask
    from distributed import LocalCluster
    from distributed.security import Security

    # Scheduler and workers each open a page for people, without a password; it stays empty, on a free local port.
    with dask.config.set({f"distributed.{role}.http.routes": [] for role in ("scheduler", "worker")}):
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            protocol="tls",
            security=Security.temporary(),  # a certificate of its own
        )


def _itself(content: bytes) -> bytes:
    return content


def _done(content: bytes, piece: tuple[Any, ...]) -> Any:
    return _loaded(content)(*piece)


@lru_cache(maxsize=4)
def _loaded(content: bytes) -> Callable[..., Any]:
    """Return a function with everything bound to it, loaded once for all pieces that a worker does.

    It is sent as bytes: a function that a worker cannot load fails as a piece of work, not as a message between
    workers, which Dask would retry forever.
    """
    from distributed.protocol.pickle import loads

    function: Callable[..., Any] = loads(content)
    return function
