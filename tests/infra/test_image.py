"""The image: what hadolint knows of Dockerfiles, and what else it must be. No image is built here."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "infra" / "Dockerfile"
IGNORED = (ROOT / "infra" / "Dockerfile.dockerignore").read_text().split()


def instructions() -> list[tuple[str, str]]:
    """Return every instruction with its words; continued lines are one."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [
        (word, " ".join(rest.split())) for word, _, rest in (line.partition(" ") for line in text.splitlines()) if word
    ]


STEPS = instructions()
LAST = STEPS[max(number for number, (word, _) in enumerate(STEPS) if word == "FROM") :]


def test_hadolint_finds_nothing() -> None:
    linter = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([str(linter), str(DOCKERFILE)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_only_what_is_locked_is_installed_by_its_hash_and_from_no_named_place() -> None:
    installs = [rest for word, rest in STEPS if word == "RUN" and "pip install" in rest]
    assert len(installs) == 2
    assert all("--no-deps" in each for each in installs)
    assert "--require-hashes -r requirements.lock" in installs[0]
    assert "://" not in DOCKERFILE.read_text()
    assert "index" not in DOCKERFILE.read_text()


def test_the_python_is_one_that_the_project_takes() -> None:
    bases = {rest.split()[0] for word, rest in STEPS if word == "FROM"}
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.1[1-9]-slim-\w+", bases.pop())


def test_it_runs_as_an_unprivileged_user_and_reports_its_health() -> None:
    words = dict(LAST)
    user, group = words["USER"].split(":")
    assert min(int(user), int(group)) >= 10000
    assert words["HEALTHCHECK"].endswith('CMD ["leeway-healthy"]')
    assert words["ENTRYPOINT"] == '["leeway-entrypoint"]'
    after = [word for word, _ in LAST[[word for word, _ in LAST].index("USER") :]]
    assert not {"RUN", "COPY", "ADD"} & set(after)  # nothing is the user's to change


def test_the_compiler_stays_behind() -> None:
    assert not any("apt-get" in rest for _, rest in LAST)


def test_the_library_that_lightgbm_links_to_is_taken_from_where_the_compiler_has_it() -> None:
    (found,) = [rest for word, rest in STEPS if word == "RUN" and "libgomp" in rest]
    command, source = re.fullmatch(r'cp "\$\((.+)\)" (\S+)', found).groups()  # type: ignore[union-attr]  # it matches
    library = Path(subprocess.run(command.split(), capture_output=True, text=True, check=True).stdout.strip())
    assert library.is_absolute()  # gcc answers with the bare name of a library that it does not know
    assert library.exists()
    assert ("COPY", f"--from=build {source} /usr/lib/") in LAST
    assert Path(source).name == "libgomp.so.1"  # as the loader asks for it


def sent(path: str) -> bool:
    """Tell whether a path of the project is sent to the builder."""
    verdict = True
    for pattern in IGNORED:
        plain = pattern.removeprefix("!").removeprefix("**/")
        parts = [*Path(path).parents, Path(path)]
        if any(fnmatchcase(str(part), plain) or fnmatchcase(part.name, plain) for part in parts):
            verdict = pattern.startswith("!")
    return verdict


def test_all_that_is_copied_exists_and_is_sent_to_the_builder() -> None:
    copied = [
        source
        for word, rest in STEPS
        if word == "COPY" and "--from" not in rest
        for source in [each for each in rest.split() if not each.startswith("--")][:-1]
    ]
    assert {"requirements.lock", "flows", "tasks", "deployments"} <= set(copied)
    assert [source for source in copied if not (ROOT / source).exists()] == []
    assert [source for source in copied if not sent(source)] == []


def test_what_the_wheel_ships_outside_of_its_packages_is_copied_before_it_is_built() -> None:
    built = max(number for number, (word, rest) in enumerate(STEPS) if word == "RUN" and "pip install" in rest)
    copied = {source for word, rest in STEPS[:built] if word == "COPY" for source in rest.split()[:-1]}
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {*wheel["packages"], *wheel["shared-data"]} <= copied


@pytest.mark.parametrize(
    "path", [".git", ".venv", "deployments/.leeway", "infra/secrets", "infra/.env", "tests", "flows/__pycache__"]
)
def test_what_is_private_or_large_is_never_sent(path: str) -> None:
    assert not sent(path)


class Answering(BaseHTTPRequestHandler):
    """Well or not, by the path asked for."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/well" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Answering)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("path", "code"), [("/well", 0), ("/ill", 1)])
def test_a_container_is_as_well_as_its_process_says(url: str, path: str, code: int) -> None:
    asked = [sys.executable, str(ROOT / "infra" / "healthy.py")]
    done = subprocess.run(asked, env={"LEEWAY_HEALTH_URL": url + path}, capture_output=True, check=False)
    assert done.returncode == code


def test_a_container_without_a_health_address_is_not_healthy() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "infra" / "healthy.py")], env={}, capture_output=True, check=False
    )
    assert done.returncode == 1
