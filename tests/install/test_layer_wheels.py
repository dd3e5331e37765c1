"""Layers for every kind of target from the package index that this machine has."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING

import pytest

from lambda_punch.installer import build_layer

from .layers import elf_machine

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.timeout(90)]

MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}


# Before and since pyzmq's stable ABI, on Amazon Linux 2 and on 2023, and the newest Python.
@pytest.fixture(scope="module", params=["3.10", "3.13", "3.14"])
def python(request: pytest.FixtureRequest) -> str:
    """The layer's Python."""
    version: str = request.param
    return version


@pytest.fixture(scope="module")  # made before the fixture that takes the index away for each test
def layer(python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layer for one Python on both architectures."""
    return build_layer(tmp_path_factory.mktemp("layer") / "layer.zip", pythons=[python], architectures=MACHINES).path


@pytest.mark.parametrize("machine", MACHINES.values())
@pytest.mark.parametrize("side", ["lambda-punch", "python/lib/python{}/site-packages"])
def test_compiled_files_are_the_targets_own(layer: Path, python: str, machine: str, side: str) -> None:
    """The module that CPython picks there is for that machine, and so is the library it loads (ELF headers)."""
    packed = zipfile.ZipFile(layer)
    directory = side.format(python)
    tag = f"cpython-{python.replace('.', '')}-{machine}-linux-gnu"

    module = packed.read(f"{directory}/zmq/backend/cython/_zmq.{tag}.so")
    needed = {name.decode() for name in re.findall(rb"libzmq-[0-9a-f]+\.so[.0-9]*", module)}

    assert elf_machine(module) == machine
    (library,) = needed
    assert elf_machine(packed.read(f"{directory}/pyzmq.libs/{library}")) == machine


def test_every_compiled_file_is_for_one_of_them(layer: Path) -> None:
    """There is no compiled file that no target needs: for each machine and process a module and two libraries."""
    packed = zipfile.ZipFile(layer)
    compiled = [name for name in packed.namelist() if re.search(r"\.so(\.|$)", name)]

    assert {elf_machine(packed.read(name)) for name in compiled} == set(MACHINES.values())
    modules = [name for name in compiled if name.endswith(".so")]
    assert len(modules) == len(MACHINES) * 2
    assert len(compiled) == len(modules) * 3


def test_it_is_small(layer: Path) -> None:
    """One Python and architecture has to stay under 10 MB; two of them together do."""
    assert layer.stat().st_size < 10_000_000
