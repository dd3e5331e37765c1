"""What is in a layer, and that it is the same every time."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import pytest

from lambda_punch import command
from lambda_punch.installer import build_layer, contents, launcher

from .conftest import _go_offline
from .layers import PYTHON, SITE_PACKAGES

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = {"extension", "inotify_simple.py", "lambda_punch", "pyzmq.libs", "zmq"}


@pytest.fixture(scope="module", params=[False, True], ids=["sources", "compiled"])
def compiled(request: pytest.FixtureRequest) -> bool:
    """Whether the layer has bytecode."""
    return bool(request.param)


@pytest.fixture(scope="module")
def layer(compiled: bool, wheelhouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layer for this Python and machine, to be looked at only."""
    path = tmp_path_factory.mktemp("layer") / "layer.zip"
    with pytest.MonkeyPatch.context() as monkeypatch:
        _go_offline(wheelhouse, monkeypatch)
        return build_layer(path, compiled=compiled).path


@pytest.fixture
def packed(layer: Path) -> zipfile.ZipFile:
    """The same, opened."""
    return zipfile.ZipFile(layer)


def test_twice_is_the_same_bytes(layer: Path, compiled: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the time, the place, the umask nor the order of a hash table is in it."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    before = os.umask(0o077)
    try:
        again = build_layer(tmp_path / "another-name.zip", compiled=compiled).path
    finally:
        os.umask(before)

    assert again.read_bytes() == layer.read_bytes()


def test_everyone_may_read_and_only_the_executable_runs(packed: zipfile.ZipFile) -> None:
    """Lambda unpacks the modes as they stand in the archive."""
    modes = {entry.filename: entry.external_attr >> 16 for entry in packed.infolist()}

    assert modes.pop("extensions/lambda-punch") == 0o100755
    assert set(modes.values()) == {0o100644}


def test_entries_are_sorted_and_dateless(packed: zipfile.ZipFile) -> None:
    """No file system's order and no clock shows."""
    assert packed.namelist() == sorted(packed.namelist())
    assert {entry.date_time for entry in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_layout(packed: zipfile.ZipFile) -> None:
    """Lambda finds the executable and the function's packages; the extension's packages are its own."""
    names = packed.namelist()

    assert {name.split("/")[0] for name in names} == {"extensions", "lambda-punch", "python"}
    assert [name for name in names if name.startswith("extensions/")] == ["extensions/lambda-punch"]
    assert tops(names, "lambda-punch/") == PACKAGES - {"lambda_punch"}
    assert tops(names, f"{SITE_PACKAGES}/") == PACKAGES - {"extension"}
    assert [name for name in names if name.startswith("python/") and not name.startswith(SITE_PACKAGES)] == []


def tops(names: list[str], prefix: str) -> set[str]:
    found = {name.removeprefix(prefix).split("/")[0] for name in names if name.startswith(prefix)}
    return {name for name in found if not name.endswith(".dist-info") and name != "__pycache__"}


def test_first_line_is_the_managed_runtimes_interpreter(packed: zipfile.ZipFile) -> None:
    """An absolute path, and the flags that keep the function's environment away."""
    assert packed.read("extensions/lambda-punch") == launcher.render("/var/lang/bin/python3")


def test_nothing_of_the_builder_is_in_it(packed: zipfile.ZipFile, layer: Path) -> None:
    """No file that pip writes for itself, and nowhere the directory it was built in."""
    names = {name.rpartition("/")[2] for name in packed.namelist()}

    assert not names & {"INSTALLER", "RECORD", "REQUESTED", "WHEEL", "direct_url.json"}
    place = str(layer.parent).encode()
    assert [name for name in packed.namelist() if place in packed.read(name)] == []


def test_licences_come_along(packed: zipfile.ZipFile) -> None:
    """What may only be passed on with its licence is."""
    assert any("pyzmq" in name and "LICENSE" in name for name in packed.namelist())


def test_bytecode_for_both_processes(packed: zipfile.ZipFile, compiled: bool) -> None:
    """Compiled, each source has bytecode that is not checked against it (PEP 552); otherwise there is none."""
    names = set(packed.namelist())
    bytecode = {name for name in names if name.endswith(".pyc")}
    tag = sys.implementation.cache_tag
    sources = {name for name in names if name.endswith(".py")}
    expected = {f"{top}{'/' if top else ''}__pycache__/{stem}.{tag}.pyc" for top, stem in map(split, sources)}

    assert bytecode == (expected if compiled else set())
    assert {packed.read(name)[4:8] for name in bytecode} <= {bytes([0b01, 0, 0, 0])}


def split(source: str) -> tuple[str, str]:
    top, _, name = source.rpartition("/")
    return top, name.removesuffix(".py")


def test_it_is_small(layer: Path) -> None:
    """Under 10 MB for one Python and one architecture."""
    assert layer.stat().st_size < 10_000_000


def test_the_library_in_it(layer: Path, tmp_path: Path) -> None:
    """A function can import it, without the parts that belong to a developer's machine."""
    zipfile.ZipFile(layer).extractall(tmp_path)
    site_packages = tmp_path / SITE_PACKAGES
    code = "import lambda_punch; print(lambda_punch.__file__)"

    found = subprocess.check_output(
        [sys.executable, "-SB", "-c", code], text=True, env={"PYTHONPATH": str(site_packages)}, cwd=tmp_path
    )

    assert found.strip() == f"{site_packages}/lambda_punch/__init__.py"
    left_out = contents.NEVER_IN_A_FUNCTION
    assert left_out & {path.name for path in (site_packages / "lambda_punch").iterdir()} == set()


def test_its_version_can_be_asked(layer: Path, tmp_path: Path) -> None:
    """importlib.metadata finds the library in it."""
    try:
        own = version("lambda-punch")
    except PackageNotFoundError:
        pytest.skip("this checkout is not installed, so it has no version")
    zipfile.ZipFile(layer).extractall(tmp_path)
    code = "import importlib.metadata; print(importlib.metadata.version('lambda-punch'))"

    found = subprocess.check_output(
        [sys.executable, "-SB", "-c", code], text=True, env={"PYTHONPATH": str(tmp_path / SITE_PACKAGES)}, cwd=tmp_path
    )

    assert found.strip() == own


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line says in one line what it wrote and what is in it."""
    monkeypatch.chdir(tmp_path)

    assert command.main(["layer", "--python", PYTHON, "-o", "mine.zip"]) == 0

    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("wrote mine.zip: ")
    assert f" MB for Python {PYTHON} on " in line
    assert f"pyzmq {version('pyzmq')}" in line
    assert os.listdir(tmp_path) == ["mine.zip"]
