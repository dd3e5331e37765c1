"""What ``install`` leaves under ROOT/opt."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from lambda_punch.installer import install, staged

IMPORT = "import sys; sys.path.append(sys.argv[1]); import zmq, inotify_simple; print(zmq.__file__); print(inotify_simple.__file__); print(zmq.zmq_version())"


def first_line(executable: Path) -> str:
    return executable.read_text().splitlines()[0]


def listing(directory: Path) -> list[tuple[str, int]]:
    return sorted((str(path.relative_to(directory)), path.stat().st_mode) for path in directory.rglob("*"))


def test_twice_is_the_same_as_once(root: Path) -> None:
    """Installing over an installation gives the same files with the same modes."""
    before = listing(root)

    install(root)

    assert listing(root) == before
    assert sorted(os.listdir(root / "opt")) == ["extensions", "lambda-punch"]
    assert os.listdir(root / "opt" / "extensions") == ["lambda-punch"]


def test_first_line_is_the_interpreter(root: Path) -> None:
    """The executable starts with an absolute path, of the interpreter and not of a virtual environment around it."""
    line = first_line(root / "opt/extensions/lambda-punch")

    assert line == f"#!{os.path.realpath(sys.executable) if sys.prefix != sys.base_prefix else sys.executable} -IS"


def test_virtual_environment_may_go(tmp_path: Path) -> None:
    """The extension outlives the virtual environment it was installed from."""
    venv.create(tmp_path / "venv", symlinks=True, with_pip=False)
    executable = install(tmp_path / "root", python=str(tmp_path / "venv/bin/python"))
    shutil.rmtree(tmp_path / "venv")

    assert registers(executable)


def test_interpreter_without_pip(tmp_path: Path) -> None:
    """An interpreter that has no pip is served by ours."""
    venv.create(tmp_path / "venv", symlinks=True, with_pip=False)

    install(tmp_path / "root", python=str(tmp_path / "venv/bin/python"))

    assert (tmp_path / "root/opt/lambda-punch/zmq/__init__.py").is_file()


def test_interpreter_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name without a path is looked up on PATH."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/a-python").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    executable = install(tmp_path / "root", python="a-python")

    assert Path(first_line(executable)[2:].split()[0]).is_absolute()


def test_dependencies_are_its_own(root: Path) -> None:
    """Both dependencies come from ROOT/opt/lambda-punch in an interpreter without site-packages."""
    library = root / "opt/lambda-punch"

    zmq, inotify, _ = subprocess.check_output([sys.executable, "-IS", "-c", IMPORT, library], text=True).splitlines()

    assert Path(zmq) == library / "zmq/__init__.py"
    assert Path(inotify) == library / "inotify_simple.py"


def test_it_may_be_moved(root: Path, tmp_path: Path) -> None:
    """A tree staged anywhere runs where it is moved to."""
    (root / "opt").rename(tmp_path / "opt")

    assert registers(tmp_path / "opt/extensions/lambda-punch")


def test_nothing_is_written_at_run_time(root: Path) -> None:
    """Everything is compiled at installation, and not compared with its source afterwards."""
    before = listing(root)
    for source in root.rglob("*.py"):
        os.utime(source, (0, 0))

    subprocess.run([sys.executable, "-IS", "-c", IMPORT, root / "opt/lambda-punch"], check=True, capture_output=True)
    assert registers(root / "opt/extensions/lambda-punch")

    assert listing(root) == before
    unchecked = [int.from_bytes(path.read_bytes()[4:8], "little") for path in root.rglob("*.pyc")]
    assert set(unchecked) == {0b01}  # PEP 552: by hash, unchecked


def test_everyone_may_read(tmp_path: Path) -> None:
    """Whatever the umask, the user that Lambda runs extensions as can read all and run the executable."""
    before = os.umask(0o077)
    try:
        executable = install(tmp_path / "root")
    finally:
        os.umask(before)

    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "root/opt").rglob("*")}
    assert modes == {0o755, 0o644}
    assert executable.stat().st_mode & 0o777 == 0o755


def test_others_stay(root: Path) -> None:
    """Another extension in the same directory is left alone."""
    other = root / "opt/extensions/other"
    other.write_text("another's")

    install(root)

    assert other.read_text() == "another's"


def test_unused_parts_are_left_out(root: Path) -> None:
    """The copy of pyzmq has no tests, stubs or sources, which every cold start would have to carry."""
    package = root / "opt/lambda-punch/zmq"

    assert not (package / "tests").exists()
    assert not [path for path in package.rglob("*") if path.suffix in (".pyi", ".pyx", ".h")]


def test_everyday_settings_of_pip_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that contradict installing into a directory are put aside."""
    for name, value in {"USER": "1", "TARGET": "/nowhere", "PREFIX": "/nowhere", "REQUIRE_VIRTUALENV": "1"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)

    assert install(tmp_path / "root").is_file()


def test_installed_executable_registers(root: Path) -> None:
    """Lambda starting the file sees it register under the file's name."""
    assert registers(root / "opt/extensions/lambda-punch")


@pytest.mark.parametrize("name", ["with a blank", "x" * 120])
def test_staged_executable_registers(tmp_path: Path, name: str) -> None:
    """The staged executable runs, also for an interpreter whose path cannot stand in a first line."""
    (tmp_path / name).symlink_to(Path(sys.executable).resolve())

    with staged(str(tmp_path / name)) as executable:
        assert registers(executable)


def registers(executable: Path) -> bool:
    """Start the executable as Lambda does and tell whether it asks to be registered as lambda-punch."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        host, port = server.getsockname()
        meeting = executable.parents[2] / "meeting"
        environment = {"AWS_LAMBDA_RUNTIME_API": f"{host}:{port}", "LAMBDA_PUNCH_DIR": str(meeting)}
        extension = subprocess.Popen([executable], env=environment, stderr=subprocess.DEVNULL)
        try:
            connection, _ = server.accept()
            with connection:
                request = connection.recv(65536).decode().lower()
        finally:
            extension.kill()
            extension.wait()
            shutil.rmtree(meeting, ignore_errors=True)
    return request.startswith("post /2020-01-01/extension/register") and (
        "\r\nlambda-extension-name: lambda-punch\r\n" in request
    )
