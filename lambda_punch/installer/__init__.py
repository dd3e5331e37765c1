"""Puts the extension where Lambda looks for it: ROOT/opt/extensions/lambda-punch and ROOT/opt/lambda-punch.

``install`` and ``uninstall`` do so in an image, ``build_layer`` in a zip file for functions without one; these are what
the command line calls. ``staged`` is the same tree in a temporary directory, without pip and in a few milliseconds, for
the local emulator and for tests.
"""

from __future__ import annotations

from ._source import source
from .layer import Layer, build_layer
from .staging import staged
from .tree import install, uninstall

__all__ = ["Layer", "build_layer", "install", "source", "staged", "uninstall"]
