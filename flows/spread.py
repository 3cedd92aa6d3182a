"""Where pieces of work are done: here, or on the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tasks.errors import SpecError, Unreachable

if TYPE_CHECKING:
    from tasks.spec.models import Compute
    from tasks.train import Spread

CONNECT_SECONDS = 30


@contextmanager
def workers(compute: Compute) -> Iterator[Spread]:
    """Give a function with the meaning of `map`; results come in the order of the work.

    Raises
    ------
    SpecError
        Dask is asked for but not installed.
    Unreachable
        The cluster does not answer.
    """
    if compute.backend == "threads":
        yield map
        return
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise SpecError(["compute.backend is 'dask', which is not installed; `pip install leeway[dask]`"]) from error
    where: Any = compute.address
    if where is None:
        where = LocalCluster(n_workers=compute.workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=None)
    try:
        client = Client(where, timeout=CONNECT_SECONDS)
    except OSError as error:
        raise Unreachable(f"no Dask scheduler answers at {compute.address}: {error}; start it or correct it") from error
    try:
        yield lambda function, *work: _gathered(client, function, work)
    finally:
        client.close()
        if compute.address is None:
            where.close()


def _gathered(client: Any, function: Any, work: tuple[Iterable[Any], ...]) -> Iterable[Any]:
    results: Iterable[Any] = client.gather(client.map(function, *map(list, work), pure=False))
    return results
