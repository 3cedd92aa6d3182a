"""The prediction service as a member of `leeway up`, for a project that asks for it while the stack runs."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil
import pytest

from flows.serving.leeway_client import LeewayClient, LeewayError
from tasks.serving_store import ApiKeys, new_key, write_keys
from tests.leeway_up.checkout import RUN_SECONDS, Up

OPTED_IN = "\nserving: {up: true, log: true}\n"


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + RUN_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def listening() -> set[tuple[str, int]]:
    """Return the addresses and ports on which programs of this user listen."""
    found = [one for one in psutil.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
    return {(one.laddr[0], one.laddr[1]) for one in found if one.laddr}


@pytest.mark.timeout(600)
def test_a_project_that_asks_for_it_is_served_on_this_machine_only(up: Up) -> None:
    spec = up.checkout.folder / "deployments" / "orders" / "project.yaml"
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text + OPTED_IN, encoding="utf-8")
    up.wait_for("predictions http://127.0.0.1:")
    service, admin = up.note["service_ports"]
    assert f"predictions http://127.0.0.1:{service}   for orders" in up.output
    made, key = new_key("app")
    write_keys(up.checkout.home / "serving", ApiKeys((made,)))

    def asked(key: str) -> int | None:
        """Return the status of a reply; the orders have no champion, so there is no answer."""
        client = LeewayClient(f"http://127.0.0.1:{service}", key, deadline_seconds=60, attempts=1)
        with client, pytest.raises(LeewayError) as refused:
            client.predict("orders", {})
        return refused.value.status

    until(lambda: asked(key) == 503)
    assert asked("another") == 401
    up.wait_for("deployed orders\n")  # its changed spec: the next test finds a stack that does nothing else
    # Nothing but this machine reaches it, or its metrics.
    assert {ip for ip, port in listening() if port in {service, admin}} == {"127.0.0.1"}
