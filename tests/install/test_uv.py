"""Where there is no pip, uv fetches the packages: `install` and `layer` in an environment made by `uv venv`."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest
from uv import find_uv_bin

from lambda_punch.installer import build_layer

from .conftest import REPOSITORY, snapshot
from .layers import compiled_file, elf_machine, write_wheel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

UV = find_uv_bin()
MODULE = "zmq/backend/cython/_zmq"


@pytest.fixture
def settings(wheelhouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """uv's only settings: packages come from the wheelhouse, and the cache is the test's own."""
    for name in [name for name in os.environ if name.startswith(("UV", "VIRTUAL_ENV"))]:
        monkeypatch.delenv(name)
    file = tmp_path / "settings-of-uv.toml"  # under its usual name it would be found from the current directory as well
    file.write_text(f'no-index = true\nfind-links = ["{wheelhouse}"]\ncache-dir = "{tmp_path}/cache"\n')
    monkeypatch.setenv("UV_CONFIG_FILE", str(file))
    return file


@pytest.fixture
def environment(settings: Path, tmp_path: Path) -> Path:
    """An environment as uv makes it, so without pip."""
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, tmp_path / "environment"], check=True)
    return tmp_path / "environment"


@pytest.fixture
def run(environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs the command line in that environment, with uv on PATH or without it."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/uv").symlink_to(UV)

    def run(*arguments: object, path: str = str(tmp_path / "bin")) -> subprocess.CompletedProcess[str]:
        monkeypatch.setenv("PATH", path)
        monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
        command = [str(environment / "bin/python"), "-m", "lambda_punch", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    return run


def test_install(run: Run, root: Path, tmp_path: Path) -> None:
    """What uv installs is what pip would have."""
    finished = run("install", "--root", tmp_path / "by-uv")

    assert (finished.returncode, finished.stderr) == (0, "")
    assert sources(tmp_path / "by-uv/opt") == sources(root / "opt")


def sources(opt: Path) -> dict[str, bytes]:
    """The files of an installation but for bytecode, and for the notes of who installed them."""
    return {
        name: content
        for name, content in snapshot(opt).items()
        if not name.endswith((".pyc", "installed-files.txt")) and ".dist-info/" not in name
    }


@pytest.mark.usefixtures("run")
def test_another_interpreter(run: Run, environment: Path, tmp_path: Path) -> None:
    """Neither of two interpreters has a pip: uv is told which one it is for."""
    other = tmp_path / "other"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, other], check=True)

    finished = run("install", "--root", tmp_path / "root", "--python", other / "bin/python")

    assert (finished.returncode, finished.stderr) == (0, "")
    assert (tmp_path / "root/opt/lambda-punch/zmq/__init__.py").is_file()


def test_uv_that_is_not_on_path(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`uv run` and `uvx` say where they are in a variable."""
    monkeypatch.setenv("UV", UV)

    finished = run("install", "--root", tmp_path / "root", path="/nowhere")

    assert (finished.returncode, finished.stderr) == (0, "")


