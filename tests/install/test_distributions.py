"""Whatever way lambda-punch is installed, it carries the extension."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from lambda_punch.installer import dependencies

from .conftest import REPOSITORY


def source_found_by(path: Path) -> Path:
    """Return what ``source()`` says when lambda_punch is imported from a directory."""
    code = "from lambda_punch.installer import source; print(source())"
    environment = {**os.environ, "PYTHONPATH": str(path)}
    found = subprocess.check_output([sys.executable, "-c", code], cwd=path, env=environment, text=True)
    return Path(found.strip())


def names_in(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir() if path.name != "__pycache__"}


def test_wheel(distributions: Path, tmp_path: Path) -> None:
    """The wheel carries it as package data."""
    (wheel,) = distributions.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path)

    assert source_found_by(tmp_path) == tmp_path / "lambda_punch/_extension"
    assert names_in(tmp_path / "lambda_punch/_extension") == names_in(REPOSITORY / "extension")
    assert (tmp_path / "lambda_punch/py.typed").is_file()


def test_sdist(distributions: Path, tmp_path: Path) -> None:
    """The sdist is a checkout, and the wheel built from it carries it too."""
    (archive,) = distributions.glob("*.tar.gz")
    subprocess.run(["tar", "-xzf", archive, "-C", tmp_path], check=True)
    (checkout,) = tmp_path.iterdir()
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=checkout, check=True, capture_output=True
    )

    assert source_found_by(checkout) == checkout / "extension"
    (wheel,) = (checkout / "dist").glob("*.whl")
    assert "lambda_punch/_extension/lambda-punch" in zipfile.ZipFile(wheel).namelist()
    assert (checkout / "install.sh").is_file()


def test_the_sdist_leaves_nothing_out(distributions: Path) -> None:
    """Each file of the repository is in it: what the Makefile and the tests name is there."""
    if not (REPOSITORY / ".git").exists():
        pytest.skip("this is not a git checkout, so there is no list of files to compare with")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.check_output(command, cwd=REPOSITORY, text=True).split("\0")
    files = {name for name in listed if name and (REPOSITORY / name).exists()}
    (archive,) = distributions.glob("*.tar.gz")

    with tarfile.open(archive) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}

    assert files - names == set()
    assert names - files == {"PKG-INFO"}


def test_editable(tmp_path: Path) -> None:
    """An editable install is the checkout itself, with no copy that would grow old."""
    (built,) = WheelBuilder(str(REPOSITORY)).build(directory=str(tmp_path), versions=["editable"])

    wheel = zipfile.ZipFile(built)
    files = [name for name in wheel.namelist() if ".dist-info/" not in name]
    assert [wheel.read(name).decode().strip() for name in files] == [str(REPOSITORY)]
    assert source_found_by(REPOSITORY) == REPOSITORY / "extension"


def test_the_core_depends_on_what_the_extension_does(distributions: Path) -> None:
    """The extension's own copies are held to the same versions as the library's dependencies."""
    (wheel,) = distributions.glob("*.whl")
    (name,) = (name for name in zipfile.ZipFile(wheel).namelist() if name.endswith("/METADATA"))
    metadata = message_from_bytes(zipfile.ZipFile(wheel).read(name))

    core = {value for value in metadata.get_all("Requires-Dist", []) if "extra ==" not in value}
    assert core == set(dependencies.REQUIREMENTS)
