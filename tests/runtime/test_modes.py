"""The state table at the head of modes.py: each mode, and what it does at each event."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

import lambda_punch as punch
from extension import contract
from lambda_punch.runtime import modes, rare_modes
from lambda_punch.runtime.handled import HandledFile
from lambda_punch.runtime.process import Mode, Process
from lambda_punch.testing import modes as testing_modes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Context:
    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 3000


@pytest.fixture
def directory(tmp_path: Path) -> str:
    """A meeting place with an extension in it, in whose place this process stands."""
    tmp_path.chmod(0o700)
    (tmp_path / "handled").write_bytes(contract.greeting(os.getpid()))
    return str(tmp_path)


@pytest.fixture
def process() -> Process:
    """A process in the middle of its first request."""
    made = Process(Mode)
    made.begin("request-1", int(time.time() * 1000) + 2800)
    return made


def record(directory: str) -> contract.Record | None:
    with open(f"{directory}/handled", "rb") as file:
        return contract.parse_record(file.read())


def ran_behind(process: Process, pushed: Callable[[], object]) -> tuple[bool, bool]:
    """Push, and end the response: whether the punch ran at the push, and whether it ran behind the response."""
    done = threading.Event()
    process.push(done.set)
    pushed()
    at_push = done.is_set()
    process.respond()
    return at_push, done.wait(2)


def test_the_table_names_every_mode_there_is() -> None:
    """And no other."""
    rows = re.findall(r"^\| (\w+(?:, \w+)*) +\|", modes.__doc__ or "", re.MULTILINE)
    named = {name for row in rows for name in row.split(", ")} - {"mode"}
    kinds = [value for module in (modes, rare_modes, testing_modes) for value in vars(module).values()]
    bases = {"Mode", "OnLambda", "AtOnce"}
    made = {kind.__name__ for kind in kinds if inspect.isclass(kind) and issubclass(kind, Mode)} - bases

    assert named == made


@pytest.mark.parametrize("event", ["push", "handled", "start"])
def test_starting_starts_at_the_first_event_and_the_new_mode_has_it(event: str) -> None:
    """The event is not lost, and start() alone does nothing else."""
    seen: list[str] = []

    class Started(Mode):
        def __init__(self, process: Process) -> None:
            super().__init__(process)
            self.submit = lambda waiting: seen.append("push")

        def handled(self, context: Any) -> None:
            seen.append("handled")

    process = Process(lambda process: modes.Starting(process, Started))
    {"push": lambda: process.push(print), "handled": lambda: process.mode.handled(None), "start": process.mode.start}[
        event
    ]()

    assert isinstance(process.mode, Started)
    assert seen == [event] * (event != "start")


@pytest.mark.parametrize("_round", range(20))
def test_the_first_push_may_come_from_many_threads_at_once(_round: int) -> None:
    """Each is taken, and the library is started once."""
    begun: list[Process] = []
    slow = threading.Event()

    def begin(process: Process) -> Mode:
        begun.append(process)
        slow.wait(0.001)
        return Mode(process)

    process = Process(lambda process: modes.Starting(process, begin))
    barrier, failed = threading.Barrier(8), []

    def first_push(number: int) -> None:
        barrier.wait()
        try:
            process.push(print, number)
        except BaseException as error:  # noqa: BLE001 - whatever it is
            failed.append(error)

    threads = [threading.Thread(target=first_push, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert begun == [process]
    assert sorted(each.args for each in process.queue.clear()) == [(number,) for number in range(8)]


def test_a_push_from_within_the_start_is_kept() -> None:
    """The thread that starts holds the lock; a log handler pushes on it, for example."""

    def begin(process: Process) -> Mode:
        process.push(print, "from within")
        return Mode(process)

    process = Process(lambda process: modes.Starting(process, begin))
    process.push(print, "first")

    assert [each.args for each in process.queue.clear()] == [("from within",), ("first",)]


def test_before_the_restore_a_punch_waits_and_nothing_is_made(process: Process) -> None:
    """No thread, no file; when the snapshot is restored the next mode has what was pushed."""
    threads = threading.active_count()
    process.become(rare_modes.BeforeRestore(process, watched=True))
    process.push(print)
    process.mode.handled(Context())
    process.respond()

    assert (len(process.queue), threading.active_count()) == (1, threads)
    assert process.remaining_time() == float("inf")


def test_alone_the_response_waits_for_the_punch(process: Process) -> None:
    """The main thread comes back when it has run."""
    process.become(modes.Alone(process, watched=True))

    assert ran_behind(process, lambda: process.mode.handled(Context())) == (False, True)
    assert not process.pending


def test_alone_the_response_does_not_wait_past_the_margin(process: Process) -> None:
    """Even if a punch still runs."""
    go_on = threading.Event()
    process.become(modes.Alone(process, watched=True))
    process.begin("request-2", int(time.time() * 1000) + 100)
    process.push(go_on.wait, 10)
    process.respond()

    assert process.pending
    go_on.set()


def test_unheld_a_thread_drains_and_nobody_waits(process: Process) -> None:
    """Managed Instances do not freeze, so there is no end to the time."""
    process.become(rare_modes.Unheld(process, watched=True))

    assert ran_behind(process, lambda: None) == (False, True)
    assert process.remaining_time() == float("inf")


def test_outside_a_punch_runs_at_once(process: Process) -> None:
    """On a thread; handled() and the response mean nothing."""
    process.become(rare_modes.Outside(process))
    done = threading.Event()
    process.push(done.set)

    assert done.wait(5)
    process.mode.handled(None)
    process.respond()


def test_with_the_extension_the_record_says_whether_punches_wait(process: Process, directory: str) -> None:
    """READY at the start, EMPTY behind a response without punches, JOBS behind one with some."""
    file = HandledFile(directory)
    mode = modes.WithExtension(process, file, directory, watched=True, heard=True)
    process.become(mode)
    states = [record(directory)]
    process.respond()
    states.append(record(directory))
    process.begin("request-2", int(time.time() * 1000) + 2800)
    process.push(print)
    process.respond()
    states.append(record(directory))

    assert [each.state if each else None for each in states] == [contract.READY, contract.EMPTY, contract.JOBS]
    file.close()


def test_with_the_extension_a_punch_stands_in_the_ledger(process: Process, directory: str) -> None:
    """From its push to its end."""
    file = HandledFile(directory)
    process.become(modes.WithExtension(process, file, directory, watched=True, heard=True))

    def ledger() -> dict[str, int] | None:
        with open(f"{directory}/jobs-{os.getpid()}", "rb") as data:
            return contract.parse_ledger(data.read())

    process.push(divmod, 1, 1)
    before = ledger()
    process.release_all()
    process.drain.run(float("inf"))

    assert (before, ledger()) == ({"builtins.divmod": 1}, {})
    file.close()


def test_an_extension_whose_file_is_gone_is_given_up_for_good(process: Process, directory: str) -> None:
    """The mode is Alone from then on, and what was pushed is run."""
    file = HandledFile(directory)
    process.become(modes.WithExtension(process, file, directory, watched=True, heard=True))
    os.unlink(f"{directory}/handled")

    assert ran_behind(process, lambda: None) == (False, True)
    assert isinstance(process.mode, modes.Alone)
    file.close()


def test_closed_a_push_is_refused_and_a_response_changes_nothing(process: Process) -> None:
    """The error names the function."""
    process.become(rare_modes.Closed(process))

    with pytest.raises(punch.ShutDownError, match=r"builtins\.print was pushed after the shutdown"):
        process.push(print)
    process.mode.handled(Context())
    process.respond()


def test_inheriting_a_punch_waits_for_the_heirs_drain(process: Process) -> None:
    """Whichever request it belongs to; and there is an end to the time."""
    process.become(rare_modes.Inheriting(process, None))
    process.end_at(time.time() + 1)
    done = threading.Event()
    process.push(done.set)
    process.drain.run(float("inf"))

    assert done.is_set()
    assert process.remaining_time() <= 1


@pytest.mark.parametrize("kind", [testing_modes.Inline, rare_modes.Within])
def test_inline_and_within_a_punch_runs_before_push_returns(process: Process, kind: type[Mode]) -> None:
    """In tests, and as `lambda-punch local --compare` has it."""
    process.become(kind(process))

    assert ran_behind(process, lambda: None)[0]


def test_recording_a_punch_is_kept_and_not_run(process: Process) -> None:
    """With its name and arguments."""
    kept: list[punch.Punch] = []
    process.become(testing_modes.Recording(process, kept))
    process.push(divmod, 1, 2)

    assert [(each.name, each.args, each.kwargs) for each in kept] == [("builtins.divmod", (1, 2), {})]


def test_where_nobody_else_tells_handled_ends_the_response(process: Process) -> None:
    """Under another runtime client than AWS's; and the deadline is the context's."""
    process.become(modes.Alone(process, watched=False))
    done = threading.Event()
    process.push(done.set)
    process.mode.handled(Context())

    assert done.is_set()
    assert process.request_id == "request-1"
    assert 2 < process.until - time.time() < 3


FORKED = """
import os, sys, time
import lambda_punch as punch
from lambda_punch.runtime.start import process
{before}
child = os.fork()
if child == 0:
    print(type(process.mode).__name__, len(process.queue), flush=True)
    punch.start()
    print(type(process.mode).__name__, flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


@pytest.mark.parametrize(
    ("before", "became"), [("punch.start(); punch.push(time.sleep, 0.2)", "Outside"), ("pass", "Outside")]
)
def test_a_forked_child_begins_anew(before: str, became: str) -> None:
    """It has no punches, and its first event starts it, as off Lambda."""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED.format(before=before)], capture_output=True, text=True, check=True
    )

    assert ran.stdout.split() == ["Starting", "0", became]
