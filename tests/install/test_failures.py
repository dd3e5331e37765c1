"""An installation that fails says why, and leaves everything as it was."""

from __future__ import annotations

import os
import shutil
import sys
import venv
import zipfile
from importlib.util import find_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambda_punch.errors import InstallError
from lambda_punch.installer import install, package_manager
from lambda_punch.installer.interpreter import find_interpreter

from .conftest import snapshot

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def unreachable_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """Point pip at a port where nobody listens."""
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")


@pytest.mark.usefixtures("unreachable_index")
def test_pip_cannot_fetch(tmp_path: Path) -> None:
    """Without an index nothing is made, not even the root."""
    with pytest.raises(InstallError, match="pip cannot fetch pyzmq"):
        install(tmp_path / "root")

    assert not (tmp_path / "root").exists()


def test_pip_cannot_fetch_the_second_time(root: Path, request: pytest.FixtureRequest) -> None:
    """An earlier installation survives, and nothing temporary is left beside it."""
    before = snapshot(root)
    request.getfixturevalue("unreachable_index")

    with pytest.raises(InstallError):
        install(root)

    assert snapshot(root) == before
    assert sorted(os.listdir(root / "opt")) == ["extensions", "lambda-punch"]


def test_a_dependency_that_cannot_be_imported(
    root: Path, wheelhouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was fetched is tried before it replaces what works."""
    before = snapshot(root)
    broken = tmp_path / "broken"
    shutil.copytree(wheelhouse, broken)
    (wheel,) = broken.glob("inotify_simple-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        contents = {name: packed.read(name) for name in packed.namelist()}
    with zipfile.ZipFile(wheel, "w") as packed:
        for name, content in contents.items():
            packed.writestr(name, b"raise ImportError('broken')" if name == "inotify_simple.py" else content)
    monkeypatch.setenv("PIP_FIND_LINKS", str(broken))

    with pytest.raises(InstallError, match="cannot be imported by .*: ImportError: broken"):
        install(root)

    assert snapshot(root) == before


def test_failing_at_the_last_step(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even when the executable cannot be renamed into place, the library of before is back."""
    before = snapshot(root)
    monkeypatch.setattr(Path, "replace", _no_space)

    with pytest.raises(InstallError, match="No space left"):
        install(root)

    assert snapshot(root) == before


def test_failing_at_the_last_step_the_first_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing was installed, nothing is afterwards."""
    monkeypatch.setattr(Path, "replace", _no_space)

    with pytest.raises(InstallError, match="No space left"):
        install(tmp_path / "root")

    assert not (tmp_path / "root").exists()


def _no_space(*_: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("place", ["opt", "opt/extensions"])
def test_a_file_in_the_way(tmp_path: Path, place: str) -> None:
    """A file where a directory has to be is named in the error and left alone."""
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("in the way")

    with pytest.raises(InstallError, match=f"cannot install into .*{place}"):
        install(tmp_path)

    assert (tmp_path / place).read_text() == "in the way"


def test_a_directory_nobody_can_write() -> None:
    """A file system that takes no files, even from root, is a clear error."""
    with pytest.raises(InstallError, match="cannot install into /proc/self/opt"):
        install("/proc/self")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
@pytest.mark.parametrize("place", ["opt", "opt/extensions"])
def test_a_directory_one_may_not_write(root: Path, place: str) -> None:
    """A lack of rights is found before pip fetches anything."""
    (root / place).chmod(0o555)

    try:
        with pytest.raises(InstallError, match=f"{place} is not writable"):
            install(root)
    finally:
        (root / place).chmod(0o755)


def test_no_such_interpreter(tmp_path: Path) -> None:
    """A missing interpreter is named."""
    with pytest.raises(InstallError, match="no such interpreter: /nowhere/python3"):
        install(tmp_path / "root", python="/nowhere/python3")

    assert not (tmp_path / "root").exists()


def test_an_old_interpreter(tmp_path: Path, script: Callable[[str], Path]) -> None:
    """An interpreter that is too old is told from one that is missing."""
    old = script("""echo '[[3, 9], "/usr/bin/python3.9"]'""")

    with pytest.raises(InstallError, match=r"is Python 3\.9; the extension needs 3\.10 or later"):
        install(tmp_path / "root", python=str(old))


@pytest.mark.parametrize("body", ["exit 3", "echo hello", "echo []", ":"])
def test_no_interpreter_at_all(tmp_path: Path, script: Callable[[str], Path], body: str) -> None:
    """A program that is no Python is refused."""
    with pytest.raises(InstallError, match="does not run as a Python interpreter"):
        install(tmp_path / "root", python=str(script(body)))


@pytest.mark.parametrize("name", ["with a blank", "x" * 120])
def test_a_path_that_no_first_line_can_hold(tmp_path: Path, script: Callable[[str], Path], name: str) -> None:
    """A path with a blank, or too long, is refused: the kernel would cut it in silence."""
    odd = script(f"""echo '[[3, 12], "/{name}/python"]'""")

    with pytest.raises(InstallError, match="cannot stand in a script's first line"):
        install(tmp_path / "root", python=str(odd))


@pytest.mark.parametrize("place", ["opt/extensions/lambda-punch", "opt/lambda-punch"])
def test_what_another_put_there(tmp_path: Path, place: str) -> None:
    """A file or directory of our name that is not ours is not replaced."""
    (tmp_path / place).parent.mkdir(parents=True)
    (tmp_path / place).write_text("another's")

    with pytest.raises(InstallError, match="was not put there by lambda-punch install"):
        install(tmp_path)

    assert (tmp_path / place).read_text() == "another's"


def test_no_pip_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pip and uv the error says which interpreters were asked."""
    venv.create(tmp_path / "venv", symlinks=True, with_pip=False)
    python = tmp_path / "venv/bin/python"
    monkeypatch.setattr(package_manager, "find_spec", lambda name: None if name == "pip" else find_spec(name))
    monkeypatch.setattr(package_manager.Uv, "fault", lambda _: "")

    with pytest.raises(InstallError, match=f"no pip and no uv .*: {python} and {sys.executable} have neither"):
        install(tmp_path / "root", python=str(python))


@pytest.mark.parametrize(
    ("works_for", "cure"), [([], "or install pip ({python} -m ensurepip), or uv (https://docs.astral.sh/uv/)"), (["--version"], "")]
)  # fmt: skip
def test_an_old_pip_that_is_borrowed_for_a_newer_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, works_for: list[str], cure: str
) -> None:
    """It crashes, at once (pip 21 on Python 3.12) or later: one sentence instead of its traceback."""
    venv.create(tmp_path / "venv", symlinks=True, with_pip=False)
    python = tmp_path / "venv/bin/python"
    pip = tmp_path / "pip"
    pip.mkdir()
    (pip / "__init__.py").touch()
    (pip / "__main__.py").write_text(f"import pkgutil, sys\nsys.argv[1:] == {works_for} or pkgutil.ImpImporter2")
    spec = spec_from_file_location("pip", pip / "__init__.py")
    monkeypatch.setattr(package_manager, "find_spec", lambda name: spec if name == "pip" else find_spec(name))
    monkeypatch.setattr(package_manager.Uv, "fault", lambda _: "")

    with pytest.raises(InstallError) as caught:
        install(tmp_path / "root", python=str(python))

    text = str(caught.value)
    assert text.startswith(
        f"{python} {pip} crashes, most likely because it is too old for this Python (AttributeError: "
    )
    assert "; upgrade it" in text
    assert text.endswith(cure.format(python=python))


def test_uv_takes_the_place_of_a_pip_that_crashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pip is passed over; nothing is asked of it again."""
    interpreter = find_interpreter(sys.executable)
    monkeypatch.setattr(package_manager.Pip, "fault", lambda _: "AttributeError: no ImpImporter")
    monkeypatch.setattr(package_manager.Uv, "fault", lambda _: None)
    monkeypatch.setenv("UV", str(tmp_path / "uv"))

    assert isinstance(package_manager.find_package_manager(interpreter), package_manager.Uv)
