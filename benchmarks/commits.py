"""Another commit of this repository beside the working tree, so that both are measured in one run.

Its library and its extension come from a work tree of their own. The local Lambda and the handlers are those of the working
tree for both, so nothing differs but what is measured.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
_STAGE = """\
import shutil, sys
from lambda_punch.installer import staged
with staged() as executable:
    shutil.copytree(executable.parent.parent, sys.argv[1], symlinks=True)
"""


class Commit(NamedTuple):
    """Where a commit's files are, and its extension's executable."""

    tree: Path
    extension: Path


@contextmanager
def checked_out(commit: str, folder: Path) -> Iterator[Commit]:
    """Yield the commit, in a work tree under ``folder``. Raises CalledProcessError if git does not know it."""
    tree = folder / "tree"
    _git("worktree", "add", "--detach", "--force", str(tree), commit)
    try:
        opt = folder / "opt"
        environ = {**os.environ, "PYTHONPATH": str(tree)}
        subprocess.run([sys.executable, "-c", _STAGE, str(opt)], check=True, env=environ, cwd=folder)
        yield Commit(tree, opt / "extensions" / "lambda-punch")
    finally:
        shutil.rmtree(tree, ignore_errors=True)
        _git("worktree", "prune")


def _git(*words: str) -> None:
    subprocess.run(["git", *words], check=True, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
