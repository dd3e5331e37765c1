"""A function gets the share of a core that its memory gives it on Lambda."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lambda_punch.command import main
from lambda_punch.local.hosts import share

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lambda_punch.local import LocalLambda
    from tests.local.conftest import Scripts

HANDLER = """
import os, time

def burn(seconds):
    began, wall = time.process_time(), time.monotonic()
    while time.process_time() - began < seconds:
        pass
    return time.monotonic() - wall

at_init = burn(0.05)

def handler(event, context):
    with open("/proc/self/cgroup") as groups:
        return {"took": burn(0.05), "at_init": at_init, "memory": context.memory_limit_in_mb, "groups": groups.read()}
"""
needs_groups = pytest.mark.skipif(not share.is_possible(), reason="this user cannot make control groups here")


@pytest.fixture
def answer(local: Callable[..., LocalLambda], scripts: Scripts) -> Callable[..., dict[str, Any]]:
    scripts.function(HANDLER)

    def answer(**options: Any) -> dict[str, Any]:
        with local(timeout=20, **options) as function:
            return dict(function.invoke({}).json())

    return answer


@needs_groups
@pytest.mark.slow
def test_work_takes_as_much_longer_as_the_share_is_smaller(answer: Callable[..., dict[str, Any]]) -> None:
    """50 ms of work take 14 times as long on 128 MB, but not in the init."""
    slow = answer(memory_size=128, share_cpu=True)
    assert slow["took"] > 0.4
    assert slow["at_init"] < slow["took"] / 2
    assert slow["memory"] == "128"


@needs_groups
def test_the_group_is_removed_at_the_end(answer: Callable[..., dict[str, Any]]) -> None:
    found = answer(memory_size=1769, share_cpu=True)
    assert "lambda-punch-" in found["groups"]
    (name,) = {line.rpartition("/")[2] for line in found["groups"].splitlines() if "lambda-punch-" in line}
    assert not list(share._ROOT.glob(f"**/{name}"))


@needs_groups
def test_groups_of_killed_processes_are_removed() -> None:
    orphan = (
        share._ROOT if (share._ROOT / "cgroup.controllers").exists() else share._ROOT / "cpu"
    ) / "lambda-punch-4194304-1"
    orphan.mkdir()
    assert share.is_possible()
    assert not orphan.exists()


def test_without_control_groups_a_line_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambda_punch.command.local.session.is_possible", lambda: False)
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return context.memory_limit_in_mb\n")
    words = ["local", "app.handler", "--task-root", str(tmp_path), "--no-extension", "--plain", "--memory", "512"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "no control groups can be made here" in out
    assert 'response "512"' in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--memory", "64"], "--memory must be from 128 to 10240, not 64"),
        (["--memory", "512", "--no-freeze"], "--memory does not go with --no-freeze"),
        (["--memory", "512", "--image", "x"], "--memory does not go with --image"),
    ],
)
def test_what_makes_no_sense_is_refused(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["local", "app.handler", *words]) == 2
    assert said in capsys.readouterr().err
