"""A project's own code finds no secret, and the process that calls it goes on whatever the code does."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import F_DUPFD, fcntl
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd
import psutil
import pytest

from tasks.child_environment import PASSED_ON
from tasks.errors import DataError, SpecError
from tasks.features import require_function
from tasks.user_code.confined.child_process import THREADS, ChildProcess, EndedError
from tasks.user_code.confined.confinement import allowed_paths, landlock_version
from tasks.user_code.confined.framing import ChildMessage
from tasks.user_code.confined.process_limits import MAPPED_BYTES, ProcessLimits, memory_limit_bytes
from tasks.user_code.frame_codec import decoded, encoded
from tasks.user_code.function_calls import UserFunction, features_made

ROOT = Path(__file__).parents[3]
SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "marker-aws",
    "MLFLOW_TRACKING_PASSWORD": "marker-mlflow",
    "LEEWAY_SIGNING_KEY": "marker-signing",
    "LEEWAY_PRIVACY_KEY": "marker-privacy",
    "PREFECT_API_AUTH_STRING": "marker-prefect",
    "MY_OWN_TOKEN": "marker-own",
}
ROWS = pd.DataFrame({"text": pd.Series(["a", "b"], dtype="str"), "number": [1.0, 2.0]})
SOURCE = """
import os, signal, struct, sys, time
import pandas as pd

def plain(frame):
    return frame.assign(made=frame["number"] * 2)

def environment(frame):
    own = open("/proc/self/environ", "rb").read().decode().split(chr(0))
    return frame.assign(made=chr(10).join([*(f"{k}={v}" for k, v in os.environ.items()), *own]))

def read(frame):
    def content(path):
        try:
            return open(path).read()
        except OSError as error:
            return type(error).__name__
    return frame.assign(made=[content(path) for path in frame["text"]])

def changing(frame):
    def outcomes(folder):
        file, new, made = folder + "/signing.pem", folder + "/new", folder + "/made"
        for change in (
            lambda: open(file, "a").close(), lambda: os.truncate(file, 0), lambda: os.mkdir(made),
            lambda: os.rename(file, new),
        ):
            try:
                change()
                yield "done "
            except OSError as error:
                yield type(error).__name__ + " "
    return frame.assign(made=["".join(outcomes(folder)) for folder in frame["text"]])

def temporary(frame):
    import tempfile
    folder = tempfile.mkdtemp()
    with open(folder + "/made", "w") as file:
        file.write("short")
    os.rename(folder + "/made", os.path.dirname(folder) + "/moved")
    return frame.assign(made=[folder, open(os.path.dirname(folder) + "/moved").read()])

def open_files(frame):
    def is_open(number):
        try:
            os.fstat(number)
        except OSError:
            return False
        return True
    return frame.assign(made=[is_open(int(number)) for number in frame["number"]])

def rights(frame):
    status = dict(line.split(":" + chr(9)) for line in open("/proc/self/status").read().splitlines())
    return frame.assign(made=[status["NoNewPrivs"], status["CapEff"]])

class Crafted:
    def __reduce__(self):
        return os.kill, (os.getppid(), 9)
    def __str__(self):
        return "crafted"
    __repr__ = __str__

def crafted(frame):
    return frame.assign(made=pd.Series([Crafted(), Crafted()], dtype=object))

def printing(frame):
    os.write(1, bytes(range(256)) * 4000)
    print("said of", frame["text"].iloc[0], file=sys.stderr)
    return frame.assign(made=1)

def forking(frame):
    os.fork()
    return frame.assign(made=1)

def writing(frame):
    for number in range(3, 1024):
        try:
            os.write(number, b"x" * 1000)
        except OSError:
            pass
    return frame.assign(made=1)

def announcing(frame):
    for number in range(3, 1024):
        try:
            os.write(number, struct.pack("!QQ", 2**20, 2**60))
        except OSError:
            pass
    return frame

def ending(frame):
    print("last words")
    os._exit(3)

def killing(frame):
    os.kill(os.getpid(), signal.SIGKILL)

def breaking(frame):
    import ctypes
    ctypes.string_at(0)

def closing(frame):
    os.closerange(3, 1024)
    return frame

def orphaning(frame):
    if os.fork():
        os._exit(4)
    time.sleep(60)

def interrupting(frame):
    raise KeyboardInterrupt

def exhausting(frame):
    raise MemoryError

def bomb(frame):
    parts = []
    while True:
        parts.append(bytearray(b"x") * 2**24)

def shared_bomb(frame):
    import mmap
    parts = []
    while True:
        parts.append(mmap.mmap(-1, 2**26))
        parts[-1].write(b"x" * 2**26)

