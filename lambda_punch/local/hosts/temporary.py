"""The temporary directory of one environment, in which its processes meet."""

from __future__ import annotations

import os
import tempfile

# A socket lies in it, whose whole path may have 107 bytes on Linux; this many are left for its end.
_LONGEST_PATH = 107 - len("/meet/drain-4194304")
_PREFIX = "lambda-punch-local-"
_SHORT = "/tmp"  # noqa: S108 - mkdtemp makes a directory for this user alone


def temporary_directory() -> str:
    """Make an empty directory where TMPDIR says, or in /tmp if TMPDIR is too long for a socket's path."""
    directory = tempfile.mkdtemp(prefix=_PREFIX)
    if len(os.fsencode(directory)) <= _LONGEST_PATH:
        return directory
    os.rmdir(directory)
    return tempfile.mkdtemp(prefix=_PREFIX, dir=_SHORT)
