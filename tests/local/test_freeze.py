"""Freezing: everything stands still while nothing is due."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_punch.local import LocalLambda
    from tests.local.conftest import Scripts


def state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return "gone"


def test_all_stand_still(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """Runtime and extensions are stopped after init and after each invoke, and run in between."""
    with raw(extensions=[scripts.extension()]) as function:
        pids = [function.runtime_pid, *function.extension_pids.values()]
        after_init = [state(pid) for pid in pids]
        function.invoke()
        function.wait_idle(5)
        after_invoke = [state(pid) for pid in pids]
        kinds = [event.kind for event in function.events if event.kind in ("frozen", "thawed")]

    assert after_init == after_invoke == ["T", "T"]
    assert kinds == ["frozen", "thawed", "frozen"]


def test_a_thread_does_not_tick(local: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """A thread of the function makes no step while frozen and goes on at the next invoke, as on Lambda."""
    scripts.function(
        """
        import threading, time
        ticks = 0
        def tick():
            global ticks
            while True:
                time.sleep(0.001)
                ticks += 1
        threading.Thread(target=tick, daemon=True).start()
        def handler(event, context):
            time.sleep(event)
            return ticks
        """
    )
    with local() as function:
        before = function.invoke(0.1).json()
        function.wait_idle(5)
        cpu = Path(f"/proc/{function.runtime_pid}/stat").read_text().split()[13:15]
        with pytest.raises(TimeoutError):
            function.wait_for(lambda event: event.kind == "thawed" and event.at > function.events[-1].at, timeout=0.5)
        assert Path(f"/proc/{function.runtime_pid}/stat").read_text().split()[13:15] == cpu
        after = function.invoke(0).json()

    assert before > 10
    assert after - before < 60


def test_children(raw: Callable[..., LocalLambda]) -> None:
    """Children are frozen too: those in the process group, and those that left it."""
    runtime = """
    inside = subprocess.Popen(["sleep", "60"])
    outside = subprocess.Popen(["sleep", "60"], start_new_session=True)
    say(inside.pid, outside.pid)
    """
    with raw(before=runtime) as function:
        function.invoke()
        function.wait_idle(5)
        pids = [int(pid) for pid in function.logs[0][1].split()]

        assert [state(pid) for pid in pids] == ["T", "T"]


def test_orphaned_daemon(raw: Callable[..., LocalLambda]) -> None:
    """A daemon that was forked twice, during an invoke, is found by its environment, frozen, thawed and ended."""
    runtime = """
    while True:
        request_id, event = next_invocation()
        if event == "spawn":
            subprocess.run(["sh", "-c", "setsid sh -c 'sleep 60 & echo $!' & wait"])
        respond(request_id)
    """
    with raw(runtime) as function:
        function.invoke("spawn")
        function.wait_idle(5)
        daemon = int(function.logs[0][1])
        frozen = state(daemon)
        function.invoke("")
        function.wait_idle(5)

    assert frozen == "T"
    assert state(daemon) in ("Z", "gone")


def test_no_freeze(raw: Callable[..., LocalLambda]) -> None:
    """Without freezing the environment still becomes idle, and runs on."""
    with raw(freeze=False) as function:
        function.invoke()
        function.wait_idle(5)

        assert state(function.runtime_pid) != "T"
        assert "frozen" not in [event.kind for event in function.events]


def test_no_freeze_with_a_queue(raw: Callable[..., LocalLambda]) -> None:
    """The environment goes from one invoke to the next without freezing while calls are queued."""
    with raw("while True:\n    r, e = next_invocation()\n    time.sleep(0.1)\n    respond(r, e)") as function:
        for future in [function.submit(n) for n in range(3)]:
            future.result()
        function.wait_idle(5)
        kinds = [event.kind for event in function.events if event.kind in ("frozen", "thawed", "invoke-done")]

    assert kinds == ["frozen", "thawed", "invoke-done", "invoke-done", "invoke-done", "frozen"]
