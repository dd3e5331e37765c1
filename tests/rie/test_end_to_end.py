"""Invokes on AWS's own emulator: awslambdaric, the function, and the extension in /opt."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambda_punch.installer import install

from .conftest import PLAIN, THREADED

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Function

pytestmark = pytest.mark.network  # RIE is fetched at the first use
MODES = pytest.mark.parametrize("execution_env", [THREADED, PLAIN], ids=["thread polling", "plain polling"])

ECHO = """
punch.start()

def handler(event, context):
    try:
        note("handler", event)
        punch.push(note, "job", event)
        return {"event": event}
    finally:
        punch.handled(context)
"""


@MODES
def test_response_first_job_after(function: Callable[..., Function], opt: Path, execution_env: str | None) -> None:
    """Each job runs once, after the response of its own request is posted and before the next request."""
    shop = function(ECHO, opt, execution_env=execution_env)

    assert [shop.call(number) for number in (1, 2)] == [{"event": 1}, {"event": 2}]
    assert shop.stop() == 0

    assert shop.told == ["handler 1", "posted", "job 1", "handler 2", "posted", "job 2"]
    assert shop.complaints == []


@MODES
def test_error_in_the_handler(function: Callable[..., Function], opt: Path, execution_env: str | None) -> None:
    """The caller gets the error, and what had been pushed before it still runs."""
    shop = function(
        """
        @punch.handler
        def handler(event, context):
            punch.push(note, "job", event)
            if event == 1:
                raise ValueError("no such order")
            return event
        """,
        opt,
        execution_env=execution_env,
    )

    error = shop.call(1)
    assert shop.call(2) == 2

    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "no such order")
    assert shop.told == ["posted", "job 1", "posted", "job 2"]


def test_no_jobs(function: Callable[..., Function], opt: Path) -> None:
    """A function that pushes nothing is answered, and neither side loads ZeroMQ."""
    shop = function(
        """
        @punch.handler
        def handler(event, context):
            return [name for name in ("zmq", "inotify_simple", "asyncio") if name in sys.modules]
        """,
        opt,
    )

    assert [shop.call(), shop.call()] == [[], []]

    maps = [Path(f"/proc/{pid}/maps").read_text() for pid in shop.processes()]
    assert len(maps) == 3  # RIE, the runtime, the extension
    assert not any("zmq" in text for text in maps)
    assert shop.complaints == []


@pytest.mark.timeout(90)
def test_two_hundred_invokes(function: Callable[..., Function], opt: Path) -> None:
    """0 to 5 jobs each: every job exactly once, in the order pushed, after its own response."""
    shop = function(
        """
        @punch.handler
        def handler(event, context):
            for number in range(event["jobs"]):
                punch.push(note, event["invoke"], number)
        """,
        opt,
    )
    chance = random.Random(20_20)
    expected = []
    for number in range(200):
        jobs = chance.randint(0, 5)
        expected += ["posted", *(f"{number} {job}" for job in range(jobs))]
        shop.call({"invoke": number, "jobs": jobs})

    assert shop.told == expected
    assert shop.complaints == []


@pytest.mark.parametrize("alone", [False, True], ids=["extension", "alone"])
def test_job_longer_than_the_timeout(function: Callable[..., Function], opt: Path, alone: bool, empty: Path) -> None:
    """Three seconds in a function of two: no timeout; finished once, two invokes later; a WARNING names it."""
    shop = function(
        """
        def slow():
            note("begin")
            until = time.monotonic() + 3
            while time.monotonic() < until:
                time.sleep(0.01)
            note("slow")

        @punch.handler
        def handler(event, context):
            if event == 1:
                punch.push(slow)
            punch.push(note, "job", event)
            return os.getpid()
        """,
        empty if alone else opt,
        timeout=2,
        LAMBDA_PUNCH_LOG_LEVEL="warning",
    )

    first, second, third = (shop.call(number) for number in (1, 2, 3))

    assert first == second == third
    assert [text for text in shop.told if text != "posted"] == ["begin", "slow", "job 1", "job 2", "job 3"]
    assert not shop.said("Task timed out")
    assert len(shop.said("app.slow of request")) == 1


CRASHING = """
@punch.handler
def handler(event, context):
    punch.push(note, "job", event)
    if event == "in the handler":
        os._exit(9)
    if event == "in a job":
        punch.push(os._exit, 9)
    return os.getpid()
