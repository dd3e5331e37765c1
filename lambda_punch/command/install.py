"""``lambda-punch install``: put the extension into an image."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def declare(parser: argparse.ArgumentParser) -> None:
    """Describe ``install`` and add its arguments."""
    parser.description = (
        "Put the executable into DIR/opt/extensions and its own copy of its dependencies into DIR/opt/lambda-punch."
    )
    add_root(parser)
    parser.add_argument(
        "--python",
        metavar="PATH",
        default=sys.executable,
        help="the interpreter that will run the extension (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def add_root(parser: argparse.ArgumentParser) -> None:
    """Add ``--root``, which ``uninstall`` shares."""
    parser.add_argument(
        "--root", metavar="DIR", default="/", help="the directory that holds opt (default: %(default)s)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Install the extension and print where it is."""
    from lambda_punch.installer import install

    print(f"installed {install(arguments.root, python=arguments.python)}")
    return 0
