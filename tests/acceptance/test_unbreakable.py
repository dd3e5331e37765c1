"""Whatever user code does to the process: the caller has its answer, the other jobs run, what is lost is named."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Function

WITH_AND_WITHOUT = pytest.mark.parametrize("with_extension", [True, False], ids=["extension", "alone"])


def test_an_asyncio_run_with_a_signal_handler_leaves_sigterm_heard(function: Callable[..., Function]) -> None:
    """asyncio.run() sets the process's wakeup descriptor to -1 at its end."""
    shop = function(
        """
        import asyncio, signal

        async def main():
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, print)

        @punch.handler
        def handler(event, context):
            asyncio.run(main())
            for number in range(event):
                punch.push(slow, number)
            return "ok"

        def slow(number):
            time.sleep(0.1)
            note(number)
        """,
        timeout=1,
    )

    assert shop.call(0) == "ok"
    shop.invoke(12)
    shop.wait_idle(timeout=10)
    shop.shutdown()

    assert shop.told == [str(number) for number in range(12)]


@WITH_AND_WITHOUT
def test_a_child_that_is_terminated_does_not_end_the_function(
    function: Callable[..., Function], extension: Path, with_extension: bool
) -> None:
    """The signal is the child's alone; multiprocessing ends a child in this way after a time limit."""
    shop = function(
        """
        import multiprocessing

        def handler(event, context):
            child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(5,))
            child.start()
            child.terminate()
            child.join()
            punch.push(note, "job")
            return child.exitcode

        punch.start()
        """,
        extensions=[extension] if with_extension else [],
        timeout=10,
    )

    assert [shop.call(), shop.call()] == [-15, -15]
    assert shop.told == ["job", "job"]
    assert shop.started.count("runtime") == 1


@WITH_AND_WITHOUT
@pytest.mark.parametrize("ends", ["sys.exit(3)", "return", "raise ValueError", "os._exit(3)"])
def test_a_child_that_is_forked_in_a_job_runs_no_job_of_its_parent(
    function: Callable[..., Function], extension: Path, with_extension: bool, ends: str
) -> None:
    """Whatever way its function ends; and the child ends with it."""
    shop = function(
        f"""
        import sys

        def job():
            child = os.fork()
            if child == 0:
                note("child", os.getpid())
                {ends}
            _, status = os.waitpid(child, 0)
            note("ended", os.waitstatus_to_exitcode(status))

        @punch.handler
        def handler(event, context):
            punch.push(job)
            punch.push(note, "a")
            punch.push(note, "b")
            return "ok"
        """,
        extensions=[extension] if with_extension else [],
        timeout=10,
    )

    assert [shop.call(), shop.call()] == ["ok", "ok"]
    told = [text for text in shop.told if not text.startswith("child")]
    codes = {"sys.exit(3)": 3, "return": 0, "raise ValueError": 1, "os._exit(3)": 3}
    assert told == [f"ended {codes[ends]}", "a", "b"] * 2


def test_a_child_that_is_forked_in_an_async_job_does_not_run_the_loop_of_its_parent(
    function: Callable[..., Function],
) -> None:
    """It may end by itself; at its first await it is ended."""
    shop = function(
        """
        import asyncio

        async def job(number):
            child = os.fork()
            if child == 0:
                await asyncio.sleep(0)
                note("child went on")
            _, status = os.waitpid(child, 0)
            note("ended", number, os.waitstatus_to_exitcode(status) != 0)

        @punch.handler
        def handler(event, context):
            punch.push(job, 1)
            punch.push(job, 2)
            return "ok"
        """,
        timeout=10,
    )

    assert shop.call() == "ok"
    assert shop.told == ["ended 1 True", "ended 2 True"]


@WITH_AND_WITHOUT
@pytest.mark.parametrize(
    "act",
    [
        "sys.exit(1)",
        "asyncio.get_running_loop().stop(); await asyncio.sleep(0); raise ValueError",
        "asyncio.ensure_future(leave()); await asyncio.sleep(0.01); raise ValueError",
    ],
)
def test_an_async_job_that_ends_its_loop_fails_alone(
    function: Callable[..., Function], extension: Path, with_extension: bool, act: str
) -> None:
    """One ERROR line for the job; the next jobs run, and no later request is held."""
    shop = function(
        f"""
        import asyncio, sys

        async def leave():
            sys.exit(2)

        async def bad():
            {act}

        async def good(number):
            await asyncio.sleep(0)
            note(number)

        @punch.handler
        def handler(event, context):
            punch.push(bad)
            punch.push(good, event)
            return event
        """,
        extensions=[extension] if with_extension else [],
        timeout=10,
    )

    began = time.monotonic()
    assert [shop.call(1), shop.call(2)] == [1, 2]
    assert time.monotonic() - began < 5
    assert shop.told == ["1", "2"]
    assert len(shop.said("job app.bad of request")) == 2


def test_an_async_handler_that_exits_ends_as_a_plain_one_does(function: Callable[..., Function]) -> None:
    """The process ends with a line; it does not hang to its timeout."""
    shop = function(
        """
        import sys

        @punch.handler
        async def handler(event, context):
            sys.exit(3)
        """,
        timeout=10,
    )

    began = time.monotonic()
    answer = shop.invoke(1).json()

    assert time.monotonic() - began < 5
    assert answer["errorType"] == "Runtime.ExitError"


