"""SIGTERM to AWS's own emulator, which then ends the environment as Lambda does."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

from .conftest import PLAIN, THREADED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Function

pytestmark = pytest.mark.network  # RIE is fetched at the first use
MODES = pytest.mark.parametrize("execution_env", [THREADED, PLAIN], ids=["thread polling", "plain polling"])

TOO_LATE = """
punch.configure(margin=0.9)

def work(number):
    time.sleep(0.2)
    note("done", number)

@punch.handler
def handler(event, context):
    time.sleep(0.2)  # the margin, in which no job is started, has begun
    for number in range(5):
        punch.push(work, number)
"""


@MODES
def test_leftovers(function: Callable[..., Function], opt: Path, execution_env: str | None) -> None:
    """Five jobs of 200 ms that were pushed too late to be drained: all five done, in order, before RIE exits."""
    shop = function(TOO_LATE, opt, execution_env=execution_env, timeout=1)
    shop.call()
    assert shop.told == ["posted"]

    began = time.monotonic()
    assert shop.stop() == 0

    told = shop.told
    ended = time.monotonic()
    assert told == ["posted", *(f"done {number}" for number in range(5))]
    assert ended - began < 2.0
    assert shop.processes() == []
    assert shop.complaints == []


@MODES
def test_nothing_left(function: Callable[..., Function], opt: Path, execution_env: str | None) -> None:
    """With nothing left to do both processes end at once and leave nothing behind."""
    source = "@punch.handler\ndef handler(event, context):\n    punch.push(note, 'job')\n"
    shop = function(source, opt, execution_env=execution_env)
    shop.call()

    began = time.monotonic()
    assert shop.stop() == 0

    assert time.monotonic() - began < 0.5
    assert shop.told == ["posted", "job"]
    assert shop.processes() == []
    assert shop.complaints == []


def test_before_any_invoke(function: Callable[..., Function], opt: Path) -> None:
    """RIE that was never asked ends, and nothing was started."""
    shop = function("def handler(event, context):\n    pass\n", opt)

    assert shop.stop() in (0, -signal.SIGTERM)  # the latter if RIE listens already, but not to signals

    assert shop.told == []
    assert shop.processes() == []


def test_what_is_lost_is_named(function: Callable[..., Function], opt: Path) -> None:
    """A job that still runs when the time is over is an ERROR line with its name, and RIE ends in time."""
    shop = function(
        """
        punch.configure(margin=0.9)

        def endless():
            note("begin")
            while True:
                time.sleep(0.1)

        @punch.handler
        def handler(event, context):
            time.sleep(0.2)
            punch.push(endless)
        """,
        opt,
        timeout=1,
    )
    shop.call()

    began = time.monotonic()
    assert shop.stop() == 0

    assert time.monotonic() - began < 2.5
    assert shop.told == ["posted", "begin"]
    assert len(shop.said("1 job lost (app.endless): the environment was shut down")) == 1
    assert shop.processes() == []
