"""``lambda-punch local --serve --reload``: new requests run the new code as soon as a file is saved."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lambda_punch.errors import MissingExtraError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from lambda_punch.local.pool import Pool

    from .console import Console

# Beside Python's own files. Others may be written by the function itself, and would start it again for ever.
_SUFFIXES = (".html", ".jinja2", ".toml", ".yaml", ".yml")


def variables_for(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the variables that a function needs under ``--reload``; raise MissingExtraError if files cannot be watched."""
    if not arguments.reload:
        return {}
    try:
        import watchfiles  # noqa: F401 - only those who reload need it
    except ImportError as error:
        raise MissingExtraError("watchfiles", extra="reload", part="--reload") from error
    # a file that is saved twice within a second at the same size looks unchanged to Python, which would take old bytecode
    return {"PYTHONDONTWRITEBYTECODE": "1"}


@contextmanager
def reloading(pool: Pool, root: Path, console: Console) -> Iterator[None]:
    """Renew the environments whenever a file under ``root`` changes, until the context ends."""
    from watchfiles import PythonFilter, watch

    stop = threading.Event()

    def follow() -> None:
        for changes in watch(root, watch_filter=PythonFilter(extra_extensions=_SUFFIXES), stop_event=stop):
            names = ", ".join(sorted({Path(path).name for _, path in changes}))
            reason = pool.renew()
            if reason is None:
                console.say(f"{names} changed: new requests run the new code")
            else:
                console.complain(f"{names} changed, but the init failed, so the old code goes on: {reason}")

    watcher = threading.Thread(target=follow, name="reload", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()