@WITH_AND_WITHOUT
@pytest.mark.parametrize(
    "odd", ["{}.__setitem__", "str.upper", "set.add", "Odd()", "Nameless()", "functools.partial(1 .__add__)"]
)
def test_a_failing_job_of_any_make_is_named_and_the_next_one_runs(
    function: Callable[..., Function], extension: Path, with_extension: bool, odd: str
) -> None:
    """Methods written in C, objects whose attributes raise, names that are not texts."""
    shop = function(
        f"""
        import functools

        class Odd:
            def __getattr__(self, name):
                raise SystemExit("no " + name)
            def __call__(self):
                raise ValueError

        class Nameless:
            def __init__(self):
                self.__qualname__ = None
                self.__module__ = 7
            def __call__(self):
                raise ValueError
            def __repr__(self):
                raise ValueError

        @punch.handler
        def handler(event, context):
            punch.push({odd})
            punch.push(note, event)
            return event
        """,
        extensions=[extension] if with_extension else [],
        timeout=10,
    )

    began = time.monotonic()
    assert [shop.call(1), shop.call(2)] == [1, 2]
    assert time.monotonic() - began < 5
    assert shop.told == ["1", "2"]
    assert len([line for line in shop.said(" failed") if "job " in line]) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="multiprocessing forks by default on Linux alone")
def test_what_a_forked_child_pushes_is_run_there(function: Callable[..., Function]) -> None:
    """Such children end without Python's exit, so it is run before push() returns."""
    shop = function(
        """
        import multiprocessing

        def child():
            punch.push(note, "pushed in the child")

        def handler(event, context):
            process = multiprocessing.get_context("fork").Process(target=child)
            process.start()
            process.join()
            return process.exitcode

        punch.start()
        """,
        timeout=10,
    )

    assert shop.call() == 0
    assert shop.told == ["pushed in the child"]


@pytest.mark.parametrize("closes", ["os.close(number)", "os.closerange(number, number + 1)"])
def test_a_record_is_never_written_over_a_file_of_the_users(function: Callable[..., Function], closes: str) -> None:
    """Code that closes a descriptor twice gets our number for its own file; jobs still run."""
    shop = function(
        f"""
        punch.start()
        ours = [int(fd) for fd in os.listdir("/proc/self/fd")
                if os.path.realpath("/proc/self/fd/" + fd).endswith("/handled")]

        @punch.handler
        def handler(event, context):
            if event == 2:
                for number in ours:
                    {closes}
                open(os.environ["NOTES"] + ".his", "w").close()
                global his
                his = os.open(os.environ["NOTES"] + ".his", os.O_RDWR)
                os.write(his, b"his text, and long enough to see what is written over it")
            punch.push(note, event)
            return event
        """,
        timeout=10,
    )

    began = time.monotonic()
    assert [shop.call(number) for number in (1, 2, 3)] == [1, 2, 3]
    assert time.monotonic() - began < 5
    assert shop.told == ["1", "2", "3"]
    his = shop.notes_file.with_name(shop.notes_file.name + ".his")
    assert his.read_text() == "his text, and long enough to see what is written over it"


@pytest.mark.parametrize(
    "silences",
    ['logging.config.dictConfig({"version": 1})', "logging.disable(logging.CRITICAL)"],
)
def test_logging_that_is_configured_anew_does_not_silence_failures(
    function: Callable[..., Function], silences: str
) -> None:
    """dictConfig disables every logger that exists, by default."""
    shop = function(
        f"""
        import logging, logging.config

        def bad():
            raise ValueError("broken")

        @punch.handler
        def handler(event, context):
            punch.push(bad)
            if event == 2:
                {silences}
            return event
        """,
        timeout=10,
    )

    assert [shop.call(number) for number in (1, 2)] == [1, 2]
    assert len(shop.said("job app.bad of request")) == 2


def test_no_line_holds_an_event_or_an_argument(function: Callable[..., Function]) -> None:
    """Also if handled() is given the event by mistake, if a push comes too late, or if a name is odd."""
    shop = function(
        """
        import functools

        def odd(secret):
            raise ValueError
        odd.__qualname__ = "odd\\n[ERROR] forged line"

        def handler(event, context):
            try:
                punch.push(odd, event["password"])
                try:
                    punch.push(event)
                except punch.NotCallableError as error:
                    print("refused:", error)
            finally:
                punch.handled(event)
            return "ok"

        punch.start()
        """,
        env={"LAMBDA_PUNCH_LOG_LEVEL": "warning"},
    )

    assert shop.call({"password": "s3cr3t"}) == "ok"
    assert shop.said("s3cr3t") == []
    assert [line for line in shop.said("forged line") if line.startswith("[ERROR] forged")] == []
    assert len(shop.said("handled() got a dict")) == 1


@WITH_AND_WITHOUT
def test_a_margin_as_long_as_the_timeout_is_told_and_jobs_run(
    function: Callable[..., Function], extension: Path, with_extension: bool
) -> None:
    """Once, with both figures; half of the timeout is kept free then."""
    shop = function(
        """
        @punch.handler
        def handler(event, context):
            punch.push(note, event)
            return event
        """,
        env={"LAMBDA_PUNCH_MARGIN": "2"},
        extensions=[extension] if with_extension else [],
        timeout=1,
    )

    assert [shop.call(1), shop.call(2)] == [1, 2]
    assert shop.told == ["1", "2"]
    told = shop.said("the margin of 2 s leaves no time for jobs in a timeout of ")  # what is left of the second by then
    assert len(told) == 1
