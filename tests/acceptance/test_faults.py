"""Processes that die, files that vanish, and an extension that is not what it should be."""

from __future__ import annotations

import os
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

    assert shop.started.count("runtime") == 1
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

    assert shop.started.count("runtime") == 1
    assert len(shop.said("the handled-file cannot be written")) == 1
    ends = [[event.at for event in shop.events if event.kind == kind] for kind in ("runtime-done", "invoke-done")]
    assert max(done - ran for ran, done in zip(*ends, strict=True)) < 1.0  # else it would be held to the deadline, 3 s


def test_an_extension_that_never_asks_is_given_up(function: Callable[..., Function], tmp_path: Path) -> None:
    """The announced jobs run behind the next response, and after two misses without the extension."""
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
    assert shop.started.count("extension:lambda-punch") == 1


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
        extensions=[broken("extension/inotify")],
    )

    assert [shop.call(1), shop.call(2)] == [1, 2]

    assert shop.told == ["1", "2"]
    assert len(shop.said("lambda-punch extension: out of service")) == 1


def test_a_function_whose_own_zmq_is_broken_runs_its_jobs_all_the_same(
    function: Callable[..., Function], tmp_path: Path
) -> None:
    """It is not imported; where libzmq cannot be loaded by itself, the drain's thread says so once, runs what the extension
    waits for, and lets it go.
    """
    (tmp_path / "zmq.py").write_text("raise ImportError('no zmq for this interpreter')\n")
    shop = function(
        """
        import sys
        sys.path.insert(0, os.path.dirname(__file__))
        sys.modules["ctypes"] = None

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
    assert len(shop.said("lambda-punch-drain has died; jobs run without the extension")) == 1


@pytest.mark.parametrize("what", ["open to others", "a link", "another user's", "nowhere"])
def test_a_meeting_place_that_is_not_ours_alone_is_refused(
    function: Callable[..., Function], tmp_path: Path, what: str
) -> None:
    """The process that finds it says so, and the function goes on without the extension."""
    meet = tmp_path / "meet"
    env = {}
    if what == "a link":
        (tmp_path / "real").mkdir(mode=0o700)
        meet.symlink_to(tmp_path / "real")
    elif what == "nowhere":
        env["LAMBDA_PUNCH_DIR"] = "/proc/no-directory-can-be-made-here"
    else:
        meet.mkdir(mode=0o700)
        if what == "open to others":
            meet.chmod(0o755)
        elif os.getuid() != 0:
            pytest.skip("only root can make a directory another user's")
        else:
            os.chown(meet, 1, 1)
    shop = function(
        """
        @punch.handler
        def handler(event, context):
            punch.push(note, event)
            return event
        """,
        env=env,
    )

    assert [shop.call(1), shop.call(2)] == [1, 2]
    assert shop.told == ["1", "2"]
    if what == "nowhere":
        assert len(shop.said("lambda-punch extension: the function runs without the extension")) == 1
    else:
        assert len(shop.said("remove it or set LAMBDA_PUNCH_DIR")) == 2
    assert not list((tmp_path / "real").iterdir()) if what == "a link" else True


@pytest.fixture
def broken(extension: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Return a maker of copies of the installed extension in which importing one module fails."""

    def make(module: str) -> Path:
        opt = tmp_path / "opt"
        shutil.copytree(extension.parent.parent, opt, symlinks=True)
        home = opt / "lambda-punch"
        for package in (home / module).parents:
            if package.is_symlink():  # into the sources, which stay whole
                target = package.resolve()
                package.unlink()
                shutil.copytree(target, package)
        for name in (module, f"{module}.py"):
            (home / name).unlink(missing_ok=True)
        (home / f"{module}.py").write_text("raise ImportError('broken for a test')\n")
        assert sys.executable
        return opt / "extensions" / "lambda-punch"

    return make


def test_a_thread_that_cannot_be_started_costs_neither_time_nor_jobs(function: Callable[..., Function]) -> None:
    """The drain's thread cannot be started: the extension is let go, and the jobs are run without it."""
    shop = function(
        """
        from lambda_punch.runtime import server

        def start(_self):
            raise RuntimeError("can't start new thread")

        server.DrainServer.start = start

        @punch.handler
        def handler(event, context):
            punch.push(note, event)
            return event
        """
    )

    assert [shop.call(event) for event in (1, 2)] == [1, 2]
    assert shop.told == ["1", "2"]
    assert shop.started.count("runtime") == 1
    assert len(shop.said("a handled request cannot be announced: RuntimeError")) == 1