def raising_limits(frame):
    import resource
    for kind in (resource.RLIMIT_DATA, resource.RLIMIT_AS):
        try:
            resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        except (ValueError, OSError) as error:
            print(error)
    return frame.assign(made=[resource.getrlimit(kind)[1] for kind in (resource.RLIMIT_DATA, resource.RLIMIT_AS)])

def connecting(frame):
    import socket
    def outcome(port):
        try:
            socket.create_connection(("127.0.0.1", int(port)), 5).close()
        except OSError as error:
            return type(error).__name__
        return "connected"
    return frame.assign(made=[outcome(port) for port in frame["number"]])

def parent(frame):
    os.kill(os.getppid(), signal.SIGKILL)

def sleeping(frame):
    time.sleep(60)

def detaching(frame):
    started = os.fork()
    if not started:
        os.setsid()
        time.sleep(60)
        os._exit(0)
    return frame.assign(made=started)

def endless(frame):
    while True:
        pass

def replacing(frame):
    main = sys.modules["__main__"]
    for name, module in list(sys.modules.items()):
        if name.startswith("tasks"):
            module.__dict__.clear()
    main.encoded = lambda made: ANSWERS[frame["text"].iloc[0]](made)
    return frame.assign(made=1)

def layout(**parts):
    labels = {"index": {"range": [0, 2, 1], "name": None}, "names": {"range": [0, 1, 1], "name": None}}
    return {"rows": 2, **labels, **parts}

