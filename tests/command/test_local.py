"""``lambda-punch local``: arguments, output, exit statuses."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from lambda_punch import command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
HANDLER = """
def handler(event, context):
    print("working")
    if event.get("fail"):
        raise ValueError("no")
    return event
"""


@pytest.fixture
def task_root(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(HANDLER)
    return tmp_path


def run(*words: str) -> int:
    return command.main(["local", *words, "--no-extension"])


def test_one_invoke(task_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an event the function gets {}; response, log and timeline are shown, plain where it is no terminal."""
    assert run("app.handler", "--task-root", str(task_root)) == 0

    shown = capsys.readouterr().out
    assert "#1 event    {}" in shown
    assert "#1 response {}" in shown
    assert "runtime | working" in shown
    assert "i init # response = background . frozen" in shown
    assert "\x1b" not in shown


def test_events_and_count(task_root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Events come from files and stdin, in order, repeated up to the count."""
    (task_root / "one.json").write_text('{"n": 1}')
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"n": 2}'))
    words = ["--event", str(task_root / "one.json"), "--event", "-", "--count", "3", "--pause", "0.01"]

    assert run("app.handler", "--task-root", str(task_root), *words) == 0
    shown = capsys.readouterr().out
    assert [line for line in shown.splitlines() if " event " in line] == [
        '#1 event    {"n": 1}',
        '#2 event    {"n": 2}',
        '#3 event    {"n": 1}',
    ]


def test_function_error(task_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A failed invoke makes the status 1; the error's type is on the timeline."""
    (task_root / "fail.json").write_text('{"fail": true}')

    assert run("app.handler", "--task-root", str(task_root), "--event", str(task_root / "fail.json")) == 1
    assert "! ValueError" in capsys.readouterr().out


def test_json(task_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json stdout holds the rows of the timeline and nothing else."""
    assert run("app.handler", "--task-root", str(task_root), "--json", "--count", "2") == 0

    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["number"] for row in rows] == [1, 2]
    assert rows[0].keys() >= {"init", "response", "background", "frozen", "error_type"}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["nohandler"], "is not module.function"),
        (["missing.handler"], "no missing.py in"),
        (["app.handler", "--event", "missing.json"], "cannot read the event missing.json"),
        (["app.handler", "--event", "app.py"], "is not JSON"),
        (["app.handler", "--env", "oops"], "--env wants NAME=VALUE"),
        (["app.handler", "--extension", "missing"], "no such extension: missing"),
        (["app.handler", "--count", "-1"], "--count must not be negative"),
        (["app.handler", "--task-root", "missing"], "no such directory"),
    ],
)
def test_usage(
    task_root: Path,
    words: list[str],
    complaint: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What cannot be acted on is status 2 and one clear line on stderr."""
    monkeypatch.chdir(task_root)

    assert run(*words) == 2
    captured = capsys.readouterr()
    assert complaint in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "name a handler (module.function) or an --image"),
        (["--image", "shop", "--task-root", "."], "--task-root does not go with --image"),
        (["--image", "shop", "--extension", "mine"], "--extension does not go with --image"),
        (["--image", "shop", "--no-extension"], "--no-extension does not go with --image"),
    ],
)
def test_usage_of_an_image(words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    """There is a handler or an image, and an image has its own code and its own extensions."""
    assert command.main(["local", *words]) == 2
    assert complaint in capsys.readouterr().err


def test_variables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--env reaches the function."""
    (tmp_path / "app.py").write_text("import os\ndef handler(event, context):\n    return os.environ['GREETING']")

    assert run("app.handler", "--task-root", str(tmp_path), "--env", "GREETING=a=b") == 0
    assert '#1 response "a=b"' in capsys.readouterr().out


def test_missing_extra(task_root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without aiohttp the command names the extra that brings it."""
    monkeypatch.setitem(sys.modules, "aiohttp", None)

    assert run("app.handler", "--task-root", str(task_root)) == 1
    assert "pip install 'lambda-punch[local]'" in capsys.readouterr().err


def test_serve_until_sigterm(task_root: Path) -> None:
    """--serve prints its address and serves; SIGTERM ends it properly, with the timeline."""
    words = ["app.handler", "--task-root", str(task_root), "--serve", "0", "--no-extension"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-m", "lambda_punch", "local", *words], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        url = process.stdout.readline().split()[1]
        answer = requests.get(f"{url}/x", timeout=5)
        process.send_signal(signal.SIGTERM)
        shown, _ = process.communicate(timeout=10)

    assert answer.json()["rawPath"] == "/x"
    assert process.returncode == 0
    assert "shutting down" in shown
    assert "#1" in shown
    assert "shutdown" in shown


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--serve", "99999"], "--serve must be from 0 to 65535, not 99999"),
        (["--serve", "-1"], "--serve must be from 0 to 65535"),
        (["--ui", "70000"], "--ui must be from 0 to 65535"),
        (["--timeout", "0"], "--timeout must be from 1 to 900, not 0"),
        (["--timeout", "901"], "--timeout must be from 1 to 900, not 901"),
        (["--timeout", "nan"], "--timeout must be from 1 to 900"),
        (["--environments", "0"], "--environments must be from 1"),
        (["--pause", "-1"], "--pause must be from 0"),
        (["--throttles", "2"], "--throttles must be from 0 to 1"),
        (["--serve", "0", "--event", "-"], "--event does not go with --serve"),
        (["--serve", "0", "--count", "3"], "--count does not go with --serve"),
    ],
)
def test_values_that_cannot_be_are_refused_in_one_line(
    task_root: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    """Before anything is started."""
    assert run("app.handler", "--task-root", str(task_root), *words) == 2

    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 1
    assert says in shown.err


def test_a_port_that_is_taken_is_told_before_the_function_is_started(
    task_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert run("app.handler", "--task-root", str(task_root), "--serve", str(taken.getsockname()[1])) == 2

    assert "cannot be used: Address already in use; choose another, or 0" in capsys.readouterr().err


def test_a_handler_written_with_a_colon_gets_a_hint(task_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("app:handler", "--task-root", str(task_root)) == 2
    assert "Lambda writes it with a dot: app.handler" in capsys.readouterr().err


class Served:
    """``lambda-punch local --serve`` in a process of its own."""

    def __init__(self, task_root: Path, *words: str) -> None:
        command = [sys.executable, "-m", "lambda_punch", "local", "app.handler", "--task-root", str(task_root)]
        self.process = subprocess.Popen(
            [*command, "--serve", "0", "--no-extension", *words],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert self.process.stdout is not None
        self.lines = self.process.stdout
        self.before: list[str] = []
        for line in self.lines:
            if line.startswith("serving"):
                self.url = line.split()[1]
                return
            self.before.append(line)

    def line_with(self, text: str) -> str:
        """Return the next line that contains a text."""
        return next(line for line in self.lines if text in line)

    def end(self) -> str:
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=20)[0]


@pytest.fixture
def served(task_root: Path) -> Iterator[Callable[..., Served]]:
    made: list[Served] = []

    def make(*words: str) -> Served:
        made.append(Served(task_root, *words))
        return made[-1]

    yield make
    for each in made:
        if each.process.poll() is None:
            each.end()


def test_each_request_is_a_line_while_it_serves(served: Callable[..., Served]) -> None:
    """What it was, its status, what the caller waited, what ran behind it, what is billed."""
    function = served()
    requests.post(f"{function.url}/orders", data=b"{}", timeout=10)
    line = function.line_with("waited")
    assert line.startswith("POST /orders ")
    assert "  200 " in line
    assert "behind" in line
    assert "billed" in line


def test_a_failed_request_says_its_reason(served: Callable[..., Served], task_root: Path) -> None:
    (task_root / "app.py").write_text(
        "import time\ndef handler(event, context):\n  time.sleep(3) if event.get('rawPath') == '/slow' else 1 / 0\n"
    )
    function = served("--timeout", "1")
    for path, reason in (("/broken", "ZeroDivisionError"), ("/slow", "timeout")):
        requests.get(function.url + path, timeout=10)
        line = function.line_with("waited")
        assert line.startswith(f"GET {path} ")
        assert reason in line


def test_requests_are_json_documents_on_request(served: Callable[..., Served]) -> None:
    function = served("--json")
    requests.get(f"{function.url}/x", timeout=10)
    document = json.loads(function.line_with('"request"'))
    assert (document["request"], document["outcome"], document["failed"]) == ("GET /x", "200", False)


def test_a_failed_init_is_told_before_it_serves(served: Callable[..., Served], task_root: Path) -> None:
    (task_root / "app.py").write_text("import nothing_of_this_name\n")
    function = served()

    assert any("the function's init failed: " in line and "nothing_of_this_name" in line for line in function.before)


def test_nobody_reads_any_more(task_root: Path) -> None:
    """As behind ``| head``: the run ends, without a traceback."""
    command_line = f"{sys.executable} -m lambda_punch local app.handler --no-extension --count 500 --pause 0.01"
    found = subprocess.run(
        ["bash", "-c", f"{command_line} | head -n 1"], cwd=task_root, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip

    assert (found.stdout, found.stderr) == ("#1 event    {}\n", "")


def test_a_request_in_place_of_an_event(task_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (task_root / "app.py").write_text(
        "def handler(event, context):\n"
        "  http = event['requestContext']['http']\n"
        "  return [http['method'], event['rawPath'], event['queryStringParameters'], event['body']]\n"
    )
    (task_root / "order.json").write_text('{"a": 1}')
    words = ("--task-root", str(task_root), "--request", "post /orders?b=2", "--data", f"@{task_root / 'order.json'}")
    assert run("app.handler", *words) == 0

    assert json.dumps(["POST", "/orders", {"b": "2"}, '{"a": 1}']) in capsys.readouterr().out


def test_variables_of_a_file(task_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (task_root / "app.py").write_text(
        "import os\ndef handler(event, context):\n  return {k: os.environ[k] for k in 'ABCDE'}"
    )
    (task_root / ".env").write_text("# ours\nA=1 # one\nexport B='two # 2'\n\nC=\"a=b\"\nD=\nE=file\n")
    words = ("--task-root", str(task_root), "--env-file", str(task_root / ".env"), "--env", "E=given")
    assert run("app.handler", *words) == 0

    assert json.dumps({"A": "1", "B": "two # 2", "C": "a=b", "D": "", "E": "given"}) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--data", "x"], "--data is the body of a --request"),
        (["--request", "orders"], "a method and a path like 'POST /orders', not 'orders'"),
        (["--request", "GET orders"], "a method and a path"),
        (["--request", "GET /", "--data", "@none.json"], "cannot read the --data none.json"),
        (["--request", "GET /", "--serve", "0"], "--request does not go with --serve"),
        (["--env-file", "none.env"], "cannot read the --env-file none.env"),
        (["--env-file", "app.py"], "app.py, line 2: not NAME=VALUE"),
    ],
)
def test_requests_and_files_that_make_no_sense(
    task_root: Path,
    words: list[str],
    complaint: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(task_root)
    assert run("app.handler", *words) == 2

    shown = capsys.readouterr()
    assert complaint in shown.err
    assert len(shown.err.splitlines()) == 1
    assert shown.out == ""


def answer_of(word: str) -> str:
    return f"def handler(event, context):\n    return {word!r}\n"


def test_a_saved_file_is_the_new_code(served: Callable[..., Served], task_root: Path) -> None:
    """A mistake in it is told, and the code of before goes on."""
    (task_root / "app.py").write_text(answer_of("one"))
    function = served("--reload")
    assert requests.get(function.url, timeout=10).text == "one"

    for word in ("two", "six"):  # of one size, within a second
        (task_root / "app.py").write_text(answer_of(word))
        function.line_with("app.py changed: new requests run the new code")
        assert requests.get(function.url, timeout=10).text == word

    (task_root / "app.py").write_text("def handler(:")
    assert "invalid syntax" in function.line_with("the old code goes on")
    assert requests.get(function.url, timeout=10).text == "six"

    (task_root / "app.py").write_text(answer_of("ten"))
    function.line_with("app.py changed: new requests")
    assert requests.get(function.url, timeout=10).text == "ten"


@pytest.mark.parametrize("words", [["app.handler"], ["--image", "x", "--serve", "0"]])
def test_reload_is_for_a_served_function(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["local", "--reload", *words]) == 2
    assert "--reload goes with --serve only" in capsys.readouterr().err
