"""The Telemetry API and the Logs API: extensions subscribe, and get what happens and what is logged, in batches."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

from lambda_punch.local.platform.recording import RUNTIME
from lambda_punch.local.platform.telemetry import (
    Api,
    Record,
    Subscription,
    Translator,
    closed,
    for_api,
    read_subscription,
    record_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_punch.local.platform.recording import Event

logger = logging.getLogger(__name__)

_HURRIED_SECONDS = 0.025  # how long a batch is gathered while the environment shuts down
_BATCHES_KEPT = 10  # for an extension that does not take them; the oldest records are dropped beyond that


class TelemetrySender:
    """All subscriptions of one environment. For the event loop; what happens on other threads is brought there."""

    def __init__(self, memory_size: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._pids: dict[str, int] = {}
        self._peak = 0
        self._translator = Translator(memory_size, self._peak_memory)
        self._subscribers: list[_Subscriber] = []
        self._early: list[Record] = []
        self._open = True

    def on_event(self, event: Event) -> None:
        """Take what happened."""
        if event.kind == "started":
            self._pids[event.source] = event.detail["pid"]
        if event.kind == "init-start":
            self._open = True
        for record in self._translator.records(event):
            self._publish(record)
        if event.kind in {"init-done", "init-failed"}:
            self._open = False
            self._early.clear()
        elif event.kind == "shutdown":
            for each in self._subscribers:
                each.hurry()
        elif event.kind == "down":
            self._drop_all()

    def hearing(self, on_line: Callable[[str, str], None]) -> Callable[[str, str], None]:
        """Return a listener that takes the lines of the function and of the extensions, and passes them on."""

        def heard(source: str, line: str) -> None:
            if self._open or self._subscribers:
                record = record_of("function" if source == RUNTIME else "extension", line)
                self._loop.call_soon_threadsafe(self._publish, record)
            on_line(source, line)

        return heard

    def subscribe(self, name: str, api: Api, body: bytes) -> None:
        """Take a subscription; raise Refusal."""
        if not self._open:
            raise closed(api)
        subscription = read_subscription(name, api, body)
        self._subscribers = [each for each in self._subscribers if not each.replaced_by(subscription)]
        self._subscribers.append(_Subscriber(subscription))
        for record in self._early:
            self._subscribers[-1].put(record)
        word = "telemetrySubscription" if api == "Telemetry" else "logsSubscription"
        content = {"name": name, "state": "Subscribed", "types": sorted(subscription.types)}
        self._publish(record_of(f"platform.{word}", content))

    async def close(self) -> None:
        """Let go of every connection."""
        await asyncio.gather(*self._drop_all(), return_exceptions=True)

    def _publish(self, record: Record) -> None:
        if self._open:
            self._early.append(record)
        for each in self._subscribers:
            each.put(record)

    def _drop_all(self) -> list[asyncio.Task[None]]:
        dropped, self._subscribers = self._subscribers, []
        return [each.stop() for each in dropped]

    def _peak_memory(self) -> int:
        if self._subscribers:  # nobody else asks
            self._peak = max(self._peak, sum(map(_peak_megabytes, self._pids.values())))
        return self._peak


class _Subscriber:
    """Gathers the records of one subscription and delivers them, one batch at a time."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._dropped = [0, 0]
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()
        self._timeout = subscription.timeout
        self._task = asyncio.get_running_loop().create_task(self._deliver_all())

    def replaced_by(self, other: Subscription) -> bool:
        """Tell whether the other is of the same extension and API; if so, end."""
        same = (self._subscription.name, self._subscription.api) == (other.name, other.api)
        if same:
            self._task.cancel()
        return same

    def put(self, record: Record) -> None:
        if not self._subscription.wants(record):
            return
        for each in for_api(record, self._subscription.api):
            text = json.dumps(each).encode()
            self._waiting.append(text)
            self._size += len(text)
        while self._size > _BATCHES_KEPT * self._subscription.max_bytes and len(self._waiting) > 1:
            lost = len(self._waiting.popleft())
            self._size -= lost
            self._dropped = [self._dropped[0] + 1, self._dropped[1] + lost]
        self._arrived.set()
        if self._is_full():
            self._full.set()

    def hurry(self) -> None:
        """Deliver at once from here on: the extension has little time left."""
        self._timeout = _HURRIED_SECONDS
        self._full.set()

    def stop(self) -> asyncio.Task[None]:
        self._task.cancel()
        return self._task

    def _is_full(self) -> bool:
        return self._size >= self._subscription.max_bytes or len(self._waiting) >= self._subscription.max_items

    async def _deliver_all(self) -> None:
        # frozen processes answer late, so there is no time limit
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
            while True:
                await self._arrived.wait()
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._full.wait(), self._timeout)
                await self._deliver(session, self._take())

    def _take(self) -> list[bytes]:
        batch: list[bytes] = []
        size = 0
        if self._dropped[0]:
            lost = {"droppedRecords": self._dropped[0], "droppedBytes": self._dropped[1], "reason": "not taken in time"}
            batch.append(json.dumps(record_of("platform.logsDropped", lost)).encode())
            self._dropped = [0, 0]
        while self._waiting and len(batch) < self._subscription.max_items and size < self._subscription.max_bytes:
            batch.append(self._waiting.popleft())
            size += len(batch[-1])
        self._size = sum(map(len, self._waiting)) if self._waiting else 0
        if not self._waiting:
            self._arrived.clear()
        if not self._is_full():
            self._full.clear()
        return batch

    async def _deliver(self, session: aiohttp.ClientSession, batch: list[bytes]) -> None:
        for last in (False, True):
            try:
                await self._send(session, batch)
            except (aiohttp.ClientError, OSError) as error:
                if last:
                    logger.warning("%s did not take its telemetry: %s", self._subscription.name, error)
                else:
                    await asyncio.sleep(_HURRIED_SECONDS)
            else:
                return

    async def _send(self, session: aiohttp.ClientSession, batch: list[bytes]) -> None:
        if self._subscription.uri is None:
            _, writer = await asyncio.open_connection("127.0.0.1", self._subscription.port)
            writer.write(b"\n".join(batch) + b"\n")
            await writer.drain()
            writer.close()
            return
        uri = urlsplit(self._subscription.uri)
        url = uri._replace(netloc=f"127.0.0.1:{uri.port}").geturl()  # this machine does not know the name
        headers = {"Host": uri.netloc, "Content-Type": "application/json"}
        body = b"[" + b",".join(batch) + b"]"
        async with session.request(self._subscription.method, url, data=body, headers=headers) as answer:
            await answer.read()


def _peak_megabytes(pid: int) -> int:
    """Return the most memory that a process has had, 0 where that cannot be told."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    found = next((line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")), "0")
    return int(found) // 1024
