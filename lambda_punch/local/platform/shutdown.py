"""The end of a generation: who gets which signal or event, in which order, and how much time.

Sources: "Shutdown phase" in "Understanding the Lambda execution environment lifecycle" of the AWS Lambda Developer
Guide (the times), and ``rapid/shutdown.go`` in github.com/aws/aws-lambda-runtime-interface-emulator (the order).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .changes import DeadlineError
from .extensions_api import SHUTDOWN, Extension
from .next_events import ShutdownReason, shutdown_event
from .recording import PLATFORM, RUNTIME

if TYPE_CHECKING:
    from .generation import Generation
    from .host import MainProcess

TOTAL_SECONDS = 2.0
RUNTIME_SHARE_SECONDS = 0.3
RUNTIME_SHARE_WITH_INTERNAL_SECONDS = 0.5
# how long a process may take to vanish after SIGKILL before we go on without it
_KILLED_SECONDS = 2.0


async def end(generation: Generation, reason: ShutdownReason) -> None:
    """End every process of a generation. The environment must not be frozen; returns when all is over."""
    generation.ending = True
    begun = time.monotonic()
    recorder = generation.recorder
    recorder.record(PLATFORM, "shutdown", reason=reason, deadline=begun + TOTAL_SECONDS)
    await _end_runtime(generation, begun)
    await _end_extensions(generation, reason, begun + TOTAL_SECONDS)
    swept = await generation.host.sweep()
    generation.close()
    if swept:
        recorder.record(PLATFORM, "swept", pids=swept)
    recorder.record(PLATFORM, "down", reason=reason)


async def _end_runtime(generation: Generation, begun: float) -> None:
    process = generation.processes.get(RUNTIME)
    if process is None or not process.running:
        return
    # without any extension there is no grace: production sends no SIGTERM at all
    if len(generation.extensions):
        share = RUNTIME_SHARE_WITH_INTERNAL_SECONDS if generation.extensions.internal else RUNTIME_SHARE_SECONDS
        generation.recorder.record(RUNTIME, "sigterm", share=share)
        await generation.host.terminate(process)
        await _wait(generation, [process], begun + share)
    await _kill(generation, process)


async def _end_extensions(generation: Generation, reason: ShutdownReason, deadline: float) -> None:
    running = [
        (extension, process)
        for extension in generation.extensions.external
        if (process := generation.process_of(extension)) is not None and process.running
    ]
    for extension, process in running:
        if SHUTDOWN in extension.events:
            _tell(generation, extension, reason, deadline)
        else:
            await _kill(generation, process)
    await _wait(generation, [process for _, process in running], deadline)
    for _, process in running:
        await _kill(generation, process)


def _tell(generation: Generation, extension: Extension, reason: ShutdownReason, deadline: float) -> None:
    # a busy extension gets it when it asks for its next event, if it still does
    generation.mailboxes[extension.source].put(shutdown_event(reason, deadline))


async def _kill(generation: Generation, process: MainProcess) -> None:
    if process.running:
        generation.recorder.record(process.source, "sigkill")
        await generation.host.kill(process)
        await _wait(generation, [process], time.monotonic() + _KILLED_SECONDS)


async def _wait(generation: Generation, processes: list[MainProcess], deadline: float) -> None:
    try:
        await generation.changes.until(lambda: not any(process.running for process in processes), deadline)
    except DeadlineError:
        return
