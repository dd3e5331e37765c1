"""A layer that cannot be built says why, and leaves what was there as it was."""

from __future__ import annotations

import os
import platform
import sys
from typing import TYPE_CHECKING

import pytest

from lambda_punch import command
from lambda_punch.errors import InstallError
from lambda_punch.installer import build_layer, dependencies
from lambda_punch.installer.interpreter import find_interpreter

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("python", "message"),
    [
        ("3.9", r"Python 3\.9 is too old; a layer needs 3\.10 or later"),
        ("313", "not a version of Python: '313'; write it as 3.13"),
        ("3.13.1", r"not a version of Python: '3\.13\.1'"),
        ("python3.13", "not a version of Python"),
        ("", "not a version of Python"),
    ],
)
def test_python(tmp_path: Path, python: str, message: str) -> None:
    """What is no Python for Lambda is named before anything is fetched."""
    with pytest.raises(InstallError, match=message):
        build_layer(tmp_path / "layer.zip", pythons=[python])

    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("architecture", ["sparc", "i686", ""])
def test_architecture(tmp_path: Path, architecture: str) -> None:
    """An architecture that Lambda does not have is named, with those it has."""
    with pytest.raises(InstallError, match=f"no architecture '{architecture}'; choose arm64 or x86_64 with --arch"):
        build_layer(tmp_path / "layer.zip", architectures=[architecture])


def test_no_wheel(tmp_path: Path) -> None:
    """What pip cannot fetch is told with the target, in pip's words; the layer of before stays, and nothing beside it."""
    (tmp_path / "layer.zip").write_text("the one of before")
    other = "x86_64" if platform.machine() == "aarch64" else "arm64"

    with pytest.raises(InstallError, match=rf"nothing for Python 3\.10 on {other}: pip cannot fetch pyzmq>=26 .*: "):
        build_layer(tmp_path / "layer.zip", pythons=["3.10"], architectures=[other])

    assert (tmp_path / "layer.zip").read_text() == "the one of before"
    assert os.listdir(tmp_path) == ["layer.zip"]


def test_a_directory_in_the_way(tmp_path: Path) -> None:
    """A directory is not replaced."""
    with pytest.raises(InstallError, match=f"cannot write {tmp_path}: it is a directory"):
        build_layer(tmp_path)


def test_no_directory_to_write_to(tmp_path: Path) -> None:
    """Directories are not made."""
    with pytest.raises(InstallError, match=f"cannot write .*: there is no directory {tmp_path}/nowhere"):
        build_layer(tmp_path / "nowhere/layer.zip")


def test_a_directory_nobody_can_write() -> None:
    """A place that takes no files is found before pip fetches anything."""
    with pytest.raises(InstallError, match="cannot write /proc/self/layer.zip: "):
        build_layer("/proc/self/layer.zip")


def test_no_interpreter_to_compile_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytecode can only be made by the same Python; without it there is the way without bytecode."""
    monkeypatch.setenv("PATH", str(tmp_path))

    assert command.main(["layer", "--python", "3.99", "--compile", "-o", str(tmp_path / "layer.zip")]) == 1

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("lambda-punch: Python 3.99 is not on this machine")
    assert line.endswith("leave out --compile")
    assert os.listdir(tmp_path) == []


def test_a_source_that_does_not_compile(tmp_path: Path) -> None:
    """The compiler's last words are in the error."""
    (tmp_path / "module.py").write_text("def")

    with pytest.raises(InstallError, match="cannot be compiled by .*: SyntaxError"):
        dependencies.compile_all(find_interpreter(sys.executable), tmp_path, final="/opt")
