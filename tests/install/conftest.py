"""A package index without a network: the dependencies of this very environment, packed into wheels again."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambda_punch.installer import install

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a wheel of each dependency."""
    directory = tmp_path_factory.mktemp("wheelhouse")
    for name in ("pyzmq", "inotify_simple"):
        _pack(name, directory)
    return directory


@pytest.fixture(autouse=True)
def offline(wheelhouse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pip find packages in the wheelhouse only."""
    _go_offline(wheelhouse, monkeypatch)


def _go_offline(wheelhouse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheelhouse))


@pytest.fixture(scope="session")
def installed_once(wheelhouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a root with an installed extension, to be looked at or copied only."""
    root = tmp_path_factory.mktemp("installed")
    with pytest.MonkeyPatch.context() as monkeypatch:
        _go_offline(wheelhouse, monkeypatch)
        install(root)
    return root


@pytest.fixture
def root(tmp_path: Path, installed_once: Path) -> Path:
    """Return a root of the test's own with an installed extension."""
    return shutil.copytree(installed_once, tmp_path / "root", symlinks=True)


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], Path]:
    """Return a maker of executables: a name on no PATH, a body for sh."""

    def make(body: str) -> Path:
        path = tmp_path / "a-script"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    return make


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a wheel and an sdist of this checkout."""
    directory = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(directory), "-t", "wheel", "-t", "sdist"]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    return directory


def snapshot(directory: Path) -> dict[str, bytes]:
    """Return every file under a directory with its content."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def _pack(name: str, directory: Path) -> None:
    installed = distribution(name)
    tags = [line.removeprefix("Tag: ") for line in (installed.read_text("WHEEL") or "").splitlines() if "Tag: " in line]
    python, abi, _ = tags[0].split("-")
    platforms = ".".join(tag.split("-")[2] for tag in tags)
    information = f"{name}-{installed.version}.dist-info"
    with zipfile.ZipFile(directory / f"{name}-{installed.version}-{python}-{abi}-{platforms}.whl", "w") as wheel:
        record = []
        for file in installed.files or []:
            if file.suffix == ".pyc" or ".." in file.parts or file.name in ("RECORD", "INSTALLER", "REQUESTED"):
                continue
            content = Path(str(installed.locate_file(file))).read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            wheel.writestr(str(file), content)
            record.append(f"{file},sha256={digest},{len(content)}\n")
        wheel.writestr(f"{information}/RECORD", "".join(record) + f"{information}/RECORD,,\n")
