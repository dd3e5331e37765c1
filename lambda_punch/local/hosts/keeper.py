"""A guard against leftovers: a tiny shell that outlives this process just long enough to clear up after it.

The shell holds the reading end of a pipe whose only writer is this process. However this process ends, SIGKILL
included, the pipe ends with it. The shell then kills what it was told to keep and removes one directory.

PR_SET_PDEATHSIG would need code between fork and exec, which is unsafe beside threads. It also follows the thread
instead of the process, and spares grandchildren.
"""

from __future__ import annotations

import contextlib
import subprocess

_PROGRAM = """
trap '' HUP INT TERM
kept=
while read -r verb id; do
  rest=
  for each in $kept; do [ "$each" = "$id" ] || rest="$rest $each"; done
  kept=$rest
  [ "$verb" = keep ] && kept="$kept $id"
done
for each in $kept; do kill -KILL "$each"; done 2>/dev/null
rm -rf -- "$1"
"""


class Keeper:
    """Kills process groups and single processes, and removes a directory, when this process is gone."""

    def __init__(self, directory: str) -> None:
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _PROGRAM, "lambda-punch-keeper", directory],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            bufsize=0,
        )

    def keep_group(self, group: int) -> None:
        """Kill this process group if this process dies."""
        self._tell(f"keep -{group}")

    def drop_group(self, group: int) -> None:
        """Forget a group that has ended."""
        self._tell(f"drop -{group}")

    def keep(self, pid: int) -> None:
        """Kill this single process if this process dies."""
        self._tell(f"keep {pid}")

    def drop(self, pid: int) -> None:
        """Forget a process that has ended."""
        self._tell(f"drop {pid}")

    def close(self) -> None:
        """End the guard, which now kills what it still keeps and removes the directory; return when it has."""
        if self._shell.stdin is not None:
            self._shell.stdin.close()
        self._shell.wait()

    def _tell(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            if self._shell.stdin is not None:
                self._shell.stdin.write(line.encode() + b"\n")
