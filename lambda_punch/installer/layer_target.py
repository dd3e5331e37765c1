"""What a layer is made for: one of Lambda's Pythons on one of its architectures, and which wheels run there."""

from __future__ import annotations

import platform
import re
import sys
from typing import TYPE_CHECKING, NamedTuple

from lambda_punch.errors import InstallError

from .interpreter import MINIMUM

if TYPE_CHECKING:
    from collections.abc import Iterable

_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}  # Lambda's names, and those that wheels and Linux use
_OTHER_NAMES = {"aarch64": "arm64", "amd64": "x86_64"}

# The managed runtimes' glibc: 2.26 in Amazon Linux 2, 2.34 in Amazon Linux 2023, which Python 3.12 came with.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
_GLIBC_MINOR, _OLD_GLIBC_MINOR, _FIRST_ON_AL2023 = 34, 26, (3, 12)
_OLDEST_MANYLINUX_MINOR = 17  # manylinux2014; pip itself adds the older names that mean the same
_GLIBC_MINORS_OF_UV = (17, 28, 34)  # the values of its --python-platform that matter here


class Target(NamedTuple):
    """One Python on one architecture."""

    version: tuple[int, int]
    architecture: str
    """As Lambda calls it."""

    def __str__(self) -> str:
        return f"Python {self.python} on {self.architecture}"

    @property
    def python(self) -> str:
        """The version as ``X.Y``."""
        return f"{self.version[0]}.{self.version[1]}"

    @property
    def module_tag(self) -> str:
        """The part of a compiled module's file name by which CPython finds the one for itself."""
        return f"cpython-{self.version[0]}{self.version[1]}-{_MACHINES[self.architecture]}-linux-gnu"

    @property
    def pip_options(self) -> list[str]:
        """Make pip choose wheels for this target instead of the machine it runs on, the newest glibc first."""
        names = [f"manylinux_2_{minor}" for minor in range(self._glibc_minor, _OLDEST_MANYLINUX_MINOR - 1, -1)]
        platforms = [f"--platform={name}_{_MACHINES[self.architecture]}" for name in (*names, "manylinux2014")]
        return ["--implementation=cp", f"--python-version={self.python}", *platforms]

    @property
    def uv_options(self) -> list[str]:
        """Make uv do the same; it knows only some glibc versions, so this is the newest that the target can use."""
        minor = max(known for known in _GLIBC_MINORS_OF_UV if known <= self._glibc_minor)
        machine = _MACHINES[self.architecture]
        return [f"--python-version={self.python}", f"--python-platform={machine}-manylinux_2_{minor}"]

    @property
    def _glibc_minor(self) -> int:
        return _GLIBC_MINOR if self.version >= _FIRST_ON_AL2023 else _OLD_GLIBC_MINOR


def make_targets(pythons: Iterable[str], architectures: Iterable[str]) -> list[Target]:
    """Return each Python on each architecture, oldest Python first. The defaults are those that run this.

    Raises InstallError for a Python that is not one or too old, and for an architecture that Lambda does not have.
    """
    versions = {_parse_python(given) for given in pythons} or {(sys.version_info[0], sys.version_info[1])}
    known = {_parse_architecture(given) for given in architectures} or {_parse_architecture(platform.machine())}
    return [Target(version, architecture) for version in sorted(versions) for architecture in sorted(known)]


def _parse_python(given: str) -> tuple[int, int]:
    found = re.fullmatch(r"(3)\.(\d{1,3})", given, re.ASCII)
    if found is None:
        raise InstallError(f"not a version of Python: {given!r}; write it as 3.13")
    version = (int(found[1]), int(found[2]))
    if version < MINIMUM:
        raise InstallError(f"Python {given} is too old; a layer needs {MINIMUM[0]}.{MINIMUM[1]} or later")
    return version


def _parse_architecture(given: str) -> str:
    name = _OTHER_NAMES.get(given.lower(), given)
    if name not in _MACHINES:
        raise InstallError(f"Lambda has no architecture {given!r}; choose {' or '.join(_MACHINES)} with --arch")
    return name
