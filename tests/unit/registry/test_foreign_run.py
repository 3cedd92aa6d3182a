"""A skops file of a run of another program: never fetched, or read, beyond what a model may have."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tasks.errors import DataError
from tasks.registry.mlflow_server import Server
from tasks.registry.other_runs.foreign_run import skops_of_run

RUN = SimpleNamespace(outputs=None)


class Lists:
    """A server that says one size of its file, and sends another."""

    url = "http://mlflow"

    def __init__(self, said_bytes: int | None, sent_bytes: int) -> None:
        self.said_bytes, self.sent_bytes, self.sent = said_bytes, sent_bytes, 0

    def ask(self, what: str, *_about: Any) -> Any:
        file = SimpleNamespace(path="model.skops", file_size=self.said_bytes, is_dir=False)
        return [file] if what == "list_artifacts" else RUN

    def ask_or_none(self, what: str, *about: Any) -> Any:
        if what == "get_run":
            return RUN
        path = Path(about[-1]) / "model.skops"
        path.write_bytes(bytes(self.sent_bytes))
        self.sent += 1
        return str(path)


@pytest.mark.parametrize(("said_bytes", "times"), [(101, 0), (5, 1), (None, 1)])
def test_a_file_that_is_larger_than_a_model_may_be_is_not_read_whatever_the_server_says(
    said_bytes: int | None, times: int
) -> None:
    server = Lists(said_bytes, 101)
    with pytest.raises(DataError, match=r"model.skops of run 7 has more than 100 bytes; it is not read"):
        skops_of_run(cast("Server", server), "7", 100)
    assert server.sent == times


def test_a_file_within_the_limit_is_read() -> None:
    assert skops_of_run(cast("Server", Lists(100, 100)), "7", 100) == ("model.skops", bytes(100))
