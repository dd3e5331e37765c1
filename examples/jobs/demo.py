"""The demo of durable jobs on local queues: an order, its three jobs, and a message that cannot be run.

Exits with 1 if what it shows is not what it claims.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lambda_punch.command.local.chart import render
from lambda_punch.errors import LambdaPunchError
from lambda_punch.installer import staged
from lambda_punch.local import LocalLambda, Timeline
from lambda_punch.local.queues.event_source import EventSource
from lambda_punch.local.queues.sqs_server import SqsServer, dead_letters

if TYPE_CHECKING:
    from lambda_punch.local.queues.event_source import Delivered

HERE = Path(__file__).parent
QUEUE = "orders"
POISON = '{"lambda_punch": 99, "job": "app.from_the_future"}'
_VISIBILITY = 3  # seconds: short, so that the poison need not be waited for long
_RECEIVES = 4
_LONGEST = 60.0


class Screen:
    """Prints lines with the time since the beginning; from any thread."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._lock = threading.Lock()

    def say(self, who: str, text: str) -> None:
        with self._lock:
            print(f"{time.monotonic() - self._began:6.2f} s  {who:9} {text}", flush=True)

    def show_batch(self, delivered: Delivered) -> None:
        for record in delivered.records:
            word = "stays in the queue" if record["messageId"] in delivered.failed else "deleted"
            attempt = json.loads(record["body"]).get("attempt", "-")
            self.say("mapping", f"{name_of(record['body']):20} attempt {attempt}: {word}")


def name_of(body: str) -> str:
    return str(json.loads(body)["job"]).removeprefix("app.")


def main() -> int:
    argparse.ArgumentParser(description="Show durable jobs on a local Lambda and a local SQS.").parse_args()
    try:
        with staged() as extension, SqsServer() as server, tempfile.TemporaryDirectory() as directory:
            return show(server, extension, Path(directory))
    except (LambdaPunchError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


def show(server: SqsServer, extension: Path, directory: Path) -> int:
    screen = Screen()
    url, _ = server.queue(QUEUE, visibility=_VISIBILITY, max_receive_count=_RECEIVES)
    dead, _ = server.queue(dead_letters(QUEUE), visibility=30)
    said: list[str] = []

    def function(name: str) -> LocalLambda:
        def log(_source: str, line: str) -> None:
            line = line.partition('{"_aws"')[0]  # the rest are the metrics, which CloudWatch would take from here
            if line:
                said.append(line)
                screen.say(name, line.splitlines()[0].split("\t")[-1])

        env = {
            **server.variables,
            "TRIES": str(directory / "tries"),
            "LAMBDA_PUNCH_DIR": str(directory / name),
            "LAMBDA_PUNCH_QUEUES": json.dumps(
                {QUEUE: {"url": url, "max_receive_count": _RECEIVES, "dead_letters": dead_letters(QUEUE)}}
            ),
        }
        return LocalLambda(
            "app.handler", task_root=HERE, extensions=[extension], env=env, function_name=name, on_log=log, timeout=3
        )

    with function("web") as web, function("worker") as worker:
        source = EventSource(server, QUEUE, [worker], timeout=3, on_batch=screen.show_batch)
        answer = web.invoke({"body": json.dumps({"order": "order-1"})})
        took = (answer.responded_at - answer.sent_at) * 1000
        screen.say("caller", f"{answer.json()['statusCode']} after {took:.0f} ms; the three jobs are sent after it")
        web.wait_idle(timeout=10)
        server.client.send_message(QueueUrl=url, MessageBody=POISON)
        show_contents(screen, server, url, dead)
        source.start()
        idle = wait(screen, source, server, url, dead)
        source.stop()
    print("\nthe worker's environment\n")
    timeline = Timeline.from_events(worker.events)
    print(render(timeline.rows, scale=timeline.scale, width=110))
    print(f"{QUEUE}: empty" if idle else f"{QUEUE}: {server.counts(url)}")
    print("\nwhat an operator does with the dead letters")
    listed = operator(server, "list", QUEUE)
    ran = operator(server, "run", QUEUE, "--job", "app.print_label")
    left = operator(server, "stats", QUEUE)
    return 0 if idle and is_as_claimed(said, listed, ran, left) else 1


def wait(screen: Screen, source: EventSource, server: SqsServer, url: str, dead: str) -> bool:
    """Show the queues each second until every message is done or dead."""
    until = time.monotonic() + _LONGEST
    while time.monotonic() < until:
        if source.wait_idle(timeout=1):
            show_contents(screen, server, url, dead)
            return True
        show_contents(screen, server, url, dead)
    return False


def show_contents(screen: Screen, server: SqsServer, url: str, dead: str) -> None:
    visible, in_flight, _ = server.counts(url)
    buried = sum(server.counts(dead))
    screen.say("queue", f"{visible} visible, {in_flight} in flight or put off; {buried} dead letters")


def operator(server: SqsServer, *words: str) -> str:
    """Show and run a command as one types it; return what it prints. Against AWS it would need no variables."""
    print(f"\n$ lambda-punch jobs {' '.join(words)}", flush=True)
    command = [sys.executable, "-m", "lambda_punch", "jobs", *words, "--endpoint", server.endpoint]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **server.variables})
    print(ran.stdout, end="", flush=True)
    if ran.returncode:
        print(ran.stderr, end="", file=sys.stderr)
    return ran.stdout


def is_as_claimed(said: list[str], listed: str, ran: str, left: str) -> bool:
    """Tell whether each job came to the end that the demo is about, and the operator's commands did what they say."""
    lines = "\n".join(said)
    return (
        "shipped order-1" in lines
        and "charged order-1 at try 3" in lines
        and lines.count("shipped order-1") == 1
        and len(listed.splitlines()) == 3
        and all(text in listed for text in ("it has used up its retries (1)", "no paper for order-1", "poison: "))
        and "from_the_future" not in ran
        and "1 of queue orders-dead sent afresh" in ran
        and left.splitlines()[-1].split() == [QUEUE, "1", "0", "0", "-", "1", dead_letters(QUEUE)]
    )


if __name__ == "__main__":
    sys.exit(main())
