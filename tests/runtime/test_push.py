"""push(), handled(), start() and configure() where there is no Lambda."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from contextvars import ContextVar

import pytest

import lambda_punch as punch
from lambda_punch import _settings
from lambda_punch.runtime.rare_modes import Closed
from lambda_punch.runtime.start import process


@pytest.fixture(autouse=True)
def fresh() -> object:
    """Begin each test as a new process would."""

    def clear() -> None:
        process.reset()
        _settings.restore()

    clear()
    yield
    clear()


def test_off_lambda_a_pushed_job_runs_by_itself() -> None:
    """On a background thread, with its arguments and its context variables."""
    done, variable = threading.Event(), ContextVar("variable", default="unset")
    seen = []

    def job(*args: int, word: str) -> None:
        seen.append((args, word, variable.get(), threading.current_thread().name))
        done.set()

    variable.set("mine")
    assert punch.push(job, 1, 2, word="w") is job
    assert done.wait(10)

    assert seen == [((1, 2), "w", "mine", "lambda-punch-drain")]


def test_push_is_a_decorator_too() -> None:
    """The name stays bound to the function."""
    done = threading.Event()

    @punch.push
    def job() -> str:
        done.set()
        return "result"

    assert done.wait(10)
    assert job() == "result"


@pytest.mark.parametrize("wrong", [42, None, "print", ["print"]])
def test_what_cannot_be_called_is_refused_and_nothing_is_lost(wrong: object) -> None:
    """The error names the value and the cure, and what was accepted before is run."""
    ran: list[int] = []
    done = threading.Event()
    punch.push(ran.append, 1)

    with pytest.raises(punch.NotCallableError, match=r"push\(send, order\); got "):
        punch.push(wrong)  # type: ignore[arg-type]

    punch.push(done.set)
    assert done.wait(10)
    assert ran == [1]


def test_a_coroutine_object_is_refused() -> None:
    """Push the function, not what it returned."""

    async def send() -> None: ...

    coroutine = send()
    with pytest.raises(TypeError, match="takes a function and its arguments"):
        punch.push(coroutine)  # type: ignore[arg-type]
    coroutine.close()


def test_push_after_the_shutdown_is_refused() -> None:
    """The pusher learns that the job will not run."""
    punch.start()
    process.become(Closed(process))

    with pytest.raises(punch.ShutDownError, match="after the shutdown"):
        punch.push(print)


def test_configure_after_start_is_refused_and_changes_nothing() -> None:
    """It would come too late."""
    punch.start()

    with pytest.raises(punch.ConfigurationError, match=r"before anything else"):
        punch.configure(workers=2)
    assert _settings.current().workers == 1


def test_a_second_start_does_nothing() -> None:
    """The first one's settings and mode stay."""
    punch.configure(workers=3)
    punch.start()
    mode = process.mode
    punch.start()

    assert process.mode is mode
    assert _settings.current().workers == 3


@pytest.mark.parametrize(
    ("option", "value"),
    [("workers", 0), ("workers", 1.5), ("margin", 0), ("margin", "1"), ("log_level", "loud"), ("exit_timeout", True)],
)
def test_a_wrong_option_is_named_with_what_it_may_be(option: str, value: object) -> None:
    """Before start(), so that nothing runs with it."""
    with pytest.raises(ValueError, match=rf"{option} must be .*{value}"):
        punch.configure(**{option: value})  # type: ignore[arg-type]


def test_a_wrong_variable_is_one_error_line_and_its_default_is_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It does not keep the function from starting; the right ones are used."""
    monkeypatch.setenv("LAMBDA_PUNCH_WORKERS", "many")
    monkeypatch.setenv("LAMBDA_PUNCH_MARGIN", "0.5")
    logging.getLogger("lambda_punch").setLevel(logging.NOTSET)

    punch.start()

    assert (_settings.current().workers, _settings.current().margin) == (1, 0.5)
    assert [record.getMessage() for record in caplog.records if "LAMBDA_PUNCH_WORKERS='many'" in record.getMessage()]


def test_handled_takes_anything_where_there_is_no_lambda() -> None:
    """Unit tests of handlers call it with any context they have."""
    punch.handled(None)
    punch.handled(object())


def test_a_decorated_handler_works_in_a_unit_test() -> None:
    """Plain, generator and async handlers return their response; the rest runs in the background."""
    done = threading.Event()

    @punch.handler
    def generator(event: str, context: object) -> object:
        yield event
        done.set()

    @punch.handler
    async def coroutine(event: str, context: object) -> str:
        return event

    assert (generator("one", None), coroutine("two", context=None)) == ("one", "two")
    assert done.wait(10)


def test_an_exiting_process_waits_for_its_jobs() -> None:
    """A script that pushes and ends does not lose what it pushed, nor jobs that these push."""
    script = """
import lambda_punch as punch, time
def outer():
    time.sleep(0.1)
    punch.push(print, "inner")
punch.push(outer)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert ran.stdout == "inner\n"


def test_what_an_exiting_process_cannot_wait_for_is_named() -> None:
    """After the exit timeout; one ERROR line with count and names."""
    script = """
import lambda_punch as punch, threading
punch.configure(exit_timeout=0.05)
punch.push(threading.Event().wait)
punch.push(print, "never")
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert ran.stdout == ""
    assert (
        "2 jobs lost (builtins.print, threading.Event.wait): the process exited after 0.05 s of waiting" in ran.stderr
    )


def test_a_forked_child_starts_with_an_empty_queue() -> None:
    """The jobs are the parent's; the child can push its own."""
    script = """
import lambda_punch as punch, os, threading, sys
go = threading.Event()
punch.push(go.wait)
punch.push(print, "parent's", flush=True)
child = os.fork()
if child == 0:
    done = threading.Event()
    punch.push(print, "child's", flush=True)
    punch.push(done.set)
    done.wait(10)
    os._exit(0)
os.waitpid(child, 0)
go.set()
"""
    ran = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True)

    assert ran.stdout == "child's\nparent's\n"
