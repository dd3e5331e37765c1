"""What of the library a layer holds, and that it does without the rest."""

from __future__ import annotations

import ast
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lambda_punch.installer import contents

from .conftest import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

LIBRARY = REPOSITORY / "lambda_punch"


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """The library as a layer has it, in a directory for sys.path."""
    contents.copy_library(LIBRARY, tmp_path / "lambda_punch")
    return tmp_path


def test_a_new_file_and_a_new_folder_are_packed(tmp_path: Path) -> None:
    """Only a name that is listed stays out, and only at the top of the package."""
    package = tmp_path / "package"
    for name in ("new.py", "room/new.py", "room/local/new.py", "local/new.py", "__main__.py", "__pycache__/new.pyc"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).touch()

    contents.copy_library(package, tmp_path / "packed")

    found = {str(path.relative_to(tmp_path / "packed")) for path in (tmp_path / "packed").rglob("*.py*")}
    assert found == {"new.py", "room/new.py", "room/local/new.py"}


def test_every_module_that_is_packed_can_be_imported(packed: Path) -> None:
    """In a process in which what stays out does not exist."""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT_ALL], cwd=packed, capture_output=True, text=True, check=False
    )

    assert ran.returncode == 0, ran.stderr
    modules = {".".join(path.relative_to(packed).with_suffix("").parts) for path in packed.rglob("*.py")}
    assert set(ran.stdout.split()) == {name.removesuffix(".__init__") for name in modules}


IMPORT_ALL = """
import importlib, os, pathlib, sys
from django.conf import settings
settings.configure(INSTALLED_APPS=["django_tasks"])
sys.path.insert(0, os.getcwd())
for path in sorted(pathlib.Path("lambda_punch").rglob("*.py")):
    name = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
    found = importlib.import_module(name).__file__
    assert found == str(path.absolute()), found
    print(name)
"""


def test_nothing_that_is_packed_names_what_is_not(packed: Path) -> None:
    """No import does so either that is inside a function, or only for types."""
    unpacked = {name.removesuffix(".py") for name in contents.NEVER_IN_A_FUNCTION}
    found = [
        f"{path.relative_to(packed)} imports {name}"
        for path in sorted(packed.rglob("*.py"))
        for name in imported(path, packed)
        if name.split(".")[0] == "lambda_punch" and name.split(".")[1:2] and name.split(".")[1] in unpacked
    ]

    assert found == []


def imported(path: Path, root: Path) -> set[str]:
    """The full names that a file imports, wherever it does."""
    found: set[str] = set()
    package = path.relative_to(root).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{prefix}.{alias.name}" for alias in node.names}
    return found


def test_what_stays_out_is_known_to_the_checkout() -> None:
    """A folder that was renamed would be packed again without anyone noticing."""
    folders = {path.name for path in LIBRARY.iterdir() if path.is_dir() and path.name != "__pycache__"}

    assert {"installer", "local", "testing"} <= contents.NEVER_IN_A_FUNCTION & folders
