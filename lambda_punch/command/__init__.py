"""The command line. Each subcommand is the module of its name in this folder, and a line in the table below.

Such a module has ``declare(parser)``, which describes the subcommand, adds its arguments and sets ``run``: a function
that takes the parsed arguments and returns the exit status. It is imported only when its subcommand is called, so
``install`` works without the packages that ``local`` needs, and no subcommand makes another one slower. The folder
``page`` is not a subcommand; it holds the page that subcommands show in a browser.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from lambda_punch.errors import LambdaPunchError

if TYPE_CHECKING:
    from collections.abc import Sequence

_SUBCOMMANDS = {
    "install": "put the extension under DIR/opt",
    "uninstall": "remove what install put there",
    "layer": "pack a layer for functions without an image",
    "dashboard": "print the body of a CloudWatch dashboard",
    "cost": "say what work behind the response costs, here and elsewhere",
    "event": "print an event as AWS's services send it",
    "jobs": "look at dead letters, run or drop them, count queues, send jobs, work",
    "timeline": "draw what a function on Lambda did, from its logs",
    "local": "run a function on this machine as Lambda would",
}
_INTERRUPTED = 130  # what a shell reports for a command ended by Ctrl-C
_PIPE_BROKEN = 141  # and for one whose reader has gone


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; ``arguments`` defaults to those of the process."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        parsed = parser_for(given).parse_args(given)
        status: int = parsed.run(parsed)
        sys.stdout.flush()
    except LambdaPunchError as error:
        print(f"lambda-punch: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:  # nobody reads any more, as behind `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains once more at its end
        return _PIPE_BROKEN
    return status


def parser_for(given: Sequence[str]) -> argparse.ArgumentParser:
    """Return a parser that knows every subcommand by name, and the arguments of the one in ``given``."""
    parser = argparse.ArgumentParser(
        prog="lambda-punch", description="Background work after the response on AWS Lambda."
    )
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show the version and exit")
    subcommands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    called = next((word for word in given if not word.startswith("-")), None)
    for name, summary in _SUBCOMMANDS.items():
        subparser = subcommands.add_parser(name, help=summary)
        if name == called:
            import_module(f".{name}", __name__).declare(subparser)
    return parser


class _ShowVersion(argparse.Action):
    """Reads the installed version only when it is asked for; finding it takes longer than everything else here."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            found = version("lambda-punch")
        except PackageNotFoundError:
            found = "(a checkout that is not installed)"
        parser.exit(message=f"lambda-punch {found}\n")
