"""Deadlines, shutdown, and an extension that is not what it should be."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Function

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


@pytest.mark.parametrize("execution_env", ["AWS_Lambda_python3.12", None], ids=["thread polling", "plain polling"])
def test_leftovers_are_done_within_the_shutdown_window(
    function: Callable[..., Function], execution_env: str | None
) -> None:
    """Ten jobs of 150 ms that had no time before the deadline: all done, once, in order, before the end."""
    shop = function(
        """
        punch.configure(margin=0.9)

        def work(number):
            time.sleep(0.15)
            note(number)

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

    assert shop.told == [str(number) for number in range(10)]
    down = shop.events[-1]
    sigterm = next(event for event in shop.events if event.kind == "sigterm")
    assert all(note.at < sigterm.at + 2.0 for note in shop.notes)
    assert not any(event.kind == "sigkill" for event in shop.events)
    assert down.at - sigterm.at < 2.0


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

    assert [shop.call(1), shop.call(2)] == [1, 2]

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
