"""A Kafka broker of one topic for a test: as much of the protocol as a producer needs, and no more."""

from __future__ import annotations

import socketserver
import struct
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

TOPIC = "orders"
_PRODUCE, _METADATA, _API_VERSIONS = 0, 3, 18


class KafkaBroker(socketserver.ThreadingTCPServer):
    """Counts the messages' sets that it is sent."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.taken = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def answer(self, key: int) -> Any:
        from aiokafka.protocol.admin import ApiVersionResponse_v0
        from aiokafka.protocol.metadata import MetadataResponse_v1
        from aiokafka.protocol.produce import ProduceResponse_v2

        if key == _API_VERSIONS:
            return ApiVersionResponse_v0(0, [(_PRODUCE, 2, 2), (_METADATA, 1, 1), (_API_VERSIONS, 0, 0)])
        if key == _METADATA:
            broker = (0, "127.0.0.1", self.server_address[1], None)
            return MetadataResponse_v1([broker], 0, [(0, TOPIC, False, [(0, 0, 0, [0], [0])])])
        assert key == _PRODUCE
        self.taken += 1
        return ProduceResponse_v2([(TOPIC, [(0, 0, self.taken, -1)])], 0)

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Connection(socketserver.StreamRequestHandler):
    server: KafkaBroker

    def handle(self) -> None:
        while head := self.rfile.read(4):
            request = self.rfile.read(*struct.unpack(">i", head))
            key, _, correlation = struct.unpack(">hhi", request[:8])
            answer = struct.pack(">i", correlation) + self.server.answer(key).encode()
            self.wfile.write(struct.pack(">i", len(answer)) + answer)
