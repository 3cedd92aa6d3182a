import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tasks.notify.task import notify
from tasks.spec import ProjectSpec


def spec(*channels: dict[str, object]) -> ProjectSpec:
    return ProjectSpec.model_validate(
        {
            "project": "mine",
            "scope": {"owner": "me", "objective": "x", "metric": "mean_absolute_error"},
            "source": {"uri": "in", "id": ["id"], "event_time": "t", "label": {"column": "y"}},
            "features": {"numbers": ["a"]},
            "notifications": list(channels),
        }
    )


@pytest.fixture
def inbox() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A real web hook on loopback, and what it was sent."""
    taken: list[dict[str, str]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
            del format, args

    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"json://127.0.0.1:{server.server_port}", taken
    server.shutdown()
    server.server_close()


def test_only_channels_that_want_an_event_hear_of_it(
    inbox: tuple[str, list[dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, taken = inbox
    monkeypatch.setenv("TEAM", address)
    wants = spec({"to": "env:TEAM", "on": ["alarm"]})
    assert notify.fn(wants, "promotion", "mine: promoted", "version 2") == 0
    assert notify.fn(wants, "alarm", "mine: hold", "area moved") == 1
    assert [(each["title"], each["message"]) for each in taken] == [("mine: hold", "area moved")]


def test_a_channel_that_fails_or_is_not_set_never_fails_the_night(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEAD", "json://127.0.0.1:1")
    monkeypatch.delenv("UNSET", raising=False)
    assert notify.fn(spec({"to": "env:DEAD"}, {"to": "env:UNSET"}), "alarm", "t", "b") == 0
