"""install.sh: the same from a shell or a line of a Dockerfile."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from uv import find_uv_bin

from .conftest import REPOSITORY, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return what runs install.sh, or a copy of it, with arguments."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))

    def run(*arguments: object, script: Path = REPOSITORY / "install.sh") -> subprocess.CompletedProcess[str]:
        command = ["sh", str(script), *map(str, arguments)]
        return subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)

    return run


def test_from_the_checkout_it_lies_in(tmp_path: Path, run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """It installs the checkout's extension, the second time as the first."""
    for _ in range(2):
        finished = run("--root", tmp_path / "root", "--python", sys.executable)

        assert finished.returncode == 0, finished.stderr
        assert finished.stdout == f"installed {tmp_path}/root/opt/extensions/lambda-punch\n"
    assert (tmp_path / "root/opt/lambda-punch/zmq").is_dir()


def test_from_the_package_index(
    tmp_path: Path, run: Callable[..., subprocess.CompletedProcess[str]], distributions: Path, wheelhouse: Path
) -> None:
    """On its own it fetches the version asked for, and leaves nothing of it behind."""
    for wheel in distributions.glob("*.whl"):
        shutil.copy(wheel, wheelhouse)
    alone = shutil.copy(REPOSITORY / "install.sh", tmp_path)

    finished = run("--root", tmp_path / "root", "--python", sys.executable, "--version", "0.1.0", script=alone)

    assert finished.returncode == 0, finished.stderr
    assert (tmp_path / "root/opt/extensions/lambda-punch").is_file()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_from_the_package_index_by_uv(
    tmp_path: Path,
    run: Callable[..., subprocess.CompletedProcess[str]],
    distributions: Path,
    wheelhouse: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the interpreter has no pip, uv fetches everything."""
    subprocess.run([find_uv_bin(), "venv", "--quiet", "--python", sys.executable, tmp_path / "environment"], check=True)
    settings = tmp_path / "settings-of-uv.toml"
    settings.write_text(f'no-index = true\nfind-links = ["{wheelhouse}", "{distributions}"]\n')
    monkeypatch.setenv("UV_CONFIG_FILE", str(settings))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/uv").symlink_to(find_uv_bin())
    alone = shutil.copy(REPOSITORY / "install.sh", tmp_path)
    arguments = ["--root", tmp_path / "root", "--python", tmp_path / "environment/bin/python"]

    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    without_uv = run(*arguments, script=alone)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    finished = run(*arguments, script=alone)

    assert without_uv.returncode == 1
    assert "has no pip, and uv is not on PATH; install one of them" in without_uv.stderr
    assert finished.returncode == 0, finished.stderr
    assert (tmp_path / "root/opt/extensions/lambda-punch").is_file()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_what_the_package_index_lacks(tmp_path: Path, run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """A version that is not there is an error, and nothing is left behind."""
    finished = run("--root", tmp_path / "root", "--python", sys.executable, "--version", "99")

    assert finished.returncode == 1
    assert "install.sh: pip cannot fetch lambda-punch" in finished.stderr
    assert not (tmp_path / "root").exists()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_it_finds_an_interpreter(
    tmp_path: Path, run: Callable[..., subprocess.CompletedProcess[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --python it takes the first that is new enough."""
    (tmp_path / "bin").mkdir()
    for name, body in {"python3": "exit 1", "python3.14": f'exec {sys.executable} "$@"'}.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")

    finished = run("--root", tmp_path / "root")

    assert finished.returncode == 0, finished.stderr
    assert (tmp_path / "root/opt/extensions/lambda-punch").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--python", "/nowhere/python3"], "no such interpreter: /nowhere/python3"),
        (["--root"], "--root needs a value"),
        (["--what"], "unknown argument: --what"),
        (["--version", "1", "--source", "."], "exclude each other"),
        (["--source", "."], "is not a checkout of lambda-punch"),
        (["--source", "/nowhere"], "no such directory: /nowhere"),
    ],
)
def test_wrong_arguments(
    tmp_path: Path, run: Callable[..., subprocess.CompletedProcess[str]], arguments: list[str], message: str
) -> None:
    """Each says what is wrong with it and changes nothing."""
    before = snapshot(tmp_path)

    finished = run(*arguments)

    assert finished.returncode == 1
    assert message in finished.stderr
    assert snapshot(tmp_path) == before


def test_an_old_interpreter(
    tmp_path: Path, run: Callable[..., subprocess.CompletedProcess[str]], script: Callable[[str], Path]
) -> None:
    """An interpreter that is too old is refused."""
    finished = run("--root", tmp_path / "root", "--python", script("exit 1"))

    assert finished.returncode == 1
    assert "is not Python 3.10 or later" in finished.stderr


def test_help(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """--help shows the usage and ends with 0."""
    assert run("--help").stdout.startswith("usage: sh install.sh")
