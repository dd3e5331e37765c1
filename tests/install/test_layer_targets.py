"""Layers for other machines and Pythons than this one, from an index that has wheels for them."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from lambda_punch.errors import InstallError
from lambda_punch.installer import build_layer
from lambda_punch.installer.layer_target import make_targets

from .layers import compiled_file, elf_machine, write_wheel

if TYPE_CHECKING:
    from pathlib import Path

MODULE = "zmq/backend/cython/_zmq"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory in which pip finds pyzmq 27.0 for two architectures, and inotify-simple."""
    directory = tmp_path / "index"
    directory.mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(directory))
    write_wheel(directory, "py3-none-any", {"inotify_simple.py": b""}, name="inotify_simple", version="2.0")
    for machine in ("x86_64", "aarch64"):
        add_pyzmq(directory, f"cp310-cp310-manylinux_2_26_{machine}", machine)
        add_pyzmq(directory, f"cp312-abi3-manylinux_2_28_{machine}", machine)
    return directory


def add_pyzmq(directory: Path, tag: str, machine: str, *, version: str = "27.0", source: bytes = b"") -> None:
    abi = tag.split("-")[1]
    suffix = "abi3" if abi == "abi3" else f"cpython-{abi[2:]}-{machine}-linux-gnu"
    files = {
        "zmq/__init__.py": source,
        f"{MODULE}.{suffix}.so": compiled_file(machine, tag),
        f"pyzmq.libs/libzmq-{machine}.so.5": compiled_file(machine),
    }
    write_wheel(directory, tag, files, version=version)


@pytest.mark.usefixtures("index")
def test_each_python_and_machine_finds_its_own(tmp_path: Path) -> None:
    """Modules of one tree bear the names by which CPython tells them apart, and are for what they say."""
    layer = build_layer(
        tmp_path / "layer.zip", pythons=["3.12", "3.10", "3.13"], architectures=["x86_64", "arm64", "aarch64"]
    )

    packed = zipfile.ZipFile(layer.path)
    for python in ("3.10", "3.12", "3.13"):
        for machine in ("x86_64", "aarch64"):
            name = f"{MODULE}.cpython-{python.replace('.', '')}-{machine}-linux-gnu.so"
            for directory in ("lambda-punch", f"python/lib/python{python}/site-packages"):
                assert elf_machine(packed.read(f"{directory}/{name}")) == machine
                assert elf_machine(packed.read(f"{directory}/pyzmq.libs/libzmq-{machine}.so.5")) == machine
    assert not [name for name in packed.namelist() if "abi3" in name]
    assert layer.versions["pyzmq"] == "27.0"


def test_no_wheel_for_a_newer_system_than_lambdas(index: Path, tmp_path: Path) -> None:
    """Python 3.10 runs on Amazon Linux 2 (glibc 2.26), 3.12 on Amazon Linux 2023 (2.34): what needs more is not taken."""
    for tag in ("cp310-cp310-manylinux_2_28_x86_64", "cp312-abi3-manylinux_2_35_x86_64"):
        add_pyzmq(index, tag, "x86_64", version="28.0")
    add_pyzmq(index, "cp312-abi3-manylinux_2_34_x86_64", "x86_64", version="27.5")

    old = build_layer(tmp_path / "old.zip", pythons=["3.10"], architectures=["x86_64"])
    new = build_layer(tmp_path / "new.zip", pythons=["3.12"], architectures=["x86_64"])

    assert (old.versions["pyzmq"], new.versions["pyzmq"]) == ("27.0", "27.5")


def test_one_version_for_all(index: Path, tmp_path: Path) -> None:
    """The oldest Python's newest version is everyone's."""
    add_pyzmq(index, "cp312-abi3-manylinux_2_28_x86_64", "x86_64", version="28.0")

    layer = build_layer(tmp_path / "layer.zip", pythons=["3.12", "3.10"], architectures=["x86_64"])

    assert layer.versions["pyzmq"] == "27.0"


def test_no_version_for_all(index: Path, tmp_path: Path) -> None:
    """If there is none, the error names the target, pip's reason and the way out."""
    add_pyzmq(index, "cp310-cp310-manylinux_2_26_x86_64", "x86_64", version="26.9")
    for wheel in index.glob("pyzmq-27.0-cp310-*"):
        wheel.unlink()

    with pytest.raises(InstallError, match=r"3\.12 on x86_64: pip cannot fetch .*pyzmq==26\.9.*another layer"):
        build_layer(tmp_path / "layer.zip", pythons=["3.10", "3.12"], architectures=["x86_64"])


def test_wheels_that_cannot_share_a_tree(index: Path, tmp_path: Path) -> None:
    """Sources that differ between two targets are never mixed."""
    (wheel,) = index.glob("pyzmq-27.0-cp312-*_aarch64.whl")
    wheel.unlink()
    add_pyzmq(index, "cp312-abi3-manylinux_2_28_aarch64", "aarch64", source=b"different = True")

    with pytest.raises(InstallError, match=r"zmq/__init__\.py for Python 3\.12 on x86_64 differs"):
        build_layer(tmp_path / "layer.zip", pythons=["3.12"], architectures=["x86_64", "arm64"])

    assert not (tmp_path / "layer.zip").exists()


def test_defaults_are_this_python_and_machine() -> None:
    """Without a word about it, the layer is for where it is built."""
    ((target),) = make_targets([], [])

    assert str(target) == f"Python {target.python} on {target.architecture}"
    assert target.architecture in ("x86_64", "arm64")


def test_targets_are_sorted_and_single() -> None:
    """The order of the options is not in the layer; 3.9 comes before 3.10 as a number, and both names are one."""
    targets = make_targets(["3.100", "3.13", "3.13"], ["x86_64", "arm64", "aarch64", "amd64"])

    assert [str(target) for target in targets] == [
        "Python 3.13 on arm64", "Python 3.13 on x86_64", "Python 3.100 on arm64", "Python 3.100 on x86_64",
    ]  # fmt: skip