def test_neither(run: Run, environment: Path, tmp_path: Path) -> None:
    """One line says what was looked for and where, and names both cures."""
    finished = run("install", "--root", tmp_path / "root", path="/nowhere")

    assert finished.returncode == 1
    (line,) = finished.stderr.splitlines()
    python = environment / "bin/python"
    assert line.startswith(f"lambda-punch: no pip and no uv to fetch the dependencies with: {python} has neither, ")
    assert line.endswith(f"install pip ({python} -m ensurepip), or uv (https://docs.astral.sh/uv/)")
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize("name", ["COMPILE_BYTECODE", "MANAGED_PYTHON", "NO_BINARY", "SYSTEM_PYTHON"])
def test_everyday_settings_of_uv_do_not_matter(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Settings that contradict installing into a directory are put aside."""
    monkeypatch.setenv(f"UV_{name}", "1")

    assert run("install", "--root", tmp_path / "root").returncode == 0


def test_the_cache_is_left_alone(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is shared with uv's cache, also where uv is told to link: its mode may be changed."""
    monkeypatch.setenv("UV_LINK_MODE", "hardlink")

    assert run("install", "--root", tmp_path / "root").returncode == 0

    files = [path for path in (tmp_path / "root").rglob("*") if path.is_file()]
    assert {path.stat().st_nlink for path in files} == {1}


def test_what_uv_cannot_fetch(run: Run, settings: Path, tmp_path: Path) -> None:
    """The error is uv's, in one line."""
    settings.write_text(f'no-index = true\nfind-links = ["{tmp_path}"]\n')

    finished = run("install", "--root", tmp_path / "root")

    assert finished.returncode == 1
    (line,) = finished.stderr.splitlines()
    assert line.startswith("lambda-punch: uv cannot fetch pyzmq>=26 and inotify-simple>=2: No solution found")
    assert "UV_DEFAULT_INDEX" in line  # because these tests set PIP_FIND_LINKS
    assert not (tmp_path / "root").exists()


def test_an_index_that_only_pip_knows(
    run: Run, settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """uv does not read pip's settings, so the error says how uv is told; without any it does not."""
    settings.write_text(f'no-index = true\nfind-links = ["{tmp_path}"]\n')
    for name in ("PIP_CONFIG_FILE", "PIP_NO_INDEX", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name)

    assert "UV_DEFAULT_INDEX" not in run("install", "--root", tmp_path / "root").stderr
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple")
    assert run("install", "--root", tmp_path / "root").stderr.endswith(
        "(uv does not read pip's settings, such as PIP_INDEX_URL; name the index with UV_DEFAULT_INDEX)\n"
    )


@pytest.fixture
def index(settings: Path, tmp_path: Path) -> Path:
    """A directory in which uv finds inotify-simple, and pyzmq for two architectures and several systems."""
    directory = tmp_path / "index"
    directory.mkdir()
    settings.write_text(f'no-index = true\nfind-links = ["{directory}"]\ncache-dir = "{tmp_path}/cache"\n')
    write_wheel(directory, "py3-none-any", {"inotify_simple.py": b""}, name="inotify_simple", version="2.0")
    for machine in ("x86_64", "aarch64"):
        for version, tag in (
            ("27.0", "cp310-cp310-manylinux_2_17"),
            ("28.0", "cp310-cp310-manylinux_2_28"),
            ("27.0", "cp312-abi3-manylinux_2_28"),
            ("28.0", "cp312-abi3-manylinux_2_34"),
            ("29.0", "cp312-abi3-manylinux_2_35"),
        ):
            suffix = "abi3" if "abi3" in tag else f"cpython-310-{machine}-linux-gnu"
            files = {"zmq/__init__.py": b"", f"{MODULE}.{suffix}.so": compiled_file(machine, tag)}
            write_wheel(directory, f"{tag}_{machine}", files, version=version)
    return directory


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize(("python", "version"), [("3.10", "27.0"), ("3.13", "28.0")])
def test_layer(run: Run, tmp_path: Path, python: str, version: str) -> None:
    """Each machine gets its own module, and none that needs a newer system than Lambda's."""
    finished = run("layer", "--python", python, "--arch", "arm64", "--arch", "x86_64", "-o", "layer.zip")

    assert (finished.returncode, finished.stderr) == (0, "")
    assert f"pyzmq {version}" in finished.stdout
    packed = zipfile.ZipFile(tmp_path / "layer.zip")
    for machine in ("x86_64", "aarch64"):
        name = f"{MODULE}.cpython-{python.replace('.', '')}-{machine}-linux-gnu.so"
        for directory in ("lambda-punch", f"python/lib/python{python}/site-packages"):
            assert elf_machine(packed.read(f"{directory}/{name}")) == machine
    assert [name for name in packed.namelist() if name.endswith((".lock", "uv_cache.json", "INSTALLER"))] == []


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.timeout(90)
def test_from_the_package_index(run: Run, settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """uv as a package of the environment, beside lambda-punch, will do; its layer is that of pip."""
    monkeypatch.delenv("UV_CONFIG_FILE")
    python = tmp_path / "environment/bin/python"
    subprocess.run([UV, "pip", "install", "--quiet", "--python", python, "uv"], check=True)
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    layer = ["layer", "--python", "3.13", "--arch", "arm64", "--arch", "x86_64", "-o"]

    by_uv = run(*layer, "by-uv.zip", path="/nowhere")
    assert (by_uv.returncode, by_uv.stderr) == (0, "")
    build_layer(tmp_path / "by-pip.zip", pythons=["3.13"], architectures=["arm64", "x86_64"])

    assert files(tmp_path / "by-uv.zip") == files(tmp_path / "by-pip.zip")


def files(layer: Path) -> dict[str, bytes]:
    """What is in a layer, but for the version of lambda-punch, which only an installed one can tell."""
    packed = zipfile.ZipFile(layer)
    return {name: packed.read(name) for name in packed.namelist() if "/lambda_punch-" not in name}
