"""The end of an environment: signals, events, budgets, and what becomes of children."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_punch.local import Event, LocalLambda
    from tests.local.conftest import Scripts

# Threads do not take SIGTERM: a main thread that sleeps, and does not get it itself, would not run Python's handler.
MASK = "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n"
INNER = (
    MASK + 'inner = register(name="inner")\nthreading.Thread(target=next_event, args=(inner,), daemon=True).start()\n'
)
STUBBORN = f"""
signal.signal(signal.SIGTERM, lambda *_: say("term"))
{MASK}
threading.Thread(target=next_invocation, daemon=True).start()
signal.pthread_sigmask(signal.SIG_UNBLOCK, {{signal.SIGTERM}})
while True:
    time.sleep(60)
"""
LAST_WORDS = """
identifier = register("INVOKE", "SHUTDOWN")
event = {}
while event.get("eventType") != "SHUTDOWN":
    event = next_event(identifier)
say(event["shutdownReason"], event["deadlineMs"] / 1000 - time.time())
"""


def ending(function: LocalLambda) -> list[Event]:
    """Return the events from the beginning of the shutdown."""
    kinds = [event.kind for event in function.events]
    return function.events[kinds.index("shutdown") :]


def at(events: list[Event], source: str, kind: str) -> float:
    """Seconds from the beginning of the shutdown to an event."""
    return next(event.at for event in events if (event.source, event.kind) == (source, kind)) - events[0].at


def test_without_extensions(raw: Callable[..., LocalLambda]) -> None:
    """With no extension registered the runtime is killed at once, without SIGTERM."""
    with raw(STUBBORN) as function:
        pass

    events = ending(function)
    assert "sigterm" not in [event.kind for event in events]
    assert function.logs == []
    assert at(events, "platform", "down") < 0.3


def share_of(events: list[Event]) -> float:
    """How long the runtime may take after SIGTERM, as the platform had it in mind; a busy machine may be later."""
    return float(next(event for event in events if event.kind == "sigterm").detail["share"])


def test_internal_only(raw: Callable[..., LocalLambda]) -> None:
    """With an internal extension only, the runtime gets SIGTERM, and SIGKILL after 500 ms."""
    with raw(STUBBORN, before=INNER) as function:
        pass

    events = ending(function)
    assert share_of(events) == 0.5
    assert 0.49 <= at(events, "runtime", "sigkill") < 2.0
    assert function.logs == [("runtime", "term")]


@pytest.mark.parametrize(("internal", "share"), [(False, 0.3), (True, 0.5)])
def test_share_of_the_runtime(raw: Callable[..., LocalLambda], scripts: Scripts, internal: bool, share: float) -> None:
    """With an external extension the runtime has 300 ms, 500 with an internal one besides; only then comes SHUTDOWN."""
    with raw(STUBBORN, before=INNER if internal else "", extensions=[scripts.extension(LAST_WORDS)]) as function:
        pass

    events = ending(function)
    reason, left = dict(function.logs)["extension:watcher"].split()
    assert share_of(events) == share
    assert share - 0.01 <= at(events, "runtime", "sigkill") < 2.0
    assert at(events, "extension:watcher", "event-delivered") >= at(events, "runtime", "exited")
    assert reason == "spindown"
    assert 0 < float(left) <= 2 - share + 0.01


def test_prompt_runtime(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """A runtime that exits on SIGTERM leaves the extension nearly the whole two seconds."""
    with raw(extensions=[scripts.extension(LAST_WORDS)]) as function:
        pass

    assert float(dict(function.logs)["extension:watcher"].split()[1]) > 1.7
    assert "sigkill" not in [event.kind for event in ending(function)]


def test_late_extension_is_killed(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """At 2,000 ms an extension that is still there gets SIGKILL."""
    with raw(extensions=[scripts.extension(LAST_WORDS + "time.sleep(60)")]) as function:
        pass

    assert 1.99 <= at(ending(function), "extension:watcher", "sigkill") < 4.0


def test_unsubscribed_extension_is_killed(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """An extension without a SHUTDOWN subscription gets SIGKILL and no event, when the runtime is gone."""
    with raw(extensions=[scripts.extension('next_event(register("INVOKE"))\nsay("told")')]) as function:
        pass

    events = ending(function)
    assert at(events, "extension:watcher", "sigkill") >= at(events, "runtime", "exited")
    assert at(events, "platform", "down") < 1
    assert function.logs == []


def test_sigterm_reaches_the_group(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """SIGTERM goes to the runtime's whole process group, thawed beforehand."""
    child = """
import signal, sys, time
signal.signal(15, lambda *_: print("child", file=sys.stderr))
print("up", flush=True)
time.sleep(9)
"""
    runtime = f"""
child = subprocess.Popen([sys.executable, "-IS", "-c", {child!r}], stdout=subprocess.PIPE)
child.stdout.readline()
signal.signal(signal.SIGTERM, lambda *_: (child.wait(), os._exit(0)))
threading.Thread(target=next_invocation, daemon=True).start()
while True:
    time.sleep(60)
"""
    with raw(runtime, extensions=[scripts.extension(LAST_WORDS)]) as function:
        pass

    assert ("runtime", "child") in function.logs


