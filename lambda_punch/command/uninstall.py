"""``lambda-punch uninstall``: remove the extension again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .install import add_root

if TYPE_CHECKING:
    import argparse


def declare(parser: argparse.ArgumentParser) -> None:
    """Describe ``uninstall`` and add its arguments."""
    parser.description = "Remove what install put under DIR/opt, and nothing else."
    add_root(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Uninstall the extension and print whether it was there."""
    from lambda_punch.installer import uninstall

    print("uninstalled" if uninstall(arguments.root) else "nothing to uninstall")
    return 0
