"""``lambda-punch local --compare``: the user's own function with its jobs within the request, and after the response."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lambda_punch import command
from lambda_punch.command.local.compare import Comparison, Waits

if TYPE_CHECKING:
    from pathlib import Path

PUSHING = """
import time
import lambda_punch as punch

punch.configure(log_level="error")

def work():
    time.sleep(0.05)
    punch.push(print, "pushed by a job")

def broken():
    raise RuntimeError("not the caller's business")

@punch.handler
def handler(event, context):
    if event.get("fail"):
        raise ValueError("no")
    for _ in range(event.get("jobs", 0)):
        punch.push(work)
        punch.push(broken)
    yield "answer"
    time.sleep(0.02 * event.get("jobs", 0))
"""


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory of a function, which is the current one."""
    (tmp_path / "app.py").write_text(PUSHING)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAMBDA_PUNCH_DIR", str(tmp_path / "meet"))
    return tmp_path


def compare(app: Path, event: object, *options: str) -> int:
    (app / "event.json").write_text(json.dumps(event))
    return command.main(
        ["local", "app.handler", "--event", "event.json", "--count", "2", "--compare", "--plain", *options]
    )


def test_what_callers_save(app: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Jobs and the rest of a generator are waited for, or not; a job that fails fails no request in either way."""
    assert compare(app, {"jobs": 1}, "--json") == 0

    found = json.loads(capfd.readouterr().out)
    assert (found["inline"]["invokes"], found["inline"]["failed"], found["after"]["failed"]) == (2, 0, 0)
    assert found["inline"]["median"] >= 0.07 > found["after"]["median"]
    assert found["after"]["background"] >= 0.07 > found["inline"]["background"]
    assert found["saved"] == found["inline"]["median"] - found["after"]["median"]


def test_jobs_run_the_same_way(app: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Also what a job pushes, and what a failing job says: three times each, for three invokes in two ways."""
    compare(app, {"jobs": 1})

    shown = capfd.readouterr().out
    assert shown.count("pushed by a job") == 6
    assert shown.count("RuntimeError: not the caller's business") == 6
    assert "Your callers save" in shown


@pytest.mark.parametrize(
    ("inline", "after", "says"),
    [
        (0.0010, 0.0013, "No difference to speak of: the jobs are too short to be seen, or the function pushes none."),
        (0.5000, 0.4900, "No difference to speak of"),
        (0.2000, 0.0020, "Your callers save 198 ms a request, 99% of their wait."),
        (0.0020, 0.0040, "Your callers lose 2.0 ms a request, 100% of their wait."),
    ],
)
def test_what_is_said(inline: float, after: float, says: str) -> None:
    """What two runs of one function may differ by is not called a saving, and a loss is called one."""
    found = Comparison(*(Waits(10, 0, median, median, 0.0) for median in (inline, after)))

    assert says in found.render()


def test_failing_invokes(app: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Figures of errors are called that, and the command fails."""
    assert compare(app, {"fail": True}) == 1

    assert "2 and 2 invokes failed: the figures say little" in capfd.readouterr().out


@pytest.mark.parametrize("options", [["--image", "some"], ["--serve", "0"], ["--count", "0"]])
def test_what_it_does_not_go_with(app: Path, capfd: pytest.CaptureFixture[str], options: list[str]) -> None:
    """It sends its own events, at least one, to a function of this machine."""
    assert compare(app, {}, *options) == 2

    assert "--compare" in capfd.readouterr().err
