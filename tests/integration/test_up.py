"""`leeway up` as a stranger runs it: their own csv, the stack, a night triggered by hand, a clean stop."""

from __future__ import annotations

import base64
import http
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.sync_api import sync_playwright

from flows.stack.process_registry import read_note, supervisor_of
from tasks.lake import Lake, read_nights

LEEWAY = Path(sys.executable).parent / "leeway"
STARTED_SECONDS = 240
RUN_SECONDS = 150
Stack = subprocess.Popen[bytes]
KEY_FILE = Path("unknown until a stack runs")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
CHOSEN = ("PREFECT_API_URL", "PREFECT_HOME", "MLFLOW_TRACKING_URI", "LEEWAY_PROJECTS", "LEEWAY_LAKE")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a project made from somebody's csv."""
    where = tmp_path_factory.mktemp("stranger")
    lines = [
        f"{number},2026-01-{1 + number % 28:02d},{number % 17},{10 + number % 17 + number * 7 % 23}"
        for number in range(300)
    ]
    (where / "orders.csv").write_text("\n".join(["order,day,size,price", *lines]))
    command = [str(LEEWAY), "init", "orders.csv", "--time", "day", "--label", "price"]
    subprocess.run(command, cwd=where, env=environment(where), check=True, capture_output=True)
    return where


@pytest.fixture(scope="module")
def up(folder: Path) -> Iterator[tuple[Stack, str]]:
    """The running stack, and the address of its Prefect server."""
    log = folder / "up.log"
    with log.open("wb") as said:
        stack = subprocess.Popen([LEEWAY, "up"], cwd=folder, env=environment(folder), stdout=said, stderr=said)
    try:
        deadline = time.monotonic() + STARTED_SECONDS
        while "Ctrl-C" not in log.read_text():
            assert stack.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.5)
        address = re.search(r"Prefect (http://127\.0\.0\.1:\d+)", log.read_text())
        assert address is not None
        yield stack, f"{address[1]}/api"
    finally:
        stack.send_signal(signal.SIGINT)
        stack.wait(60)


def environment(home: Path) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if name not in CHOSEN}
    return {**plain, "LEEWAY_HOME": str(home / "home")}


