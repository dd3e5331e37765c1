"""The synchronous face of the local Lambda: what tests, benchmarks and the command line use."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambda_punch.errors import MissingExtraError

from .errors import EnvironmentClosedError
from .platform.configuration import DERIVED, FunctionConfiguration, absolute_paths
from .platform.invocation import Call, Invocation, new_trace_id
from .platform.recording import RUNTIME, Event, Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future
    from types import TracebackType

    from typing_extensions import Self

    from .hosts.output import LogCallback
    from .platform.environment import Environment
    from .platform.host import Host
    from .platform.invocation import OnChunk

_NOT_STARTED = "the environment has not been started; call start() or use it as a context manager"


class LocalLambda:
    """One Lambda execution environment on this machine, as a context manager.

    It runs a handler whose code is in ``task_root``, or a container ``image`` of the function. An image has its own
    code, runtime and extensions; ``handler`` then replaces its CMD, and process ids are those inside the container.

    Entering it starts the extensions, then the runtime, and returns when the init phase is over and the environment is
    frozen. An init that fails is suppressed, as on Lambda: the first invoke tries again and reports the error. Leaving
    it shuts the environment down in Lambda's way. No process outlives it, not even if this process is killed.

    Its methods may be called from any thread. Callbacks (``on_log``, ``on_event``) are called on the platform's own
    thread; they should return quickly and must not call back. Times are in seconds, memory is in MB.

    With ``share_cpu`` the processes together get as much of a core as the memory gives them on Lambda, after the init. It
    needs Linux's control groups, and mostly root, or starting raises OSError; it is not for images.

    Needs the extra ``local`` (aiohttp), and ``image`` (docker) for images. Detached children are found and frozen only
    where there is Linux's ``/proc``. A container is frozen as a whole. It has to be on this machine's network; with
    Docker Desktop that has to be turned on.
    """

    def __init__(  # noqa: PLR0913 - a function's configuration has that many parts
        self,
        handler: str | None = None,
        *,
        image: str | None = None,
        task_root: str | os.PathLike[str] | None = None,
        extensions: Sequence[str | os.PathLike[str]] = (),
        timeout: float = 3.0,
        init_timeout: float = 10.0,
        freeze: bool = True,
        env: Mapping[str, str] | None = None,
        python: str | os.PathLike[str] = sys.executable,
        runtime_command: Sequence[str | os.PathLike[str]] | None = None,
        memory_size: int = 128,
        share_cpu: bool = False,
        function_name: str = "function",
        execution_env: str | None = DERIVED,
        on_log: LogCallback | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        if handler is None and image is None:
            raise ValueError("neither a handler nor an image is given; name one of them")
        if image is not None and (task_root or extensions):
            raise ValueError("an image has its own code and its own extensions; leave out task_root and extensions")
        self._configuration = FunctionConfiguration(
            handler=handler or "",
            image=image,
            task_root=Path(task_root or ".").resolve(),
            extensions=absolute_paths(extensions),
            timeout=timeout,
            init_timeout=init_timeout,
            freeze=freeze,
            variables=dict(env or {}),
            python=os.fspath(python),
            runtime_command=None if runtime_command is None else [os.fspath(part) for part in runtime_command],
            memory_size=memory_size,
            share_cpu=share_cpu,
            function_name=function_name,
            execution_env=execution_env,
        )
        self._on_log = on_log
        self._recorder = Recorder(on_event)
        self._logs: list[tuple[str, str]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._environment: Environment | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._lock = threading.Lock()
        self._unanswered: set[Call] = set()
        self._over = False

    # -- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the environment; return after its init phase. Raise MissingExtraError, or EngineError for an image."""
        try:
            import aiohttp  # noqa: F401 - only those who run a local Lambda need it
        except ImportError as error:
            raise MissingExtraError("aiohttp", extra="local", part="the local Lambda") from error
        self._thread = threading.Thread(target=self._run, name="local-lambda", daemon=True)
        self._thread.start()
        try:
            self._ready.wait()
        except BaseException:  # a KeyboardInterrupt during the init phase
            self.shutdown(abandon=True)
            raise
        if self._failure is not None:
            raise self._failure

    def shutdown(self, *, abandon: bool = False) -> None:
        """End the environment and return when every process has ended; a second call does nothing.

        An invoke under way is waited for, up to the function's timeout: Lambda never ends an environment in the middle
        of one. Calls that are still queued raise EnvironmentClosedError. ``abandon`` breaks off the invoke under way.
        """
        if self._thread is None or self._loop is None or self._environment is None:
            return
        environment = self._environment
        with self._lock:
            if not self._over:
                self._loop.call_soon_threadsafe(lambda: environment.close(abandon=abandon))
        self._thread.join()

    def __enter__(self) -> Self:
        """Start; see :meth:`start`."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Shut down; after an exception, do not wait for an invoke under way."""
        self.shutdown(abandon=error is not None)

    # -- use ----------------------------------------------------------------------------------------------------------

    def invoke(
        self,
        event: Any = None,
        *,
        client_context: str | None = None,
        cognito_identity: str | None = None,
        trace_id: str | None = None,
    ) -> Invocation:
        """Invoke the function and return as soon as its response is here; work in the background goes on.

        ``event`` is any JSON value, or bytes that are sent as they are. Calls from several threads are queued. A
        function that fails is an answer, not an exception. Raise EnvironmentClosedError if the environment is not running.
        """
        future = self.submit(event, client_context=client_context, cognito_identity=cognito_identity, trace_id=trace_id)
        return future.result()

    def submit(
        self,
        event: Any = None,
        *,
        client_context: str | None = None,
        cognito_identity: str | None = None,
        trace_id: str | None = None,
        on_chunk: OnChunk | None = None,
    ) -> Future[Invocation]:
        """Queue an invoke and return at once; the future gets what :meth:`invoke` returns or raises.

        ``on_chunk(bytes, content_type)`` gets each part of a streamed response as soon as the function has sent it.
        """
        if self._loop is None or self._environment is None or not self._ready.is_set():
            raise EnvironmentClosedError(_NOT_STARTED)
        payload = bytes(event) if isinstance(event, (bytes, bytearray)) else json.dumps(event).encode()
        call = Call(payload, client_context, cognito_identity, trace_id or new_trace_id(), on_chunk=on_chunk)
        call.future.set_running_or_notify_cancel()  # it cannot be cancelled from here on: Lambda has no such thing
        with self._lock:
            if self._over:
                raise EnvironmentClosedError("the environment is shut down")
            self._unanswered.add(call)
            self._loop.call_soon_threadsafe(self._environment.submit, call)
        call.future.add_done_callback(lambda _: self._forget(call))
        return call.future

    def _forget(self, call: Call) -> None:
        with self._lock:
            self._unanswered.discard(call)

    def wait_idle(self, timeout: float | None = None) -> None:
        """Wait until every process is done and the environment is frozen, if it freezes. Raise TimeoutError."""
        if self._environment is None:
            raise EnvironmentClosedError(_NOT_STARTED)
        self._hand_in_all()
        if not self._environment.idle.wait(timeout):
            raise TimeoutError(f"the environment is still busy after {timeout} s")

    def _hand_in_all(self) -> None:
        """Wait until the platform has taken in every call submitted before, so that it is not idle by mistake."""
        taken = threading.Event()
        with self._lock:
            if self._over or self._loop is None:
                return
            self._loop.call_soon_threadsafe(taken.set)
        while not taken.wait(0.1):
            if self._over:
                return

    def wait_for(self, predicate: Callable[[Event], bool], timeout: float = 10.0) -> Event:
        """Return the first event that satisfies the predicate, recorded or still to come. Raise TimeoutError."""
        return self._recorder.wait_for(predicate, timeout)

    # -- look ---------------------------------------------------------------------------------------------------------

    @property
    def events(self) -> list[Event]:
        """The events recorded so far."""
        return self._recorder.events()

    @property
    def logs(self) -> list[tuple[str, str]]:
        """Every line that the processes have written, as (source, line); empty if ``on_log`` takes them."""
        return list(self._logs)

    @property
    def runtime_pid(self) -> int | None:
        """The runtime's process id; None while there is none."""
        return self._pids().get(RUNTIME)

    @property
    def extension_pids(self) -> dict[str, int]:
        """The process ids of the external extensions that run, by name."""
        prefix = "extension:"
        return {source[len(prefix) :]: pid for source, pid in self._pids().items() if source.startswith(prefix)}

    def _pids(self) -> dict[str, int]:
        generation = self._environment.generation if self._environment else None
        if generation is None:
            return {}
        return {source: process.pid for source, process in dict(generation.processes).items() if process.running}

    # -- the platform's thread ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits for the start
            self._failure = error
        finally:
            self._finish()

    def _finish(self) -> None:
        """Release everyone who waits: calls without an answer fail, and waits for idleness and for the start end."""
        with self._lock:
            self._over = True
            unanswered = list(self._unanswered)
        reason = "was shut down" if self._failure is None else f"broke down: {self._failure}"
        for call in unanswered:
            if not call.answered:
                call.future.set_exception(EnvironmentClosedError(f"the environment {reason}"))
        if self._environment is not None:
            self._environment.idle.set()
        self._ready.set()

    async def _live(self) -> None:
        from .http.platform_server import PlatformServer
        from .http.telemetry_sender import TelemetrySender
        from .platform.environment import Environment

        self._loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            telemetry = TelemetrySender(self._configuration.memory_size)
            self._recorder.listen(telemetry.on_event)
            stack.push_async_callback(telemetry.close)
            server = PlatformServer(self._recorder, telemetry)
            stack.push_async_callback(server.stop)
            api = await server.start()
            host = self._host(api, telemetry.hearing(self._heard))
            stack.push_async_callback(host.close)
            configuration = await host.open(self._configuration)
            self._environment = server.environment = Environment(configuration, host, self._recorder, api)
            await self._environment.initialise()
            self._ready.set()
            await self._environment.serve()

    def _host(self, api: str, on_line: LogCallback) -> Host:
        if self._configuration.image is not None:
            from .hosts.containers import ContainerHost

            return ContainerHost(on_line)
        from .hosts.processes import ProcessHost

        return ProcessHost(api, on_line)

    def _heard(self, source: str, line: str) -> None:
        if self._environment is not None:
            self._environment.log_tail.hear(line)
        if self._on_log is not None:
            self._on_log(source, line)
        else:
            self._logs.append((source, line))
