"""``lambda-punch local``: arguments, output, exit statuses."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from lambda_punch import command

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
