"""The command line: ``lambda-punch install``, ``uninstall`` and what they share."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lambda_punch import command, installer

if TYPE_CHECKING:
    from pathlib import Path


def test_install_and_uninstall(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each says what it did and ends with 0."""
    assert command.main(["install", "--root", str(tmp_path)]) == 0
    assert command.main(["uninstall", "--root", str(tmp_path)]) == 0
    assert command.main(["uninstall", "--root", str(tmp_path)]) == 0

    said = capsys.readouterr().out.splitlines()
    assert said == [f"installed {tmp_path}/opt/extensions/lambda-punch", "uninstalled", "nothing to uninstall"]


def test_an_error_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the installer raises becomes one line on stderr and exit status 1."""
    assert command.main(["install", "--root", str(tmp_path), "--python", "/nowhere/python3"]) == 1

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("lambda-punch: no such interpreter: /nowhere/python3")


def test_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted command ends with 130, as a shell would say it."""
    monkeypatch.setattr(installer, "uninstall", _interrupt)

    assert command.main(["uninstall"]) == 130


def _interrupt(_: str) -> bool:
    raise KeyboardInterrupt


def test_without_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    """No command is a usage error."""
    with pytest.raises(SystemExit, match="2"):
        command.main([])

    assert "usage: lambda-punch" in capsys.readouterr().err


def test_help_of_local(capsys: pytest.CaptureFixture[str]) -> None:
    """The local Lambda's own arguments are in its help."""
    with pytest.raises(SystemExit, match="0"):
        command.main(["local", "--help"])

    assert "usage: lambda-punch local" in capsys.readouterr().out


def test_install_brings_in_little() -> None:
    """Installing works where the packages of the local Lambda are not: they are not imported."""
    code = (
        "import sys; from lambda_punch import command; command.main(['uninstall', '--root', '/nowhere']); "
        "sys.exit(bool({'aiohttp', 'requests', 'awslambdaric', 'zmq'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0
