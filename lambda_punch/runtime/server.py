"""The drain thread: a drain request comes in by ZeroMQ, the drain runs, the answer goes out.

The only file of the library that opens a ZeroMQ socket, on the thread itself at the first jobs. The socket takes
requests of fixed shape and bounded size; what does not fit is passed over. A request can start nothing but the drain
of the request that has just been announced.
"""

from __future__ import annotations

import os

from lambda_punch import _contract
from lambda_punch.runtime import threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_punch.runtime.drain import Drained
    from lambda_punch.runtime.zeromq import Socket

    Run = Callable[[str, float], Drained | None]


class DrainServer:
    """Answers the extension for the life of the process."""

    def __init__(self, directory: str, run: Run, on_failure: Callable[[], None]) -> None:
        """``run(request_id, until)`` drains, or returns None for a request that is not the announced one.

        ``on_failure`` is called on its thread if it cannot go on.
        """
        self._directory = directory
        self._run = run
        self._on_failure = on_failure
        self._retired = False
        self._socket: Socket | None = None

    def start(self) -> None:
        """Begin to answer, on a thread of its own. Raises RuntimeError where the system refuses one."""
        threads.start(threads.DRAIN, self._serve, died=lambda _error: self._on_failure())

    def retire(self) -> None:
        """End when the drain that runs has ended; another one takes the requests from now on."""
        self._retired = True
        _retired.append(self)
        try:
            os.unlink(_contract.drain_endpoint(self._directory, os.getpid()).removeprefix("ipc://"))
        except OSError:
            pass  # so that nobody comes here any more; where nobody can, that is as well

    def _serve(self) -> None:
        server = self._socket = _bind(
            self._directory
        )  # kept: its end would remove the path, which is another's by then
        while not self._retired:
            sender, *frames = server.receive(wait=True) or [b""]
            if (answer := self._answer(frames)) is not None and not self._retired:
                server.send([sender, *answer])

    def _answer(self, frames: list[bytes]) -> list[bytes] | None:
        if len(frames) != 4 or frames[1] != _contract.DRAIN or not frames[3].isdigit():
            return None
        version, _, request_id, until_ms = frames
        head = [_contract.MESSAGE_VERSION, _contract.REFUSED, request_id]
        if version != _contract.MESSAGE_VERSION:
            return [*head, b"this library speaks contract version %d" % _contract.VERSION]
        drained = self._run(request_id.decode("ascii", "replace"), int(until_ms[:20]) / 1000)
        if drained is None:
            return [*head, b"not the request that was announced"]
        return [_contract.MESSAGE_VERSION, _contract.DONE, request_id, *(b"%d" % count for count in drained)]


_retired: list[DrainServer] = []


def _bind(directory: str) -> Socket:
    from lambda_punch.runtime.zeromq import router

    return router(_contract.drain_endpoint(directory, os.getpid()), _contract.FRAME_SIZE)
