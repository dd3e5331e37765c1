"""Deadlines, shutdown, and an extension that is not what it should be."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function

ROOT = Path(__file__).parent.parent.parent
# Makes the handled-file and takes its events, but never reads the file.
DEAF_EXTENSION = """\
#!{python}
import os, sys
sys.path.append({root!r})
from extension import api, rendezvous
rendezvous.make_handled_file(os.environ["LAMBDA_PUNCH_DIR"])
lambda_ = api.ExtensionsApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
lambda_.register("lambda-punch", ["INVOKE", "SHUTDOWN"])
while True:
    lambda_.ask_next()
    if b"SHUTDOWN" in lambda_.receive_event():
        break
"""

MODES = pytest.mark.parametrize("with_extension", [True, False], ids=["extension", "alone"])


def started(shop: Function) -> list[str]:
    """The sources that were started, over the life of the environment."""
    return [event.source for event in shop.events if event.kind == "started"]


@MODES
def test_a_job_that_outlasts_the_timeout_goes_on_at_the_next_invoke(
    function: Callable[..., Function], extension: Path, with_extension: bool
) -> None:
    """The function does not time out; the job runs once; what was pushed behind it waits its turn."""
    shop = function(
        """
        def slow():
            note("begin")
            until = time.monotonic() + 1.5
            while time.monotonic() < until:
                time.sleep(0.01)
            note("end")

        @punch.handler
        def handler(event, context):
            if event == "slow":
                punch.push(slow)
            punch.push(note, event)
            return event
        """,
        timeout=1.0,
        extensions=[extension] if with_extension else [],
    )

    assert [shop.call("slow"), shop.call("second"), shop.call("third")] == ["slow", "second", "third"]

    assert shop.told == ["begin", "end", "slow", "second", "third"]
    assert started(shop).count("runtime") == 1


@MODES
def test_no_job_starts_in_the_margin_nor_before_the_next_response(
    function: Callable[..., Function], extension: Path, with_extension: bool
) -> None:
    """What had no time waits for the response after next, though its own is long out; order is kept."""
    shop = function(
        """
        def work(number):
            note(number)
            time.sleep(0.1)

        @punch.handler
        def handler(event, context):
            if event == "first":
                for number in range(16):
                    punch.push(work, number)
            else:
                note("handler begins")
                time.sleep(0.3)
                note("handler ends")
        """,
        timeout=1.0,
        extensions=[extension] if with_extension else [],
    )

    shop.call("first")
    done = len(shop.told)
    for event in ("second", "third"):
        shop.call(event)

    assert 5 <= done <= 8
    margin = next(event for event in shop.events if event.kind == "invoke").detail["deadline"] - 0.2
    assert all(note.at < margin for note in shop.notes[:done])
    told = shop.told
    assert told[done : done + 2] == ["handler begins", "handler ends"]
    assert [text for text in told if text.isdigit()] == [str(number) for number in range(16)]
    for begins in (index for index, text in enumerate(told) if text == "handler begins"):
        assert told[begins + 1] == "handler ends"


def test_what_was_pushed_before_a_timeout_is_done_at_the_shutdown(function: Callable[..., Function]) -> None:
    """The handler never answered; Lambda did, for it, and what it had pushed still counts."""
    shop = function(
        """
        @punch.handler
        def handler(event, context):
            punch.push(note, "pushed")
            if event == "slow":
                time.sleep(60)
        """,
        timeout=1.0,
    )

    assert shop.invoke("slow").error_type == "Sandbox.Timedout"
    shop.wait_idle(timeout=10)
    assert shop.told == ["pushed"]
    shop.call("quick")
    assert shop.told == ["pushed", "pushed"]


@pytest.mark.parametrize("where", ["handler", "job"])
def test_a_runtime_that_dies_is_not_waited_for(function: Callable[..., Function], where: str) -> None:
    """In the handler or in a job: the extension moves on at once and is not killed at the end of the window."""
    shop = function(
        """
        @punch.handler
        def handler(event, context):
            if event == "handler":
                os._exit(9)
            punch.push(os._exit, 9)
        """,
        timeout=15.0,
    )

    shop.invoke(where)
    shop.wait_idle(timeout=10)

    assert [event.detail for event in shop.events if event.source != "runtime" and event.kind == "exited"] == [
        {"status": 0}
    ]
    assert not any(event.kind in ("sigkill", "timeout") for event in shop.events)


def test_a_deleted_rendezvous_costs_neither_time_nor_jobs(function: Callable[..., Function]) -> None:
    """The extension, in the middle of its wait, lets go; the function waits for its jobs itself."""
    shop = function(
        """
        import shutil

        @punch.handler
        def handler(event, context):
            punch.push(note, event)
            if event == 2:
                shutil.rmtree(os.environ["LAMBDA_PUNCH_DIR"])
            return event
        """
    )

    for event in (1, 2, 3):
        assert shop.call(event) == event
        assert shop.told == [str(number) for number in range(1, event + 1)]

    assert started(shop).count("runtime") == 1
    assert len(shop.said("the handled-file has been removed")) == 1


def test_a_record_that_cannot_be_written_costs_neither_time_nor_jobs(function: Callable[..., Function]) -> None:
    """A full disk: the library removes the file, which lets the extension go, and waits for its jobs itself."""
    shop = function(
        """
        def full(*_):
            raise OSError(28, "No space left on device")

        @punch.handler
        def handler(event, context):
            punch.push(note, event)
            if event == 2:
                os.pwrite = full
            return event
        """
    )

    for event in (1, 2, 3):
        assert shop.call(event) == event
        assert shop.told == [str(number) for number in range(1, event + 1)]

    assert started(shop).count("runtime") == 1
    assert len(shop.said("the handled-file cannot be written")) == 1


def test_an_extension_that_never_asks_is_given_up(function: Callable[..., Function], tmp_path: Path) -> None:
    """Jobs that it was told of run behind the next response, and after two misses without it."""
    deaf = tmp_path / "lambda-punch"
    deaf.write_text(DEAF_EXTENSION.format(python=sys.executable, root=str(ROOT)))
    deaf.chmod(0o755)
    shop = function(
        """
        @punch.handler
        def handler(event, context):
            punch.push(note, event)
            return event
        """,
        extensions=[deaf],
    )

    assert [shop.call(number) for number in range(6)] == list(range(6))

    assert shop.told == [str(number) for number in range(6)]
    assert len(shop.said("the extension does not ask for the jobs announced to it")) == 1


@pytest.mark.parametrize("execution_env", ["AWS_Lambda_python3.12", None], ids=["thread polling", "plain polling"])
def test_leftovers_are_done_within_the_shutdown_window(
    function: Callable[..., Function], execution_env: str | None
) -> None:
    """Ten jobs of 150 ms that had no time before the deadline: all done, once, in order, before the end."""
    shop = function(
        """
        punch.configure(margin=0.9)

        def work(number):
            note(number, "begins")
            time.sleep(0.15)
            note(number, "ends")

        @punch.handler
        def handler(event, context):
            time.sleep(0.2)
            for number in range(10):
                punch.push(work, number)
        """,
        timeout=1.0,
        execution_env=execution_env,
    )
    shop.call()
    assert shop.told == []

    shop.shutdown()

    assert shop.told == [f"{number} {what}" for number in range(10) for what in ("begins", "ends")]
    down = shop.events[-1]
    sigterm = next(event for event in shop.events if event.kind == "sigterm")
    assert all(note.at < sigterm.at + 2.0 for note in shop.notes)
    assert not any(event.kind == "sigkill" for event in shop.events)
    assert down.at - sigterm.at < 2.0


@pytest.mark.parametrize("order", ["before", "after"])
def test_the_user_s_own_sigterm_handler_is_called_after_the_leftovers(
    function: Callable[..., Function], order: str
) -> None:
    """Whether it was installed before start() or after it; it ends the process, not we."""
    shop = function(
        f"""
        import signal

        def end(*_):
            note("user's handler")
            os._exit(0)

        if "{order}" == "before":
            signal.signal(signal.SIGTERM, end)
        punch.configure(margin=0.9)
        punch.start()
        if "{order}" == "after":
            signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.1), end()))

        @punch.handler
        def handler(event, context):
            time.sleep(0.2)
            punch.push(note, "leftover")
        """,
        timeout=1.0,
        execution_env="AWS_Lambda_python3.12",
    )
    shop.call()

    shop.shutdown()

    assert shop.told == ["leftover", "user's handler"]


def test_what_is_lost_at_the_shutdown_is_named(function: Callable[..., Function]) -> None:
    """A job in its middle when the time is over, and those behind it, are ERROR lines with their names."""
    shop = function(
        """
        punch.configure(margin=0.9)

        def endless():
            note("begin")
            time.sleep(60)

        @punch.handler
        def handler(event, context):
            time.sleep(0.2)
            punch.push(endless)
            punch.push(note, "never")
        """,
        timeout=1.0,
    )
    shop.call()

    shop.shutdown()

    assert shop.told in (["begin"], ["begin", "never"])  # the heir may still run what stands behind the endless job
    assert shop.said("job app.endless of request")
    assert shop.said("was interrupted by the shutdown")


def test_an_extension_that_cannot_import_zmq_goes_out_of_service_with_one_line(
    function: Callable[..., Function], broken: Callable[[str], Path]
) -> None:
    """The function is served as before; its jobs are run without the extension."""
    shop = function(
        """
        @punch.handler
        def handler(event, context):
            punch.push(note, event)
            return event
        """,
        extensions=[broken("zmq")],
    )

    assert [shop.call(1), shop.call(2), shop.call(3)] == [1, 2, 3]

    assert shop.told == ["1", "2", "3"]
    assert len(shop.said("lambda-punch extension: out of service")) == 1
    assert started(shop).count("extension:lambda-punch") == 1


def test_an_extension_that_cannot_watch_goes_out_of_service_with_one_line(
    function: Callable[..., Function], broken: Callable[[str], Path]
) -> None:
    """Without inotify the extension still registers and polls, and the function waits for its jobs itself."""
    shop = function(
        """
        @punch.handler
        def handler(event, context):
            punch.push(note, event)
            return event
        """,
        extensions=[broken("inotify_simple")],
    )

    assert [shop.call(1), shop.call(2)] == [1, 2]

    assert shop.told == ["1", "2"]
    assert len(shop.said("lambda-punch extension: out of service")) == 1


def test_a_function_whose_own_zmq_is_broken_runs_its_jobs_all_the_same(
    function: Callable[..., Function], tmp_path: Path
) -> None:
    """The drain thread says so once, runs what the extension waits for, and lets it go."""
    (tmp_path / "zmq.py").write_text("raise ImportError('no zmq for this interpreter')\n")
    shop = function(
        """
        import sys
        sys.path.insert(0, os.path.dirname(__file__))

        @punch.handler
        def handler(event, context):
            punch.push(note, event)
            return event
        """
    )

    shop.call(1)
    assert shop.told == ["1"]

    shop.call(2)
    assert shop.told == ["1", "2"]
    assert len(shop.said("the drain thread failed")) == 1


def test_a_directory_that_is_open_to_others_is_refused_by_both(
    function: Callable[..., Function], tmp_path: Path
) -> None:
    """Both say so and the function goes on without the extension."""
    (tmp_path / "meet").mkdir(mode=0o755)
    (tmp_path / "meet").chmod(0o755)
    shop = function(
        """
        @punch.handler
        def handler(event, context):
            punch.push(note, event)
            return event
        """
    )

    assert shop.call(1) == 1
    assert shop.told == ["1"]
    assert len(shop.said("remove it or set LAMBDA_PUNCH_DIR")) == 2


@pytest.fixture
def broken(extension: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Return a maker of copies of the installed extension in which importing one module fails."""

    def make(module: str) -> Path:
        opt = tmp_path / "opt"
        shutil.copytree(extension.parent.parent, opt, symlinks=True)
        home = opt / "lambda-punch"
        for name in (module, f"{module}.py"):
            (home / name).unlink(missing_ok=True)
        (home / f"{module}.py").write_text("raise ImportError('broken for a test')\n")
        assert sys.executable
        return opt / "extensions" / "lambda-punch"

    return make
