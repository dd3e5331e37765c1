"""What the subcommands share: one list of them, help that costs little, errors in one line."""

from __future__ import annotations

import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from lambda_punch import command

if TYPE_CHECKING:
    from pathlib import Path

SUBCOMMANDS = sorted(
    module.name
    for module in pkgutil.iter_modules(command.__path__)
    if hasattr(import_module(f"lambda_punch.command.{module.name}"), "declare")
)
HEAVY = {"aiohttp", "asyncio", "awslambdaric", "boto3", "docker", "moto", "requests", "zmq"}


def modules_after(*words: str) -> set[str]:
    """The modules that are imported when a command has run."""
    code = (
        "import sys\nfrom lambda_punch import command\n"
        f"try:\n    command.main({list(words)!r})\nexcept SystemExit:\n    pass\n"
        "sys.stderr.write(' '.join(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(ran.stderr.split())


def help_of(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit, match="0"):
        command.main([*words, "--help"])
    return capsys.readouterr().out


def test_every_module_that_declares_a_subcommand_has_a_line_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """A new subcommand is a new module and a line in the list."""
    listed = re.findall(r"^ {4}(\w+)", help_of([], capsys), re.MULTILINE)

    assert sorted(listed) == SUBCOMMANDS


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_a_subcommand_describes_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Its own help has its arguments and says what it does; only its own module knows them."""
    shown = help_of([name], capsys)

    assert shown.startswith(f"usage: lambda-punch {name} [-h]")
    assert callable(import_module(f"lambda_punch.command.{name}").declare)
    assert len(shown.split("\n\n")[1]) > 20


@pytest.mark.parametrize(
    "words", [["--help"], ["local", "--help"], ["dashboard", "--function", "web"], ["uninstall", "--root", "/nowhere"]]
)
def test_it_imports_only_what_it_needs(words: list[str]) -> None:
    """It works where the packages of the local Lambda are not installed, and starts quickly."""
    assert modules_after(*words) & HEAVY == set()


def test_help_imports_no_subcommand() -> None:
    """So a new subcommand cannot make the others slower."""
    assert {name for name in modules_after("--help") if name.startswith("lambda_punch.command.")} == set()


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Also in a checkout that is not installed."""
    with pytest.raises(SystemExit, match="0"):
        command.main(["--version"])

    assert "".join(capsys.readouterr()).startswith("lambda-punch ")


@pytest.mark.parametrize("words", [[], ["nothing"]])
def test_without_a_known_subcommand_it_is_a_usage_error(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The message shows what there is."""
    with pytest.raises(SystemExit, match="2"):
        command.main(words)

    assert "usage: lambda-punch" in capsys.readouterr().err


def test_an_error_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the library raises becomes one line on stderr and exit status 1."""
    assert command.main(["install", "--root", str(tmp_path), "--python", "/nowhere/python3"]) == 1

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("lambda-punch: no such interpreter: /nowhere/python3")


def test_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted command ends with 130, as a shell reports it."""

    def interrupt(_: str) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr("lambda_punch.installer.uninstall", interrupt)

    assert command.main(["uninstall"]) == 130
