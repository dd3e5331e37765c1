"""``lambda-punch cost``: what work behind the response costs in the environment, and what it costs elsewhere."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

# On-demand prices of us-east-1 in US dollars, without the free tier:
# https://aws.amazon.com/lambda/pricing/ and https://aws.amazon.com/sqs/pricing/
# They were not compared with these pages when they were written down, so the command says where to check them.
PRICES_OF = "us-east-1, 2025"
_GB_SECOND = {"x86_64": 0.0000166667, "arm64": 0.0000133334}
_INVOKE = 0.20 / 1_000_000
_SQS_REQUEST = 0.40 / 1_000_000
# An event source asks an idle queue with five long polls of 20 seconds:
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
_IDLE_POLLS_A_MONTH = 5 * 3 * 60 * 24 * 30
_MB_OF_A_GB = 1024


class Way(NamedTuple):
    """One way to do the work: its name, and US dollars a month."""

    name: str
    dollars: float


def declare(parser: argparse.ArgumentParser) -> None:
    """Describe ``cost`` and add its arguments."""
    parser.description = (
        "Say what work behind the response costs in a month: in the function's own environment, in a second function "
        f"behind SQS, and in one that is invoked asynchronously. On-demand prices of {PRICES_OF}, without the free tier; "
        "check them at https://aws.amazon.com/lambda/pricing/ and https://aws.amazon.com/sqs/pricing/"
    )
    add = parser.add_argument
    add("--requests", metavar="N", type=_from(1), default=1_000_000, help="requests in a month (default: a million)")
    add("--tail", metavar="MS", type=_from(0), default=100, help="milliseconds of work behind each (default: 100)")
    add("--memory", metavar="MB", type=_from(128), default=512, help="the function's memory (default: 512)")
    add("--second-memory", metavar="MB", type=_from(128), help="that of the second function (default: the same)")
    add("--send", metavar="MS", type=_from(0), default=10, help="milliseconds that sending takes (default: 10)")
    add("--batch-size", metavar="N", type=_from(1), default=1, help="messages in one batch on average (default: 1)")
    add("--arch", choices=_GB_SECOND, default="x86_64", help="the functions' architecture (default: x86_64)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the table and return the exit status."""
    found = ways(
        arguments.requests,
        arguments.tail,
        arguments.memory,
        second_memory=arguments.second_memory,
        send=arguments.send,
        batch=arguments.batch_size,
        gb_second=_GB_SECOND[arguments.arch],
    )
    print(f"{'work behind the response':44}{'US$ a month':>12}")
    for way in found:
        print(f"{way.name:44}{way.dollars:>12,.2f}")
    print(
        f"\nPrices of {PRICES_OF}, on demand, without the free tier; check them at aws.amazon.com/lambda/pricing and aws.amazon.com/sqs/pricing. The request itself costs the same in each."
    )
    return 0


def ways(  # noqa: PLR0913 - a bill has that many items
    requests: float,
    tail: float,
    memory: float,
    *,
    second_memory: float | None = None,
    send: float = 10,
    batch: float = 1,
    gb_second: float = _GB_SECOND["x86_64"],
) -> list[Way]:
    """Return what each way adds to the requests themselves; ``tail`` and ``send`` are in milliseconds, memory is in MB."""

    def billed(milliseconds: float, megabytes: float) -> float:
        return requests * milliseconds / 1000 * megabytes / _MB_OF_A_GB * gb_second

    elsewhere = billed(send, memory) + billed(tail, second_memory or memory)
    batches = requests / batch
    # a message is sent once, and each batch is received and deleted; an idle queue is polled all the same
    calls = requests + max(batches, _IDLE_POLLS_A_MONTH) + batches
    return [
        Way("after the response, in the same environment", billed(tail, memory)),
        Way("in a second function behind SQS", elsewhere + calls * _SQS_REQUEST + batches * _INVOKE),
        Way("in a second function, invoked asynchronously", elsewhere + requests * _INVOKE),
    ]


def _from(least: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = float(text)
        if not least <= value < float("inf"):
            raise argparse.ArgumentTypeError(f"must be {least:g} or more, not {text}")
        return value

    return number