@pytest.fixture(scope="module", autouse=True)
def key(folder: Path) -> Iterator[None]:
    """Let `ask` log in to Prefect with the key of the home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{__name__}.KEY_FILE", folder / "home" / "keys" / "prefect_auth")
        yield


def ask(url: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    token = base64.b64encode(KEY_FILE.read_bytes().strip()).decode()
    headers = {"Content-Type": "application/json", "Authorization": f"Basic {token}"}
    request = urllib.request.Request(url, data, headers)  # noqa: S310 - our own address
    deadline = time.monotonic() + RUN_SECONDS
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310 - our own address
                return json.load(reply)
        except urllib.error.HTTPError as error:  # Prefect's SQLite is locked; its own clients try again too
            if error.code != http.HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                raise
            time.sleep(1)


def finished(api: str, run: str) -> dict[str, Any]:
    """Wait until a run has ended; return its last state."""
    deadline = time.monotonic() + RUN_SECONDS
    while True:
        try:
            state: dict[str, Any] = ask(f"{api}/flow_runs/{run}")["state"]
        except OSError as error:  # the servers are being started again
            state = {"type": "UNKNOWN", "error": str(error)}
        if state["type"] in FINAL:
            return state
        assert time.monotonic() < deadline, state
        time.sleep(1)


def said(folder: Path, words: str) -> None:
    """Wait until `leeway up` has said something."""
    deadline = time.monotonic() + STARTED_SECONDS
    while words not in (log := (folder / "up.log").read_text()):
        assert time.monotonic() < deadline, log
        time.sleep(0.5)


def status(folder: Path) -> str:
    done = subprocess.run([LEEWAY, "status"], cwd=folder, env=environment(folder), capture_output=True, check=True)
    return done.stdout.decode()


@pytest.mark.usefixtures("up")
def test_status_shows_the_servers_and_the_next_night(folder: Path) -> None:
    shown = status(folder)
    assert re.search(r"Prefect http://127\.0\.0\.1:\d+ healthy", shown)
    assert re.search(r"MLflow http://127\.0\.0\.1:\d+ healthy", shown)
    assert "worker runs" in shown
    assert re.search(r"orders: \d{4}-\d{2}-\d{2} 02:00 UTC, in \d+ (h|min)", shown)
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


def flows_named(api: str, name: str) -> list[Any]:
    flows: list[Any] = ask(f"{api}/flows/filter", {"flows": {"name": {"any_": [name]}}})
    return flows


def mlflow_of(folder: Path) -> str:
    note = read_note(folder / "home")
    assert note is not None
    return str(note["mlflow"])


def test_another_user_of_the_machine_cannot_create_a_flow_without_the_key(up: tuple[Stack, str], folder: Path) -> None:
    _, api = up
    assert answer(f"{api}/flows/", b'{"name": "stranger"}', content_type="application/json") == 401
    guess = base64.b64encode(b"leeway:guess").decode()
    wrong = {"content_type": "application/json", "authorization": f"Basic {guess}"}
    assert answer(f"{api}/flows/", b'{"name": "stranger"}', **wrong) == 401
    assert flows_named(api, "stranger") == []
    assert (folder / "home" / "keys" / "prefect_auth").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:1", "http://localhost:8888", "null"])
def test_a_page_of_another_origin_is_refused_by_both_servers(up: tuple[Stack, str], folder: Path, origin: str) -> None:
    _, api = up
    key = base64.b64encode(KEY_FILE.read_bytes().strip()).decode()  # even a browser that has logged in
    assert answer(f"{api}/flows/", b"{}", origin=origin, authorization=f"Basic {key}") == 403
    assert answer(f"{mlflow_of(folder)}/api/2.0/mlflow/experiments/create", b"{}", origin=origin) == 403
    assert answer(mlflow_of(folder), origin=origin) == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "localhost.evil.example:{port}"])
def test_a_name_that_only_points_to_this_machine_is_refused_by_both_servers(
    up: tuple[Stack, str], folder: Path, host: str
) -> None:
    for address in (up[1], mlflow_of(folder)):
        port = address.removesuffix("/api").rpartition(":")[2]
        assert answer(f"{address}/health", host=host.format(port=port)) == 403


def test_the_key_is_in_no_log_and_no_process_list(up: tuple[Stack, str], folder: Path) -> None:
    secret = KEY_FILE.read_text().strip().partition(":")[2]
    assert secret not in (folder / "home" / "stack.log").read_text()
    keeper = supervisor_of(folder / "home")
    assert keeper is not None
    processes = [psutil.Process(up[0].pid), keeper, *keeper.children(recursive=True)]
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


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed, so no page can be opened")
def test_a_page_that_a_browser_happens_to_open_can_do_nothing(up: tuple[Stack, str], folder: Path) -> None:
    _, api = up
    mlflow, web = mlflow_of(folder), folder / "web"
    web.mkdir()
    (web / "index.html").write_text(DRIVE_BY % {"prefect": api, "mlflow": mlflow})
    log_in = re.search(r"http://\S+/leeway-login#\S+", (folder / "up.log").read_text())
    assert log_in is not None
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(web))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as elsewhere, sync_playwright() as player:
        threading.Thread(target=elsewhere.serve_forever, daemon=True).start()
        browser = player.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        page.goto(log_in[0])
        page.get_by_role("link", name="Deployments").first.wait_for(timeout=90_000)  # logged in, without a question
        page.goto(f"http://127.0.0.1:{elsewhere.server_address[1]}/")
        page.wait_for_function("document.title.startsWith('done')")
        assert page.title() == "done: refused"
        elsewhere.shutdown()
        browser.close()
    assert flows_named(api, "drive-by") == []
    experiments = ask(f"{mlflow}/api/2.0/mlflow/experiments/search", {"filter": "name = 'drive-by'", "max_results": 10})
    assert experiments.get("experiments", []) == []


def test_a_killed_keeper_is_replaced_and_interrupted_work_is_done(up: tuple[Stack, str], folder: Path) -> None:
    _, api = up
    deployment = ask(f"{api}/deployments/name/nightly/orders")
    run = ask(f"{api}/deployments/{deployment['id']}/create_flow_run", {"parameters": {"project": "orders"}})
    while ask(f"{api}/flow_runs/{run['id']}")["state"]["type"] == "SCHEDULED":
        time.sleep(0.5)
    before, keeper = (folder / "up.log").read_text(), supervisor_of(folder / "home")
    assert keeper is not None
    keeper.kill()
    said(folder, "the supervisor of the servers has ended; restarting everything")
    state = finished(api, run["id"])  # at the same address
    assert state["type"] == "COMPLETED", state
    assert (folder / "home" / "lake" / "orders" / "decisions").is_dir()
    assert "1 interrupted run scheduled again" in (folder / "up.log").read_text().removeprefix(before)


def test_a_night_whose_prefect_server_is_killed_is_whole_by_the_next_attempt_at_the_latest(
    up: tuple[Stack, str], folder: Path
) -> None:
    _, api = up
    lines = [f"{300 + number},2026-01-{1 + number % 28:02d},{number % 17},20" for number in range(60)]
    landing = folder / "deployments" / "orders" / "landing"
    (landing / "more.csv").write_text("\n".join(["order,day,size,price", *lines]))
    os.utime(landing / "more.csv", (time.time() - 3600,) * 2)  # nobody writes it any more
    create = f"{api}/deployments/{ask(f'{api}/deployments/name/nightly/orders')['id']}/create_flow_run"
    run = ask(create, {"parameters": {"project": "orders"}})
    while ask(f"{api}/flow_runs/{run['id']}")["state"]["type"] != "RUNNING":
        time.sleep(0.1)
    note = read_note(folder / "home")
    assert note is not None
    os.killpg(note["members"]["prefect"]["pid"], signal.SIGKILL)
    state = finished(api, run["id"])  # whether its end could be told depends on what it was doing
    assert state["type"] in {"COMPLETED", "CRASHED"}, state
    again = finished(api, ask(create, {"parameters": {"project": "orders"}})["id"])
    assert again["type"] == "COMPLETED", again
    lake = Lake(str(folder / "home" / "lake"))
    assert sorted(lake.read("orders", "rows")["row_id"], key=int) == list(map(str, range(360)))
    assert read_nights(lake, "orders")[-1].rows == 360


@pytest.mark.usefixtures("up")
def test_a_project_written_while_it_runs_is_deployed_and_a_wrong_one_named(folder: Path) -> None:
    (folder / "deployments" / "broken").mkdir()
    (folder / "deployments" / "broken" / "project.yaml").write_text("project: broken\n")
    said(folder, "wrong deployments/broken/project.yaml:1: missing key")
    spec = (folder / "deployments" / "orders" / "project.yaml").read_text().replace("orders", "copies")
    (folder / "deployments" / "copies").mkdir()
    (folder / "deployments" / "copies" / "project.yaml").write_text(spec)
    said(folder, "deployed copies")


def test_the_stop_is_clean(up: tuple[Stack, str]) -> None:
    stack, _ = up
    members = psutil.Process(stack.pid).children(recursive=True)
    assert len(members) >= 4
    stack.send_signal(signal.SIGINT)
    assert stack.wait(60) == 0
    _, left = psutil.wait_procs(members, timeout=10)
    assert left == []
