"""Who may use the servers of `leeway up`, and what `leeway status` says of them."""

from __future__ import annotations

import base64
import http.server
import re
import threading
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.sync_api import Page

from flows.stack.process_registry import supervisor_of
from tests.leeway_up.checkout import Up


def test_status_shows_the_servers_and_the_next_night(up: Up) -> None:
    shown = up.checkout.types("leeway status")
    assert re.search(r"Prefect http://127\.0\.0\.1:\d+ healthy", shown)
    assert re.search(r"MLflow http://127\.0\.0\.1:\d+ healthy", shown)
    assert "worker runs" in shown
    for project in ("orders", "rentals"):
        assert re.search(rf"{project}: \d{{4}}-\d{{2}}-\d{{2}} 02:00 UTC, in \d+ (h|min)", shown)
    assert "nothing needs attention" in shown


def answer(url: str, body: bytes | None = None, **headers: str) -> int:
    """Return the status that a request without the key gets."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, body, named)  # noqa: S310 - our own address
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310 - our own address
            return int(reply.status)
    except urllib.error.HTTPError as error:
        return error.code


def flows_named(up: Up, name: str) -> list[Any]:
    flows: list[Any] = up.ask(f"{up.api}/flows/filter", {"flows": {"name": {"any_": [name]}}})
    return flows


def test_another_user_of_the_machine_cannot_create_a_flow_without_the_key(up: Up) -> None:
    assert answer(f"{up.api}/flows/", b'{"name": "stranger"}', content_type="application/json") == 401
    guess = base64.b64encode(b"leeway:guess").decode()
    wrong = {"content_type": "application/json", "authorization": f"Basic {guess}"}
    assert answer(f"{up.api}/flows/", b'{"name": "stranger"}', **wrong) == 401
    assert flows_named(up, "stranger") == []
    assert up.key_file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:1", "http://localhost:8888", "null"])
def test_a_page_of_another_origin_is_refused_by_both_servers(up: Up, origin: str) -> None:
    assert (
        answer(f"{up.api}/flows/", b"{}", origin=origin, authorization=up.authorization) == 403
    )  # even a browser that has logged in
    assert answer(f"{up.mlflow}/api/2.0/mlflow/experiments/create", b"{}", origin=origin) == 403
    assert answer(up.mlflow, origin=origin) == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "localhost.evil.example:{port}"])
def test_a_name_that_only_points_to_this_machine_is_refused_by_both_servers(up: Up, host: str) -> None:
    for address in (up.api, up.mlflow):
        port = address.removesuffix("/api").rpartition(":")[2]
        assert answer(f"{address}/health", host=host.format(port=port)) == 403


def test_the_key_is_in_no_log_and_no_process_list(up: Up) -> None:
    secret = up.key_file.read_text().strip().partition(":")[2]
    assert secret not in (up.checkout.home / "stack.log").read_text()
    keeper = supervisor_of(up.checkout.home)
    assert keeper is not None
    processes = [psutil.Process(up.process.pid), keeper, *keeper.children(recursive=True)]
    assert len(processes) >= 5
    assert not [process for process in processes if any(secret in word for word in process.cmdline())]


DRIVE_BY = """<!doctype html><title>a page</title><script>
const body = new Blob([JSON.stringify({name: "drive-by"})]);  // of no type: the browser asks no one before it sends
const tries = ["%(prefect)s/flows/", "%(mlflow)s/api/2.0/mlflow/experiments/create"].flatMap(url => [
  fetch(url, {method: "POST", mode: "no-cors", body}),
  fetch(url, {method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify({name: "drive-by"})}),
]);
const socket = new Promise(done => {
  const made = new WebSocket("%(prefect)s/events/in".replace("http", "ws"), ["prefect"]);
  made.onopen = () => done("open"); made.onerror = () => done("refused");
});
Promise.all([Promise.allSettled(tries), socket]).then(([, how]) => { document.title = "done: " + how; });
</script>"""


def test_a_page_that_a_browser_happens_to_open_can_do_nothing(up: Up, screen: Page, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(DRIVE_BY % {"prefect": up.api, "mlflow": up.mlflow})
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as elsewhere:
        threading.Thread(target=elsewhere.serve_forever, daemon=True).start()
        screen.goto(up.log_in)
        screen.get_by_role("link", name="Deployments").first.wait_for()  # logged in, without a question
        screen.goto(f"http://127.0.0.1:{elsewhere.server_address[1]}/")
        screen.wait_for_function("document.title.startsWith('done')")
        assert screen.title() == "done: refused"
        elsewhere.shutdown()
    assert flows_named(up, "drive-by") == []
    wanted = {"filter": "name = 'drive-by'", "max_results": 10}
    assert up.ask(f"{up.mlflow}/api/2.0/mlflow/experiments/search", wanted).get("experiments", []) == []
