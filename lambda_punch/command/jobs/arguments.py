"""The arguments that several subcommands of ``jobs`` have, and what they mean."""

from __future__ import annotations

import argparse
import os
import re
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lambda_punch.jobs.operating.carrying import Order
    from lambda_punch.jobs.operating.places import Dead
    from lambda_punch.jobs.operating.selection import Selection

_LENGTH = re.compile(r"(\d+)([smhd])\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def add_connection(parser: argparse.ArgumentParser) -> None:
    """Add what says where SQS is."""
    add = parser.add_argument_group("AWS").add_argument
    add("--profile", metavar="NAME", help="a profile of the AWS configuration (default: as for the AWS command line)")
    add("--region", metavar="NAME", help="the region (default: as for the AWS command line)")
    add("--endpoint", metavar="URL", help="another server that speaks SQS, such as the one of lambda-punch local")


def connect(arguments: argparse.Namespace) -> None:
    """Have boto3, in this process and in what it starts, use what the arguments say. Raises MissingExtraError."""
    from lambda_punch.jobs import aws

    aws.require("lambda-punch jobs", extra="jobs")
    if arguments.profile:
        os.environ["AWS_PROFILE"] = arguments.profile
        for key in _KEYS:  # boto3 would prefer them to the profile
            os.environ.pop(key, None)
    if arguments.region:
        os.environ["AWS_REGION"] = os.environ["AWS_DEFAULT_REGION"] = arguments.region
    elif "AWS_REGION" in os.environ:  # which Lambda and many tools set, and boto3 does not read
        os.environ.setdefault("AWS_DEFAULT_REGION", os.environ["AWS_REGION"])
    if arguments.endpoint:
        for variable in ("AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_CLOUDWATCH"):
            os.environ[variable] = arguments.endpoint
    aws.forget()


def add_queue(parser: argparse.ArgumentParser) -> None:
    """Add the queue whose dead letters are meant."""
    add = parser.add_argument
    add("queue", metavar="QUEUE", help="the queue, or its dead-letter queue: a name, a URL or an ARN")
    add("--itself", action="store_true", help="QUEUE is the dead-letter queue, whatever its redrive policy says")


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Add what says which letters are meant."""
    add = parser.add_argument_group("which dead letters").add_argument
    add("--job", metavar="NAME", help="of this job; * stands for anything")
    add(
        "--error", metavar="TEXT", help="with this error: its type (* as above), or a part of its text or of the reason"
    )
    add("--after", metavar="TIME", type=_moment, help="that died since then: 2026-05-01T12:30Z, or 90m, 12h, 7d ago")
    add("--before", metavar="TIME", type=_moment, help="that died before then")


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Add the queue and what says which letters are meant, for a subcommand that changes something."""
    add_queue(parser)
    parser.add_argument("ids", metavar="ID", nargs="*", help="ids of jobs or messages, or at least 8 characters of one")
    add_filters(parser)
    add = parser.add_argument
    add("--all", action="store_true", help="all of them; needed if nothing else says which")
    add("--limit", metavar="N", type=count, help="no more than so many")
    add("--dry-run", action="store_true", help="say what would be done, and do nothing")
    add("--json", action="store_true", help="print a line of JSON for each")
    add_connection(parser)


def selection(arguments: argparse.Namespace, dead: Dead) -> Selection:
    """Return which letters are meant."""
    from lambda_punch.jobs.operating.selection import Selection

    source = None if dead.of is None else dead.of.name
    ids = tuple(getattr(arguments, "ids", ()))
    return Selection(ids, arguments.job, arguments.error, arguments.after, arguments.before, source)


def order(arguments: argparse.Namespace, dead: Dead) -> Order | None:
    """Return what is to be done, or None if nothing says which letters are meant."""
    from lambda_punch.jobs.operating.carrying import Order

    meant = selection(arguments, dead)
    if not (meant.says_something or arguments.all or arguments.limit):
        return None
    return Order(meant, arguments.limit or float("inf"), dry=arguments.dry_run)


def count(text: str) -> int:
    """Read a number of letters. Raises ArgumentTypeError."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, not {text}")
    return int(text)


def _moment(text: str) -> float:
    """Return epoch seconds. A time without a zone is UTC, as the lists show it."""
    if found := _LENGTH.match(text):
        return time.time() - int(found[1]) * _SECONDS[found[2]]
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be a time like 2026-05-01T12:30Z, or 90m, 12h, 7d ago, not {text}"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
