"""One drain request to the library, and the wait for its answer.

Only this file loads ZeroMQ, and it is imported at the first jobs: a function that never pushes does not pay for it.
"""

import time

from . import contract, zeromq
from .log import debug, error
from .watch import HandledFile

_RETRY_MS = 2  # the library binds its socket at the first jobs, at the same time as we connect


class Drain:
    """Asks the runtime process to drain its queue and waits for the answer; for one thread."""

    def __init__(self, directory: str, handled: HandledFile) -> None:
        self._directory = directory
        self._handled = handled
        self._socket: zeromq.Socket | None = None
        self._pid = 0

    def request(self, record: "contract.Record", request_id: str, until_ms: int) -> None:
        """Send the request; return when it is answered or refused, or at ``until_ms`` (epoch).

        Also return when the runtime has died, or has taken its announcement back.
        """
        if not self._ask(record, request_id, until_ms):
            self._forget()  # it may never answer again, and another socket may soon be at the same path

    def _ask(self, record: "contract.Record", request_id: str, until_ms: int) -> bool:
        """Send and wait; tell whether the answer has come."""
        channel = self._connection(record.pid)
        request = [contract.MESSAGE_VERSION, contract.DRAIN, request_id.encode("ascii"), b"%d" % until_ms]
        channel.send(request)
        while (remaining := until_ms - time.time() * 1000) > 0:
            if self._answered(channel, request_id):
                return True
            if not self._handled.wait(record.pid, remaining, channel.descriptor):
                debug(f"the runtime process {record.pid} has ended, or has removed the handled-file")
                return False
            now = self._handled.read()
            if now is not None and now.state == contract.EMPTY and now.sequence > record.sequence:
                return False
        return False

    def _forget(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connection(self, pid: int) -> "zeromq.Socket":
        if self._socket is not None and pid == self._pid:
            return self._socket
        self._forget()
        endpoint = contract.drain_endpoint(self._directory, pid)
        self._socket = zeromq.dealer(endpoint, contract.FRAME_SIZE, _RETRY_MS)
        self._pid = pid
        return self._socket

    def _answered(self, channel: "zeromq.Socket", request_id: str) -> bool:
        """Read what has arrived; tell whether the answer to this request was there."""
        while True:
            frames = channel.receive(wait=False)
            if frames is None:
                return False
            if len(frames) < 3 or frames[2] != request_id.encode("ascii"):
                debug(f"ignored an answer to another request: {frames!r:.200}")
                continue
            if frames[1] == contract.REFUSED:
                error(f"the function refused to drain: {b' '.join(frames[3:])!r:.200}")
            return True