ANSWERS = {
    "no stream": lambda made: (layout(columns=[{"kind": "plain", "dtype": "<f8", "at": 0}]), b"x" * 100),
    "no layout": lambda made: ([1, 2], b""),
}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a project with hostile functions, in an environment with secrets and a home with keys."""
    where = tmp_path_factory.mktemp("hostile")
    (where / "rides").mkdir()
    (where / "rides" / "features.py").write_text(SOURCE)
    (where / "rides" / "zones.txt").write_text("zones")
    (where / "other").mkdir()
    (where / "other" / "features.py").write_text(SOURCE)
    (where / "home" / "keys").mkdir(parents=True)
    (where / "home" / "keys" / "signing.pem").write_text("marker-key")
    (where / "rides" / "link").symlink_to(where / "home" / "keys" / "signing.pem")
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {**SECRETS, "LEEWAY_HOME": str(where / "home")}.items():
            environment.setenv(name, value)
        yield where / "rides"


def made(function: str, folder: Path, rows: pd.DataFrame = ROWS) -> list[object]:
    found = features_made(UserFunction(f"features:{function}", folder), rows, pure=False)
    assert found.rows is not None, found.failures
    return list(found.rows["made"])


def texts(*cells: object) -> pd.DataFrame:
    return ROWS.head(len(cells)).assign(text=pd.Series(map(str, cells), dtype="str"))


needs_landlock = pytest.mark.skipif(not landlock_version(), reason="the kernel has no Landlock")


def test_its_environment_has_no_secret(folder: Path) -> None:
    found = str(made("environment", folder)[0])
    assert "marker" not in found
    names = {text.partition("=")[0] for text in found.splitlines()}
    assert names <= {*PASSED_ON, *THREADS, "LC_CTYPE", ""}


@needs_landlock
def test_the_environment_of_another_process_cannot_be_read(folder: Path) -> None:
    command = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdout.readline()
        path = f"/proc/{other.pid}/environ"
        assert b"marker-aws" in Path(path).read_bytes()
        assert made("read", folder, texts(path, f"/proc/{os.getpid()}/environ")) == ["PermissionError"] * 2
        other.stdin.write(b"\n")


@needs_landlock
def test_a_key_of_the_home_cannot_be_read_and_a_file_of_the_project_can(folder: Path) -> None:
    key = folder.parent / "home" / "keys" / "signing.pem"
    assert made("read", folder, texts(key, folder / "link")) == ["PermissionError"] * 2
    assert made("read", folder, texts(folder / "zones.txt")) == ["zones"]


@needs_landlock
def test_a_file_of_the_home_cannot_be_changed_removed_or_added(folder: Path) -> None:
    keys = folder.parent / "home" / "keys"
    outcomes = made("changing", folder, texts(keys, folder))
    assert outcomes == ["PermissionError " * 4, "done " * 4]
    assert sorted(path.name for path in keys.iterdir()) == ["signing.pem"]
    assert (keys / "signing.pem").read_text() == "marker-key"


def test_files_for_a_short_time_can_be_made_read_and_moved_and_are_removed_with_the_process(folder: Path) -> None:
    child = ChildProcess(folder, os.environ)
    question = ChildMessage({"path": "features:temporary", "pure": False, "predicts": False}, encoded(ROWS))
    path, content = child.ask(question, 2, lambda answer: decoded(answer.frame or pytest.fail(str(answer))))["made"]
    assert content == "short"
    assert Path(path).exists()
    child.end()
    assert not Path(path).parent.exists()


@needs_landlock
def test_the_process_that_asks_cannot_be_killed(folder: Path) -> None:
    found = features_made(UserFunction("features:parent", folder), ROWS, pure=False)
    assert found.failures == dict.fromkeys([0, 1], "PermissionError: [Errno 1] Operation not permitted")


def test_a_file_that_is_open_where_it_is_called_is_closed_where_it_runs(folder: Path, tmp_path: Path) -> None:
    with (tmp_path / "open").open("w") as file:
        number = fcntl(file, F_DUPFD, 3)  # inheritable, and free: another one may be a pipe of a process that runs
        try:
            assert made("open_files", folder.parent / "other", ROWS.assign(number=float(number))) == [False, False]
        finally:
            os.close(number)


def test_it_gains_no_rights_and_keeps_none_of_root_but_that_to_its_files(folder: Path) -> None:
    no_new, capabilities = made("rights", folder)
    assert no_new == "1"
    assert int(str(capabilities), 16) & ~0b1110 == 0


def test_a_crafted_object_arrives_as_its_text_and_nothing_of_it_is_run(folder: Path) -> None:
    assert [str(cell) for cell in made("crafted", folder)] == ["crafted", "crafted"]


def test_what_it_prints_is_logged_in_part_and_is_no_answer(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        assert made("printing", folder) == [1, 1]
    assert "function_printed_more function=features:printing printed_bytes=" in caplog.text
    assert len(caplog.text) < 50_000


def test_what_it_prints_of_private_rows_is_counted_and_not_shown(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        features_made(UserFunction("features:printing", folder, is_private=True), texts("Ann Lee"), pure=False)
    assert "Ann Lee" not in caplog.text
    assert "printed_bytes=" in caplog.text


def test_a_copy_that_it_makes_of_itself_answers_nothing(folder: Path) -> None:
    assert made("forking", folder) == [1, 1]
    assert made("plain", folder) == [2.0, 4.0]


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("ending", "ended with exit code 3, on 2 rows; it printed last: last words"),
        ("killing", "was killed, as a machine does that has too little memory"),
        ("breaking", "ended by SIGSEGV"),
        ("closing", "ended with exit code 1, on 2 rows; it printed last: OSError"),
        ("orphaning", "ended with exit code 4"),
        ("interrupting", "ended by SIGINT"),
        ("exhausting", "needs more memory for 2 rows than its process may use: .* MB, three quarters of"),
        ("writing", "answered"),
        ("announcing", "answered with .* MB, of at most 64 MB"),
    ],
)
def test_a_function_that_ends_its_process_or_answers_wrongly_is_an_error_and_the_next_is_answered(
    function: str, said: str, folder: Path
) -> None:
    with pytest.raises(DataError, match=said):
        made(function, folder)
    assert made("plain", folder) == [2.0, 4.0]


Ask: TypeAlias = Callable[[str, pd.DataFrame], ChildMessage]


@contextmanager
def limited(folder: Path, **limits: Any) -> Iterator[Ask]:
    """Start a process with little memory, and give what asks it for a function."""
    child = ChildProcess(folder, os.environ, limits=ProcessLimits(**{"memory_bytes": 2**30, **limits}))

    def ask(function: str, rows: pd.DataFrame) -> ChildMessage:
        question = ChildMessage({"path": f"features:{function}", "pure": False, "predicts": False}, encoded(rows))
        return child.ask(question, 2, lambda answer: answer)

    yield ask
    child.end()


def column_of(answer: ChildMessage) -> list[object]:
    return list(decoded(answer.frame or pytest.fail(str(answer.header)))["made"])


needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="the system does not count what is mapped")


@needs_linux
@pytest.mark.parametrize("function", ["bomb", "shared_bomb"])
def test_a_function_that_takes_all_memory_gets_no_more_than_its_limit(function: str, folder: Path) -> None:
    with limited(folder) as ask:
        answer = ask(function, ROWS).header
        assert answer.get("unusable", [""])[0] == "memory" or "Cannot allocate memory" in str(answer["failures"])
        assert column_of(ask("plain", ROWS)) == [2.0, 4.0]


@needs_linux
def test_what_is_allowed_is_less_than_the_machine_has_and_cannot_be_raised(folder: Path) -> None:
    data, space = map(int, map(str, made("raising_limits", folder)))
    assert data == memory_limit_bytes() < psutil.virtual_memory().total
    assert space == data + MAPPED_BYTES


def test_a_process_that_uses_up_its_time_says_so(folder: Path) -> None:
    with (
        limited(folder, processor_seconds=3) as ask,
        pytest.raises(EndedError, match="used 3 s of processor time, which is all it may use"),
    ):
        ask("endless", ROWS)


def test_what_is_not_contained_is_the_network_and_the_processes_that_it_starts(folder: Path) -> None:
    """What infra/README says is not prevented: a limit that is added must change that text."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = float(server.getsockname()[1])
        assert made("connecting", folder, ROWS.assign(number=port)) == ["connected"] * 2
    with limited(folder) as ask:
        other = psutil.Process(int(str(column_of(ask("detaching", ROWS))[0])))
    assert other.is_running()
    other.kill()