"""


def test_crash_in_the_handler(function: Callable[..., Function], opt: Path) -> None:
    """The extension lets the dead runtime go at once, and the next invoke starts both anew."""
    shop = function(CRASHING, opt, timeout=15)
    before = shop.call("before")

    began = time.monotonic()
    crashed = shop.post("in the handler")
    took = time.monotonic() - began
    after = shop.call("after")

    assert (crashed.status_code, crashed.json()["errorType"]) == (502, "Runtime.ExitError")
    assert took < 1.8  # two seconds is where a process that does not end is killed
    assert after != before
    assert [text for text in shop.told if text != "posted"] == ["job before", "job after"]
    assert len(shop.said("1 job lost (app.note): the function's process ended before they were done")) == 1


def test_crash_in_a_job(function: Callable[..., Function], opt: Path) -> None:
    """The invoke whose job killed the runtime is the one that fails; the next one starts both anew."""
    shop = function(CRASHING, opt, timeout=15)
    before = shop.call("before")

    began = time.monotonic()
    crashed = shop.post("in a job")
    took = time.monotonic() - began
    after = shop.call("after")

    assert (crashed.status_code, crashed.json()) == (502, before)  # its response had been posted, RIE sends it on
    assert took < 1.8
    assert after != before
    assert [text for text in shop.told if text != "posted"] == ["job before", "job in a job", "job after"]
    assert len(shop.said("1 job lost (posix._exit): the function's process ended before they were done")) == 1


@pytest.mark.parametrize("where", ["in the handler", "in a job"])
def test_extension_killed(function: Callable[..., Function], opt: Path, where: str) -> None:
    """Lambda ends that invoke for it; its jobs are done or named, none twice; the next invoke starts both anew."""
    shop = function(
        """
        import signal

        def kill():
            with open(os.environ["LAMBDA_PUNCH_DIR"] + "/greeting") as greeting:
                os.kill(int(greeting.read().split()[2]), signal.SIGKILL)
            time.sleep(0.05)

        if not os.path.exists(os.environ["LAMBDA_PUNCH_DIR"] + "/greeting"):
            with open(os.environ["LAMBDA_PUNCH_DIR"] + "/handled") as handled:
                text = handled.read()
            with open(os.environ["LAMBDA_PUNCH_DIR"] + "/greeting", "w") as greeting:
                greeting.write(text)
        punch.start()

        @punch.handler
        def handler(event, context):
            punch.push(note, "job", event)
            if event == "in the handler":
                kill()
                time.sleep(5)
            if event == "in a job":
                punch.push(kill)
                punch.push(note, "behind it")
            return event
        """,
        opt,
        timeout=10,
    )
    assert shop.call("before") == "before"

    crashed = shop.post(where)
    after = shop.call("after")

    assert crashed.status_code == 502
    assert after == "after"
    jobs = [text for text in shop.told if text != "posted"]
    behind = ["behind it"] if where == "in a job" else []
    assert jobs == ["job before", f"job {where}", *behind, "job after"]
    assert shop.said(" lost (") == []


@MODES
def test_without_the_extension(function: Callable[..., Function], empty: Path, execution_env: str | None) -> None:
    """The function itself stays awake for its jobs, before it asks for its next event."""
    shop = function(ECHO, empty, execution_env=execution_env)

    assert [shop.call(number) for number in (1, 2)] == [{"event": 1}, {"event": 2}]

    assert len(shop.processes()) == 2  # RIE and the runtime
    assert shop.told == ["handler 1", "posted", "job 1", "handler 2", "posted", "job 2"]
    assert shop.complaints == []


def test_generator_and_async_jobs(function: Callable[..., Function], opt: Path) -> None:
    """What a generator handler does after its yield, and async jobs, run behind the response."""
    shop = function(
        """
        async def later(word):
            note(word)

        @punch.handler
        def handler(event, context):
            punch.push(later, "async job")
            yield {"event": event}
            note("rest of the handler")
        """,
        opt,
    )

    assert shop.call(1) == {"event": 1}

    assert shop.told == ["posted", "async job", "rest of the handler"]


@pytest.mark.timeout(120)
def test_installed_tree(function: Callable[..., Function], tmp_path: Path) -> None:
    """What ``lambda-punch install`` leaves under a root works in that root's /opt, without this environment's zmq."""
    root = tmp_path / "root"
    try:
        install(root, python=sys.executable)
    except Exception as error:  # noqa: BLE001 - whatever pip's reason is, it is not for this test to judge
        pytest.skip(f"the extension cannot be installed here: {error}")
    shop = function(ECHO, root / "opt")

    assert shop.call(1) == {"event": 1}
    libraries = [Path(f"/proc/{pid}/maps").read_text() for pid in shop.processes()]

    assert sum("/opt/lambda-punch/pyzmq.libs/libzmq" in text for text in libraries) == 1
    assert shop.told == ["handler 1", "posted", "job 1"]
    assert shop.complaints == []


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """Return a directory to be seen as /opt, with no extension in it."""
    (tmp_path / "empty" / "extensions").mkdir(parents=True)
    return tmp_path / "empty"
