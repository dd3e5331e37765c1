"""A host that runs all processes in one container, which lives as long as the environment.

The engine creates, freezes, thaws and removes the container. A process inside it (:mod:`.guest`) starts, signals and
watches the extensions and the runtime. To ask the engine for that would take longer than Lambda gives for a shutdown,
and would not show what a process leaves behind. Process ids are those inside the container. For the event loop only.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambda_punch.local.errors import EngineError
from lambda_punch.local.platform.host import LaunchError, MainProcess

from .engine import Container, Engine
from .link import Link, LinkLostError
from .output import emit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lambda_punch.local.platform.configuration import FunctionConfiguration

    from .output import LogCallback

logger = logging.getLogger(__name__)

# for an image that does not set it
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CONNECT_SECONDS = 30.0
_LOOK_SECONDS = 0.2
_LOST_SECONDS = 1.0
_KILLED = -int(signal.SIGKILL)


class ContainerHost:
    """Runs the processes of one environment in a container of the image that the configuration names."""

    def __init__(self, on_line: LogCallback) -> None:
        self._on_line = on_line
        self._link = Link(self._news)
        self._container: Container | None = None
        self._paused = False
        self._sources: dict[int, str] = {}
        self._exits: dict[int, asyncio.Future[int]] = {}
        self._numbers: dict[MainProcess, int] = {}

    async def open(self, configuration: FunctionConfiguration) -> FunctionConfiguration:
        """Start the container; return the configuration with what the image adds.

        Raise EngineError, or MissingExtraError.
        """
        assert configuration.image is not None
        engine = await asyncio.to_thread(Engine)
        image = await asyncio.to_thread(engine.inspect, configuration.image)
        own = [configuration.handler] if configuration.handler else image.command
        command = configuration.runtime_command or [*image.entrypoint, *own]
        if not command:
            raise EngineError(f"the image {configuration.image} does not say what to run; name a handler")
        address = await self._link.listen()
        self._container = await asyncio.to_thread(engine.start, configuration.image, {"LAMBDA_PUNCH_LINK": address})
        await self._connected()
        self._link.lost.add_done_callback(lambda _: self._lost())
        found = await self._link.ask("list")
        return replace(
            configuration,
            handler=configuration.handler or command[-1],
            runtime_command=command,
            extensions=tuple(Path(path) for path in found["paths"]),
            inherited={"PATH": _PATH, **image.variables},
            task_root=Path("/var/task"),
            directory=image.directory,
        )

    async def start(
        self, source: str, argv: Sequence[str], *, variables: Mapping[str, str], directory: str
    ) -> MainProcess:
        """Start a process; raise LaunchError if it cannot be executed."""
        number = self._link.new_id()
        ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._sources[number], self._exits[number] = source, ended
        try:
            answer = await self._link.ask(
                "start", number=number, argv=list(argv), variables=dict(variables), directory=directory
            )
        except LinkLostError:
            answer = {"error": f"fork/exec {argv[0]}: the container has ended"}
        if "error" in answer:
            del self._sources[number], self._exits[number]
            raise LaunchError(answer["error"])
        process = MainProcess(source, answer["pid"], ended)
        self._numbers[process] = number
        return process

    async def terminate(self, process: MainProcess) -> None:
        """Send SIGTERM to the group of a running process."""
        await self._signal(process, signal.SIGTERM)

    async def kill(self, process: MainProcess) -> None:
        """Send SIGKILL to the group of a running process."""
        await self._signal(process, signal.SIGKILL)

    async def freeze(self) -> None:
        """Pause the container once everything written so far has been passed on."""
        if await self._ask("flush") is not None and self._container is not None:
            self._paused = True
            await self._steer(self._container.pause)

    def collect(self) -> None:
        """Do nothing: the lines come over the link by themselves, and the last ones may be late."""

    async def thaw(self) -> None:
        """Unpause the container."""
        if self._paused and self._container is not None:
            self._paused = False
            if not self._link.lost.done():
                await self._steer(self._container.unpause)

    async def sweep(self) -> list[int]:
        """Kill everything that is left in the container; return its pids."""
        answer = await self._ask("sweep") or {"pids": []}
        self._sources.clear()
        self._numbers.clear()
        pids: list[int] = answer["pids"]
        return pids

    async def close(self) -> None:
        """Remove the container."""
        self._link.close()
        if self._container is not None:
            try:
                await asyncio.to_thread(self._container.remove)
            except EngineError as error:
                logger.warning("%s", error)

    async def _connected(self) -> None:
        """Wait for the guest; raise EngineError if the container ends, or cannot reach us."""
        assert self._container is not None
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _CONNECT_SECONDS
        while loop.time() < deadline:
            await asyncio.wait([self._link.connected], timeout=_LOOK_SECONDS)
            if self._link.connected.done():
                return
            words = await asyncio.to_thread(self._container.last_words)
            if words is not None:
                raise EngineError(f"the container ended at once: {words or 'it wrote nothing'}")
        raise EngineError(
            f"the container did not connect to the local Lambda within {_CONNECT_SECONDS:g} s; it has to share this "
            "machine's network, which has to be turned on in Docker Desktop"
        )

    async def _steer(self, act: Callable[[], None]) -> None:
        """Pause or unpause; it is no error if the container has ended in the meantime."""
        try:
            await asyncio.to_thread(act)
        except EngineError:
            await asyncio.wait([self._link.lost], timeout=_LOST_SECONDS)
            if not self._link.lost.done():
                raise

    async def _signal(self, process: MainProcess, number: signal.Signals) -> None:
        # as on Lambda, a group is reached through its main process only: once that has ended, nothing is signalled
        if process.running:
            await self._ask("signal", process=self._numbers[process], signal=int(number))

    async def _ask(self, verb: str, **details: Any) -> dict[str, Any] | None:
        try:
            return await self._link.ask(verb, **details)
        except LinkLostError:
            return None

    def _news(self, message: dict[str, Any]) -> None:
        number = message["process"]
        if "line" in message:
            emit(self._on_line, self._sources.get(number, "unknown"), message["line"])
        else:
            self._ended(number, message["status"])

    def _ended(self, number: int, status: int) -> None:
        ended = self._exits.pop(number, None)
        if ended is not None and not ended.done():
            ended.set_result(status)

    def _lost(self) -> None:
        """Report every process in the container as killed."""
        for number in list(self._exits):
            self._ended(number, _KILLED)
