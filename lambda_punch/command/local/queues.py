"""``lambda-punch local --queue``: queues on this machine, whose messages are delivered to the function."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from lambda_punch.local import LocalLambdaError
from lambda_punch.local.queues.sqs_server import SqsServer, dead_letters

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lambda_punch.command.page.queues import Queues
    from lambda_punch.local import LocalLambda
    from lambda_punch.local.queues.event_source import Delivered, EventSource

    from .console import Console

    # Makes an environment of the function, given the variables to add.
    Make = Callable[[Mapping[str, str]], LocalLambda]


class Polled(NamedTuple):
    """The server of the queues, the variables to find it by, and the pollers. Without queues there is nothing of it."""

    server: SqsServer | None = None
    variables: Mapping[str, str] = {}
    sources: Sequence[EventSource] = ()

    def shown(self) -> Queues | None:
        """Return the queues for the page; from now on this process's SQS is that server."""
        if self.server is None:
            return None
        from lambda_punch.command.page.queues import Queues, Seen
        from lambda_punch.jobs import aws
        from lambda_punch.local.queues.contents import contents

        aws.use("sqs", self.server.client)
        return Queues(seen=Seen(contents, self._running) if self.server.is_ours else None)

    def _running(self) -> set[str]:
        return set().union(*(source.running for source in self.sources))


@contextmanager
def polled(arguments: argparse.Namespace, make: Make, console: Console) -> Iterator[Polled]:
    """Poll the named queues while the block runs."""
    if not arguments.queue:
        yield Polled()
        return
    from lambda_punch.local.queues.event_source import EventSource, EventSourceMapping

    with SqsServer(arguments.sqs_endpoint) as server:
        console.say(f"SQS at {server.endpoint}: {', '.join(arguments.queue)}")
        mapping = EventSourceMapping(
            batch_size=arguments.batch_size,
            window=arguments.batch_window,
            duplicates=arguments.duplicates,
            throttles=arguments.throttles,
        )
        from .schedules import Schedules

        schedules = Schedules(arguments, server, console) if arguments.image is None else None
        functions: list[LocalLambda] = []
        sources: list[EventSource] = []
        try:
            for queue in arguments.queue:
                mine = [make(server.variables) for _ in range(max(1, arguments.pollers))]
                functions += mine
                sources.append(
                    EventSource(
                        server, queue, mine, timeout=arguments.timeout, mapping=mapping,
                        on_batch=lambda delivered: show(console, delivered),
                    )
                )  # fmt: skip
            for function in functions:
                function.start()
            for source in sources:
                source.start()
            if schedules is not None:
                schedules.start()
            yield Polled(server, server.variables, sources)
        finally:
            if schedules is not None:
                schedules.stop()
            for source in sources:
                source.stop()
            for function in functions:
                function.shutdown(abandon=True)
            _show_ends(console, server, arguments.queue)


def wait(sources: Sequence[EventSource], console: Console, *, for_ever: bool) -> None:
    """Wait until the queues are empty: every message is done or dead. ``for_ever``: wait for further ones, until Ctrl-C."""
    if sources:
        console.say(
            "waiting for messages; Ctrl-C ends" if for_ever else "waiting until the queues are empty; Ctrl-C ends"
        )
    if sources and for_ever:
        threading.Event().wait()
    while not all(source.wait_idle(timeout=0.5) for source in sources):
        threading.Event().wait(0.1)


def show(console: Console, delivered: Delivered) -> None:
    """Print what became of a batch."""
    count = len(delivered.records)
    if delivered.invocation is None:
        console.say(f"{delivered.queue}: a batch of {count} was throttled")
        return
    took = delivered.invocation.responded_at - delivered.invocation.sent_at
    answer = "" if delivered.invocation.ok else f"; {delivered.invocation.error_type}"
    console.say(
        f"{delivered.queue}: {count - len(delivered.failed)} of {count} messages done in {took * 1000:.0f} ms{answer}"
    )


def _show_ends(console: Console, server: SqsServer, queues: list[str]) -> None:
    try:
        for name in queues:
            url, _ = server.queue(name, visibility=30)
            dead, _ = server.queue(dead_letters(name), visibility=30)
            visible, in_flight, delayed = server.counts(url)
            left = f"{visible} visible, {in_flight} in flight or waiting for a retry, {delayed} delayed"
            console.say(f"{name}: {left}; {sum(server.counts(dead))} dead letters")
    except LocalLambdaError as error:
        console.complain(str(error))
    except Exception as error:  # noqa: BLE001 - another endpoint's queues need not have dead letters
        console.complain(f"the queues cannot be counted: {error}")
