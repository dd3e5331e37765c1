"""The installed tree: built as a whole in a temporary directory on the same file system, then renamed into place.

If anything goes wrong, an earlier installation stays as it was, and nothing temporary is left behind. Do not install
into one root twice at the same time.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lambda_punch.errors import InstallError

from . import dependencies, launcher, manifest
from ._source import EXECUTABLE, source
from .interpreter import find_interpreter

if TYPE_CHECKING:
    from collections.abc import Iterator

LIBRARY = "lambda-punch"  # beside extensions/: the extension's package and its dependencies
_OWN_LINE = b"from extension.main import main"  # tells our executable from another's of the same name


def install(root: str | os.PathLike[str] = "/", *, python: str = sys.executable) -> Path:
    """Install the extension under ``root``/opt for the interpreter ``python``; return the executable's path.

    It replaces an earlier installation. Raises InstallError when the directory cannot be written, the interpreter is
    missing or too old, or the dependencies cannot be fetched; then nothing has changed.
    """
    opt = Path(root).absolute() / "opt"
    interpreter = find_interpreter(python)
    executable = launcher.render(interpreter.path)
    with _writable(opt):
        library, target = opt / LIBRARY, opt / "extensions" / EXECUTABLE
        _refuse_foreign(library, target)
        with tempfile.TemporaryDirectory(dir=opt, prefix=f".{LIBRARY}-") as work:
            new = Path(work) / "new"
            build(new, executable)
            dependencies.fetch(interpreter, new / LIBRARY)
            dependencies.compile_all(interpreter, new / LIBRARY, final=f"/opt/{LIBRARY}")
            dependencies.prove(interpreter, new / LIBRARY)
            manifest.write(new / LIBRARY)
            _open_to_all(new)
            _place(new, library, target, aside=Path(work) / "old")
    return target


def uninstall(root: str | os.PathLike[str] = "/") -> bool:
    """Remove what ``install`` put under ``root``/opt, and nothing else. Return whether there was anything.

    Raises InstallError when it cannot be removed.
    """
    opt = Path(root).absolute() / "opt"
    library, executable = opt / LIBRARY, opt / "extensions" / EXECUTABLE
    try:
        found = _is_ours(executable)
        if found:
            executable.unlink()  # first, because an executable without its library would hang every cold start
            _remove_if_empty(executable.parent)
        found = manifest.remove_listed(library) or found
        if found and opt.parent != Path(opt.anchor):  # a machine's own /opt stays
            _remove_if_empty(opt)
    except OSError as fault:
        raise InstallError(f"cannot uninstall from {opt}: {fault}") from fault
    return found


def build(new: Path, executable: bytes) -> None:
    """Put the executable and the extension's own files into the directory ``new``, laid out as /opt will be."""
    shutil.copytree(
        source(), new / LIBRARY / "extension", ignore=shutil.ignore_patterns("__pycache__", EXECUTABLE, ".*")
    )
    (new / "extensions").mkdir()
    (new / "extensions" / EXECUTABLE).write_bytes(executable)


def _open_to_all(new: Path) -> None:
    """Let everyone read, whatever the umask was, because Lambda runs extensions as a user of its own."""
    for path in (new, *new.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    (new / "extensions" / EXECUTABLE).chmod(0o755)


def _place(new: Path, library: Path, target: Path, aside: Path) -> None:
    try:
        if library.exists():
            _move_aside(library, aside)
        (new / LIBRARY).rename(library)
        (new / "extensions" / EXECUTABLE).replace(target)
    except BaseException:
        if aside.exists():
            shutil.rmtree(library, ignore_errors=True)
            aside.rename(library)
        elif (new / "extensions").exists() and not (new / LIBRARY).exists():
            shutil.rmtree(library, ignore_errors=True)
        raise


def _move_aside(library: Path, aside: Path) -> None:
    """Move ``library`` to ``aside``, which does not exist before it is complete."""
    try:
        library.rename(aside)
    except OSError as fault:
        if fault.errno != errno.EXDEV:
            raise
        # A directory of an earlier layer of an image cannot be renamed, only copied (overlayfs without redirect_dir).
        copy = aside.with_name("copy")
        shutil.copytree(library, copy, symlinks=True)
        copy.rename(aside)
        shutil.rmtree(library)


@contextmanager
def _writable(opt: Path) -> Iterator[None]:
    """Make ``opt`` and opt/extensions; remove them again on any error, and turn an OSError into an InstallError."""
    made: list[Path] = []
    try:
        for directory in (*reversed(opt.parents), opt, opt / "extensions"):
            if not directory.is_dir():
                directory.mkdir()
                made.append(directory)
                directory.chmod(0o755)
        _check_writable(opt, opt / "extensions")
        yield
    except BaseException as fault:
        for directory in reversed(made):
            with suppress(OSError):
                directory.rmdir()
        if isinstance(fault, OSError):
            raise InstallError(f"cannot install into {opt}: {fault}") from fault
        raise


def _check_writable(*directories: Path) -> None:
    for directory in directories:
        if not os.access(directory, os.W_OK | os.X_OK):
            raise PermissionError(
                f"{directory} is not writable; install as a user who may write there, or into another --root"
            )


def _refuse_foreign(library: Path, executable: Path) -> None:
    for path, ours in ((library, manifest.exists(library)), (executable, _is_ours(executable))):
        if path.exists() and not ours:
            raise InstallError(f"{path} was not put there by lambda-punch install; move it away first")


def _is_ours(executable: Path) -> bool:
    return executable.is_file() and _OWN_LINE in executable.read_bytes()


def _remove_if_empty(directory: Path) -> None:
    if not any(directory.iterdir()):
        directory.rmdir()
