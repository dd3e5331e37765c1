"""Puts the extension where Lambda looks for it: ROOT/opt/extensions/lambda-punch and ROOT/opt/lambda-punch.

``install`` and ``uninstall`` do this in an image. ``build_layer`` does it in a zip file, for functions without an image.
The command line calls these three. ``staged`` makes the same tree in a temporary directory in a few milliseconds, out of
links; the local Lambda and the tests use it.
"""

from __future__ import annotations

from ._source import source
from .layer import Layer, build_layer
from .staging import staged
from .tree import install, uninstall

__all__ = ["Layer", "build_layer", "install", "source", "staged", "uninstall"]
