"""The page of `leeway demo --serve` shows what the service answers, and which version did."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from flows.demo.callers import Callers
from flows.demo.price_page import PricePage
from flows.demo.served_demo import answers_in_words
from flows.serving.leeway_client import LeewayClient
from tests.running_service import Running, running, two_versions, until
from tests.unit.serve.packages import ROW, spec_of


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder: Path = tmp_path_factory.mktemp("page")
    with running(folder, two_versions(folder)) as found:
        yield found


def asked(page: PricePage, method: str, path: str, content: bytes = b"", **headers: str) -> tuple[int, str]:
    """Return the status and the text of a reply of the page."""
    with closing(HTTPConnection("127.0.0.1", urlsplit(page.url).port, timeout=20)) as connection:
        connection.request(method, path, content, headers)
        reply = connection.getresponse()
        return reply.status, reply.read().decode()


def said(page: PricePage, content: bytes) -> Any:
    return json.loads(asked(page, "POST", "/predict", content)[1])


def test_a_page_shows_the_row_and_asks_for_its_answer(service: Running) -> None:
    with LeewayClient(service.address, service.key) as client, PricePage(client, spec_of(), ROW) as page:
        _, shown = asked(page, "GET", "/")
        assert all(f'name="{name}"' in shown for name in ROW)
        _, content = service.ask()
        assert said(page, json.dumps(ROW).encode()) == {"said": f"{content['answer']['prediction']:.3g}", "version": 1}
        assert "break the contract" in said(page, json.dumps(ROW | {"area": "big"}).encode())["said"]
        assert "version" not in said(page, b"no row")
        row = json.dumps(ROW).encode()
        assert asked(page, "POST", "/predict", row, origin="http://elsewhere.example") == (404, "")
        assert asked(page, "GET", "/elsewhere") == (404, "")


def test_what_answers_is_counted_by_version_across_a_promotion(service: Running) -> None:
    with LeewayClient(service.address, service.key) as client:
        callers = Callers(client, "flats", [ROW], pause_seconds=0.01)
        callers.start()
        until(lambda: callers.answered[1] > 1)
        service.publish(2)
        until(lambda: callers.answered[2] > 1)
        callers.stop()
    said = answers_in_words(callers)
    assert said.startswith(f"while the nights went on, version 1 {callers.answered[1]} times, then version 2 ")
    assert said.endswith("answered; 0 requests failed")
