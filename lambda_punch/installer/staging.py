"""The installed tree in a temporary directory, made of links: in a few milliseconds, without pip and network."""

from __future__ import annotations

import sys
import tempfile
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from lambda_punch.errors import InstallError

from . import launcher
from ._source import EXECUTABLE, source

if TYPE_CHECKING:
    from collections.abc import Iterator

_MODULES = ("zmq", "inotify_simple")


@contextmanager
def staged(python: str = sys.executable) -> Iterator[Path]:
    """Yield the path of an executable extension that runs under ``python``. It is removed when the context ends.

    Its two dependencies are links to this process's own, so ``python`` must have the same version. Raises InstallError
    when this process does not have them.
    """
    with tempfile.TemporaryDirectory(prefix="lambda-punch-") as root:
        yield _stage(Path(root), python)


def _stage(root: Path, python: str) -> Path:
    library = root / "opt" / "lambda-punch"
    library.mkdir(parents=True)
    (library / "extension").symlink_to(source())
    for found in _dependencies():
        (library / found.name).symlink_to(found)
    interpreter = Path(python).absolute()
    if not launcher.fits_shebang(str(interpreter)):
        link = root / "python"
        link.symlink_to(interpreter)
        interpreter = link
    executable = root / "opt" / "extensions" / EXECUTABLE
    executable.parent.mkdir()
    launcher.write(executable, str(interpreter))
    return executable


def _dependencies() -> Iterator[Path]:
    for module in _MODULES:
        spec = find_spec(module)
        if spec is None or spec.origin is None:
            raise InstallError(f"this Python has no {module}; install lambda-punch with its dependencies")
        origin = Path(spec.origin)
        yield origin.parent if origin.name == "__init__.py" else origin
        yield from origin.parent.parent.glob("pyzmq.libs")  # a wheel's own libzmq lies beside the package
