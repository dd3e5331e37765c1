"""``lambda-punch jobs ui``: the queues and their dead letters on a page in the browser."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from lambda_punch.errors import MissingExtraError

from . import output
from .arguments import add_connection, connect

if TYPE_CHECKING:
    import argparse


def declare(parser: argparse.ArgumentParser) -> None:
    """Describe ``ui`` and add its arguments."""
    parser.description = (
        "Show the queues and their dead letters on a page in the browser, until Ctrl-C. The page is on this machine's "
        "loopback only. It changes nothing unless --allow-changes is given; a look at dead letters counts as a receive."
    )
    add = parser.add_argument
    add("queues", metavar="QUEUE", nargs="*", help="a name, a URL or an ARN (default: all queues)")
    add("--prefix", metavar="TEXT", default="", help="only queues whose names begin with it")
    add("--allow-changes", action="store_true", help="let the page run jobs again and drop dead letters")
    add("--port", metavar="PORT", type=int, default=0, help="the page's port (default: any free one)")
    add_connection(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show the page until Ctrl-C; return the exit status. Raises QueueError if SQS cannot be asked, before anything is shown."""
    connect(arguments)
    try:
        from lambda_punch.command.page.server import PageServer
    except ImportError as error:
        raise MissingExtraError("aiohttp", extra="jobs", part="lambda-punch jobs ui") from error
    from lambda_punch.command.page.feed import Feed
    from lambda_punch.command.page.queues import Queues
    from lambda_punch.jobs import aws

    queues = Queues(arguments.queues, prefix=arguments.prefix, changes=arguments.allow_changes, ages=True)
    queues.counts()
    about = {"title": f"queues of {arguments.endpoint or aws.client('sqs').meta.region_name}", "only": "queues"}
    try:
        with PageServer(Feed(), port=arguments.port, about=about, queues=queues) as server:
            allowed = (
                ""
                if arguments.allow_changes
                else "  it only shows; --allow-changes lets it run jobs again and drop them"
            )
            print(f"page at {server.url}{allowed}  Ctrl-C ends", flush=True)
            threading.Event().wait()
    except KeyboardInterrupt:
        return 0
    except (OSError, OverflowError) as error:
        output.complain("ui", f"port {arguments.port} cannot be used: {error}; choose another with --port")
        return 1
    return 0
