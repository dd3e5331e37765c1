"""Puts the extension where Lambda looks for it: ROOT/opt/extensions/lambda-punch and ROOT/opt/lambda-punch.

``install`` and ``uninstall`` are what the command line calls; ``staged`` is the same tree in a temporary directory,
without pip and in a few milliseconds, for the local emulator and for tests.
"""

from __future__ import annotations

from ._source import source
from .staging import staged
from .tree import install, uninstall

__all__ = ["install", "source", "staged", "uninstall"]
