"""The commands and the code of deployments/SERVING.md, word by word, against a service of the house prices."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.serving.package_version import packaged
from flows.steps.in_service.single_rows import row_terms
from tasks.model import model_files
from tasks.registry.manifest import seal, verify
from tasks.registry.statement import Statement
from tasks.registry.versions import Version
from tasks.spec import read_spec
from tests.houses import HOUSES, house_model
from tests.running_service import Running, running
from tests.unit.serve.packages import KEY, MOMENT

PAGE = (HOUSES.parent / "SERVING.md").read_text(encoding="utf-8")
ROOT = Path(__file__).parents[2]
CURLS = [block for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) if block.startswith("curl ")]
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
DAYS = ("2014-05-12", "2014-06-30")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    spec = read_spec(HOUSES / "project.yaml")
    about = {"project": spec.project, "key": "house-prices/1"}
    files = seal(model_files(house_model(spec, DAYS, iterations=20)), about, KEY, Statement("a run", MOMENT))
    version = Version(spec.project, 1, "a run", {"leeway.key": about["key"]}, (), MOMENT, "")
    signed = verify(files, [KEY.public_key()], about)
    package = packaged(version, files, signed, row_terms(spec, HOUSES), MOMENT)
    folder = tmp_path_factory.mktemp("page")
    labels = {spec.project: spec.source.label.column}
    taken: dict[str, Any] = {"feedback": {spec.project: ("overridden",)}, "decisions": (spec.project,)}
    with running(folder, [(package, files)], labels=labels, **taken) as found:
        yield found


def typed_in(command: str, service: Running) -> dict[str, Any]:
    """Run a command of the page in a shell; return what the service replied."""
    here = command.replace(":8500/", f":{service.settings.port}/")
    assert here != command
    here = here.replace("X-Deadline-Ms: 500", "X-Deadline-Ms: 60000")  # a busy machine is no fault of the page
    keys = {"KEY": service.key, "LABEL_KEY": service.key}
    done = subprocess.run(
        ["sh", "-euc", here], env={**os.environ, **keys}, capture_output=True, text=True, check=True, timeout=60
    )
    reply: dict[str, Any] = json.loads(done.stdout)
    assert "error" not in reply, reply
    return reply


def test_the_page_has_a_command_for_everything_that_a_client_may_ask() -> None:
    paths = [re.findall(r"/v1/projects/house-prices/(\w+)", command) for command in CURLS]
    assert paths == [["predict"], ["schema"], ["predict"], ["labels"], ["feedback"], ["decisions"]]


@pytest.mark.parametrize("command", CURLS, ids=range(len(CURLS)))
def test_a_command_of_the_page_has_a_reply(command: str, service: Running) -> None:
    reply = typed_in(command, service)
    assert (reply["project"], reply.get("version", 1)) == ("house-prices", 1)
    prices = [answer["prediction"] for answer in reply.get("answers", [reply.get("answer", {"prediction": 1e5})])]
    assert all(20_000 < price < 5_000_000 for price in prices)
    if "labels" in command:
        assert reply["labels"] == 1
    if "feedback" in command:
        assert reply["feedback"] == 1
    if "decisions" in command:
        assert reply["decisions"] == 1


def test_the_code_of_the_page_returns_what_its_commands_return(
    service: Running, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copy(ROOT / "flows" / "serving" / "leeway_client.py", tmp_path)  # as an application does
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("KEY", "LABEL_KEY"):
        monkeypatch.setenv(name, service.key)
    row = json.loads(CURLS[0].partition("-d ")[2].strip().strip("'"))["row"]
    names: dict[str, Any] = {"row": row}
    for block in CODE:
        here = block.replace(":8500", f":{service.settings.port}").replace(
            "deadline_seconds=0.5", "deadline_seconds=60"
        )
        exec(compile(here, "SERVING.md", "exec"), names)  # noqa: S102 - code of our own page
    answer = typed_in(CURLS[0], service)["answer"]
    assert (names["answer"].id, names["price"]) == (answer["id"], answer["prediction"])
    first, _ = names["answers"]
    assert first.prediction == answer["prediction"]
    assert (set(names["columns"]) >= set(row), names["kept"]) == (True, 1)
