"""The layer: a zip file that Lambda unpacks to /opt, for functions that are not container images.

    extensions/lambda-punch                  the executable, for the managed runtimes' interpreter
    lambda-punch/                            the extension and its own copy of its dependencies
    python/lib/pythonX.Y/site-packages/      the library and its dependencies, on the path of the function

It holds sources only unless ``compiled`` asks for more, so that its bytes depend on what was asked for and on what the
package index has, not on which interpreters a machine happens to have.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import contextmanager
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lambda_punch.errors import InstallError

from . import dependencies, launcher
from ._source import EXECUTABLE, package
from .interpreter import Interpreter, find_interpreter
from .layer_archive import write_archive
from .layer_merge import merge
from .layer_target import Target, make_targets
from .tree import LIBRARY, build

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

_RUNTIME = "/var/lang/bin/python3"  # the interpreter in every managed Python runtime
# What the function does without: the command line and what it runs, and the extension, which is elsewhere in the layer.
_LEFT_OUT = frozenset({"__main__.py", "_extension", "_pytest.py", "command", "installer", "local"})


class Layer(NamedTuple):
    """A layer that was written."""

    path: Path
    size: int
    """The archive's, in bytes."""

    targets: list[Target]
    versions: dict[str, str]
    """The distributions in it."""


def build_layer(
    output: str | os.PathLike[str],
    *,
    pythons: Iterable[str] = (),
    architectures: Iterable[str] = (),
    compiled: bool = False,
) -> Layer:
    """Write a layer for each of ``pythons`` (as ``3.13``) on each of ``architectures`` to ``output``.

    The defaults are the Python and the machine that run this. ``compiled`` adds bytecode, which saves time at each
    cold start and needs each of ``pythons`` on this machine. What was at ``output`` is replaced at the end, or stays:
    raises InstallError when a name is unknown, an interpreter is missing, pip cannot fetch, or the file cannot be
    written.
    """
    targets = make_targets(pythons, architectures)
    interpreters = {target.python: _interpreter(target) for target in targets} if compiled else {}
    path = Path(output).absolute()
    with _work_beside(path) as work:
        root = work / "opt"
        versions = _fill(root, targets, work)
        for python, interpreter in interpreters.items():
            for directory in (LIBRARY, _site_packages(python)):
                dependencies.compile_all(interpreter, root / directory, final=f"/opt/{directory}")
        archive = work / "layer.zip"
        write_archive(archive, root, executables={f"extensions/{EXECUTABLE}"})
        size = archive.stat().st_size
        archive.replace(path)
    return Layer(path, size, targets, versions)


def _fill(root: Path, targets: list[Target], work: Path) -> dict[str, str]:
    build(root, launcher.render(_RUNTIME))
    own = _own_distribution()
    versions: dict[str, str] = {}
    for number, target in enumerate(targets):
        packages = work / f"packages-{number}"
        _fetch(target, packages, versions)
        versions = {found.name: found.version for found in distributions(path=[str(packages)])}
        for directory in (LIBRARY, _site_packages(target.python)):
            merge(packages, root / directory, target)
    for python in dict.fromkeys(target.python for target in targets):
        _copy_library(root / _site_packages(python), own)
    return {**({own.name: own.version} if own else {}), **dict(sorted(versions.items()))}


def _fetch(target: Target, packages: Path, versions: dict[str, str]) -> None:
    """Fetch the dependencies, in the versions of the targets before: one tree has room for one of each."""
    pinned = [f"{name}=={version}" for name, version in sorted(versions.items())]
    try:
        dependencies.fetch(
            find_interpreter(sys.executable), packages, pinned or dependencies.REQUIREMENTS, target.pip_options
        )
    except InstallError as fault:
        cure = "; all in a layer have the same versions: build another layer for it" if pinned else ""
        raise InstallError(f"nothing for {target}: {fault}{cure}") from fault


def _copy_library(into: Path, own: Distribution | None) -> None:
    shutil.copytree(package(), into / package().name, ignore=_unneeded)
    if own is not None:
        information = into / f"{package().name}-{own.version}.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {own.name}\nVersion: {own.version}\n")
        (information / "LICENSE").write_text(own.read_text("licenses/LICENSE") or "")


def _unneeded(directory: str, names: list[str]) -> set[str]:
    at_the_top = Path(directory) == package()
    return {name for name in names if name == "__pycache__" or (at_the_top and name in _LEFT_OUT)}


def _own_distribution() -> Distribution | None:
    try:
        return distribution("lambda-punch")
    except PackageNotFoundError:
        return None  # a checkout on the path: it has no version to tell


def _site_packages(python: str) -> str:
    """Return where the managed runtime looks for a layer's packages, relative to /opt.

    https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
    """
    return f"python/lib/python{python}/site-packages"


def _interpreter(target: Target) -> Interpreter:
    if target.version == sys.version_info[:2]:
        return find_interpreter(sys.executable)
    try:
        return find_interpreter(f"python{target.python}")
    except InstallError as fault:
        raise InstallError(
            f"Python {target.python} is not on this machine, and only it can compile for itself; leave out --compile"
        ) from fault


@contextmanager
def _work_beside(path: Path) -> Iterator[Path]:
    """Yield a directory for the time of the context, on the file system of ``path``; name errors as ours."""
    try:
        if path.is_dir():
            raise IsADirectoryError("it is a directory")
        if not path.parent.is_dir():
            raise NotADirectoryError(f"there is no directory {path.parent}")
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as work:
            yield Path(work)
    except OSError as fault:
        raise InstallError(f"cannot write {path}: {fault}") from fault