def test_detached_child_lives_until_the_extensions_are_done(
    raw: Callable[..., LocalLambda], scripts: Scripts, tmp_path: Path
) -> None:
    """A detached child outlives the runtime as long as an extension works, and not a moment longer."""
    beat = tmp_path / "beat"
    child = f"""
import os, time
while True:
    with open("{beat}.new", "w") as file:
        file.write(str(time.monotonic()))
    os.replace("{beat}.new", "{beat}")
    time.sleep(0.01)
"""
    runtime = f"""
child = subprocess.Popen([sys.executable, "-IS", "-c", {child!r}], start_new_session=True)
say(child.pid)
next_invocation()
"""
    watcher = scripts.extension(LAST_WORDS + "time.sleep(0.5)")
    with raw(runtime, extensions=[watcher]) as function:
        pass

    events = ending(function)
    pid = int(dict(function.logs)["runtime"])
    assert float(beat.read_text()) - events[0].at > at(events, "runtime", "exited") + 0.3
    assert [event.detail["pids"] for event in events if event.kind == "swept"] == [[pid]]
    assert not Path(f"/proc/{pid}/exe").exists()  # gone, or a zombie that waits for its reaper


def test_busy_extension_is_told_when_it_polls(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """After a timeout, a late poller gets SHUTDOWN, whatever it was doing."""
    slow = scripts.extension(
        """
        identifier = register("INVOKE", "SHUTDOWN")
        next_event(identifier)
        time.sleep(0.6)
        say(next_event(identifier)["shutdownReason"])
        """
    )
    with raw(extensions=[slow], timeout=0.3) as function:
        assert function.invoke().ok
        function.wait_for(lambda event: event.kind == "down", timeout=5)

    assert ("extension:watcher", "timeout") in function.logs


def test_killed_with_its_parent(scripts: Scripts, tmp_path: Path) -> None:
    """When the process that runs the local Lambda is killed, nothing stays behind, frozen or not."""
    scripts.function(
        """
        import subprocess
        child = subprocess.Popen(["sleep", "60"], start_new_session=True)
        def handler(event, context):
            return child.pid
        """
    )
    program = f"""
        import time
        from lambda_punch.local import LocalLambda
        with LocalLambda("app.handler", task_root={str(tmp_path)!r}) as function:
            child = function.invoke().json()
            function.wait_idle(5)
            print(function.runtime_pid, child, flush=True)
            time.sleep(60)
    """
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as parent:
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        descriptors = [os.pidfd_open(pid) for pid in pids]
        parent.send_signal(signal.SIGKILL)

    for descriptor in descriptors:
        assert select.select([descriptor], [], [], 5)[0]
        os.close(descriptor)
