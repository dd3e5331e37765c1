"""Which parts of the library are packed for a function: all except those that no function ever runs.

A new file or folder of the package is packed unless its name is added here.
"""

from __future__ import annotations

import shutil
from pathlib import Path

# The command line and what it runs, the construct of the CDK, the helpers for tests, and a wheel's copy of the extension, which has a place of
# its own in a layer. Nothing that is packed may import one of these; tests/install/test_contents.py looks.
NEVER_IN_A_FUNCTION = frozenset({"__main__.py", "_extension", "cdk.py", "command", "installer", "local", "testing"})


def copy_library(package: Path, into: Path) -> None:
    """Copy the directory of the library's package to ``into``, which must not exist yet."""

    def left_out(directory: str, names: list[str]) -> set[str]:
        at_the_top = Path(directory) == package
        return {name for name in names if name == "__pycache__" or (at_the_top and name in NEVER_IN_A_FUNCTION)}

    shutil.copytree(package, into, ignore=left_out)