@needs_landlock
def test_a_process_without_a_network_reaches_no_server_of_this_machine(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        rows = ROWS.assign(number=float(server.getsockname()[1]))
        with limited(folder) as ask:
            assert column_of(ask("connecting", rows)) == ["connected"] * 2
        with limited(folder, has_network=False) as ask:
            assert set(column_of(ask("connecting", rows))) <= {"PermissionError", "OSError"}


@pytest.mark.parametrize("answer", ["no stream", "no layout"])
def test_modules_that_it_replaces_are_those_of_its_own_process(answer: str, folder: Path) -> None:
    with pytest.raises(DataError, match="the process that runs 'features:replacing'"):
        made("replacing", folder, texts(answer, answer))
    assert made("plain", folder) == [2.0, 4.0]


def test_a_function_that_does_not_return_is_ended_after_the_patience(folder: Path) -> None:
    child = ChildProcess(folder, os.environ, patience_seconds=1.5)
    question = ChildMessage({"path": "features:sleeping", "pure": False, "predicts": False}, encoded(ROWS))
    with pytest.raises(EndedError, match=r"did not answer within 1\.5 s"):
        child.ask(question, 2, lambda answer: answer)
    assert not child.is_alive


def test_it_ends_when_the_process_that_asked_is_killed(folder: Path, tmp_path: Path) -> None:
    code = (
        "import os, sys\nfrom pathlib import Path\nimport pandas as pd\n"
        "from tasks.user_code.confined.child_process import ChildProcess\n"
        "from tasks.user_code.confined.framing import ChildMessage\n"
        "from tasks.user_code.frame_codec import encoded\n"
        "child = ChildProcess(Path(sys.argv[1]), os.environ)\nprint(child.process.pid, flush=True)\n"
        "header = {'path': 'features:sleeping', 'pure': False, 'predicts': False}\n"
        "child.ask(ChildMessage(header, encoded(pd.DataFrame({'a': [1]}))), 1, print)\n"
    )
    command = [sys.executable, "-c", code, str(folder)]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=variables) as asking:
        assert asking.stdout is not None
        child = psutil.Process(int(asking.stdout.readline()))
        time.sleep(1)  # it may be within the function
        asking.send_signal(signal.SIGKILL)
    _, alive = psutil.wait_procs([child], timeout=20)
    assert not alive
    assert not list(tmp_path.iterdir())


def test_packages_of_a_foreign_repository_with_the_names_of_ours_are_not_taken(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("tasks", "flows"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('of another repository')\n")
    (tmp_path / "features.py").write_text((folder / "features.py").read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert made("plain", tmp_path) == [2.0, 4.0]


def test_a_module_that_fails_is_an_error_with_the_end_of_its_traceback(tmp_path: Path) -> None:
    (tmp_path / "features.py").write_text("import os\nos.environ['NO_SUCH_VARIABLE']\n")
    with pytest.raises(SpecError, match="importing it fails: KeyError") as raised:
        require_function("features:add", tmp_path)
    assert any("os.environ['NO_SUCH_VARIABLE']" in note for note in getattr(raised.value.__cause__, "__notes__", []))


def test_all_but_the_hidden_folder_is_allowed(tmp_path: Path) -> None:
    for path in ("a/b/hidden/keys", "a/b/next", "a/c"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a" / "b" / "hidden")
    found = {
        path.relative_to(tmp_path).as_posix() for path in allowed_paths(tmp_path, [tmp_path / "a" / "b" / "hidden"])
    }
    assert found == {"a/b/next", "a/c"}
