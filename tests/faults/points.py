"""The one table of the places in the product that the faults hang on, and of what can go wrong there.

The product knows nothing of these names, so they cost it nothing: hooks.py wraps the function of a place in the process
under test. test_points.py, which is part of `make quick`, fails when a place is renamed or is not passed any more.
"""

from __future__ import annotations

from typing import NamedTuple

EXTENSION, RUNTIME, HEIR = "extension", "runtime", "heir"
INIT, INVOKE, SHUTDOWN = "init", "invoke", "shutdown"


class Point(NamedTuple):
    """A point of the conversation between the two processes."""

    name: str
    process: str
    where: str
    """A function, as ``module:qualified.name``, or a place in the code of the function under test, in words."""
    when: str = "before"
    """Before the function is called, after it has returned, or, if "true", after it has returned something true."""
    phase: str = INVOKE
    answered: bool = False
    """Whether the caller has its answer by then."""
    over: bool = False
    """Whether Lambda, too, counts the invoke as over: a process that dies here fails the next one, as without us."""


class Message(NamedTuple):
    """A message from one process to the other."""

    name: str
    process: str
    where: str
    """The function that sends it."""
    hit: int
    """Which call of that function sends it."""
    argument: int
    """Which of the function's arguments it is."""
    phase: str = INVOKE


POINTS = [
    Point("extension makes the meeting place", EXTENSION, "extension.main:_meet", phase=INIT),
    Point("extension registers", EXTENSION, "extension.main:_register", phase=INIT),
    Point("extension asks for its first event", EXTENSION, "extension.main:_work", phase=INIT),
    Point("library starts", RUNTIME, "in the module", phase=INIT),
    Point("library has started", RUNTIME, "at the end of the module", phase=INIT),
    Point("extension has INVOKE", EXTENSION, "extension.loop:parse_event"),
    Point("handler begins", RUNTIME, "handler begins"),
    Point("handler has pushed", RUNTIME, "handler has pushed"),
    Point("response is posted", RUNTIME, "lambda_punch.runtime.process:Process.respond", answered=True),
    Point("record is about to be written", RUNTIME, "lambda_punch.runtime.handled:HandledFile.write", answered=True),
    Point("record is written", RUNTIME, "lambda_punch.runtime.handled:HandledFile.write", "after", answered=True),
    Point("extension has the record", EXTENSION, "extension.loop:Holder._have_drained", answered=True),
    Point("drain request is sent", EXTENSION, "extension.zeromq:_Native.send", "after", answered=True),
    Point("drain request is here", RUNTIME, "lambda_punch.runtime.server:DrainServer._answer", answered=True),
    Point("job begins", RUNTIME, "job begins", answered=True),
    Point("job has ended", RUNTIME, "lambda_punch.runtime.process:Process.settle", "after", answered=True),
    Point("answer is about to be sent", RUNTIME, "lambda_punch.runtime.zeromq:_Native.send", answered=True),
    Point("extension has the answer", EXTENSION, "extension.drain:Drain._answered", "true", answered=True, over=True),
    Point("extension asks for its next event", EXTENSION, "extension.loop:_ask_next", answered=True, over=True),
    Point("SIGTERM is here", RUNTIME, "lambda_punch.runtime.signals:Sigterm._end_with_leftovers", phase=SHUTDOWN),
    Point("heir is about to be made", RUNTIME, "lambda_punch.runtime.heir:fork_heir", phase=SHUTDOWN),
    Point("heir is announced", RUNTIME, "lambda_punch.runtime.heir:Heir.begin", phase=SHUTDOWN),
    Point("heir is in a job", HEIR, "heir is in a job", phase=SHUTDOWN),
    Point("extension has SHUTDOWN", EXTENSION, "extension.loop:_shut_down", phase=SHUTDOWN),
]

# Without the extension the runtime's main thread talks to the thread that drains.
POINTS_ALONE = [
    Point("library starts", RUNTIME, "in the module", phase=INIT),
    Point("library has started", RUNTIME, "at the end of the module", phase=INIT),
    Point("handler begins", RUNTIME, "handler begins"),
    Point("handler has pushed", RUNTIME, "handler has pushed"),
    Point("response is posted", RUNTIME, "lambda_punch.runtime.process:Process.respond", answered=True),
    Point("drain is asked for", RUNTIME, "lambda_punch.runtime.worker:Worker.request", answered=True),
    Point("job begins", RUNTIME, "job begins", answered=True),
    Point("drain is over", RUNTIME, "lambda_punch.runtime.drain:Drain.run", "after", answered=True),
    Point("SIGTERM is here", RUNTIME, "lambda_punch.runtime.signals:Sigterm._end_with_leftovers", phase=SHUTDOWN),
    Point(
        "leftovers are done or given up",
        RUNTIME,
        "lambda_punch.runtime.shutdown:Shutdown._finish_alone",
        phase=SHUTDOWN,
    ),
]

# The record "ready" is written before the hooks are there. The warm-up writes one record and sends one request.
MESSAGES = [
    Message("record of a request with jobs", RUNTIME, "os:pwrite", 2, 1),
    Message("record of an heir", RUNTIME, "os:pwrite", 3, 1, SHUTDOWN),
    Message("drain request", EXTENSION, "extension.zeromq:_Native.send", 2, 1),
    Message("answer to it", RUNTIME, "lambda_punch.runtime.zeromq:_Native.send", 2, 1),
]

KILL_RUNTIME, KILL_EXTENSION = "kill -9 the runtime", "kill -9 the extension"
FREEZE, DESCRIPTORS = "freeze for 0.4 s", "no descriptors left"
DISK, DELETED = "no room on the disk", "meeting place deleted"
FAULTS_ALONE = [KILL_RUNTIME, FREEZE, DESCRIPTORS]
FAULTS = [KILL_RUNTIME, KILL_EXTENSION, FREEZE, DESCRIPTORS, DISK, DELETED]
