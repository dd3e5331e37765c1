"""The settings: one line each, from which everything else follows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import lambda_punch as punch
from lambda_punch import _settings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    before = _settings.restore()
    yield
    _settings.restore(before)


def table() -> list[str]:
    """The rows of docs/settings.md as the options say them."""
    rows = []
    for name, each in _settings.OPTIONS.items():
        code = f"`{name}`" if each.in_code else "-"
        variable = f"`{each.variable}`" if each.variable else "-"
        default = "" if each.default in (None, "", {}) else f"`{each.default}`"
        rows.append(f"| {code} | {variable} | {default} | {each.text} |")
    return rows


def test_the_table_in_the_docs_is_made_of_the_options() -> None:
    """Row by row."""
    lines = (ROOT / "docs" / "settings.md").read_text().splitlines()
    found = [line for line in lines if line.startswith(("| `", "| - |"))]

    assert found == table()


def test_one_option_stands_in_one_place() -> None:
    """Its default, its variable and its check are where it is declared, and nowhere else in the package."""
    table = ROOT / "lambda_punch" / "_settings" / "__init__.py"
    source = table.read_text()
    for name in _settings.OPTIONS:
        assert len(re.findall(rf"^    {name}: .* = option\(", source, re.MULTILINE)) == 1
    others = [path for path in (ROOT / "lambda_punch").rglob("*.py") if path != table]
    variables = {each.variable for each in _settings.OPTIONS.values() if each.variable}
    named = {(str(path), variable) for path in others for variable in variables if f'"{variable}"' in path.read_text()}

    assert {path for path, _ in named if "/local/" not in path and "/command/" not in path} == set()


def test_reading_changes_nothing() -> None:
    """configure() is still possible, and nothing else happens."""
    assert _settings.current().workers == 1
    punch.configure(workers=2)

    assert _settings.current().workers == 2
    assert not _settings.is_frozen()


def test_once_in_force_they_stay_and_configure_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment says by then."""
    _settings.freeze()
    monkeypatch.setenv("LAMBDA_PUNCH_WORKERS", "5")

    assert _settings.freeze()[0].workers == 1
    with pytest.raises(punch.ConfigurationError, match="came too late"):
        punch.configure(workers=2)


def test_code_wins_over_the_environment_and_the_environment_over_the_default() -> None:
    """Each option for itself."""
    punch.configure(workers=3)
    found, complaints = _settings.read({"LAMBDA_PUNCH_WORKERS": "5", "LAMBDA_PUNCH_MARGIN": "0.5"})

    assert (found.workers, found.margin, found.exit_timeout) == (3, 0.5, 30.0)
    assert complaints == []


def test_a_test_can_restore_what_was_given() -> None:
    """And begins with nothing in force."""
    punch.configure(workers=3)
    before = _settings.restore()
    assert _settings.current().workers == 1
    _settings.restore(before)

    assert _settings.current().workers == 3


def test_an_unknown_option_is_named_with_those_there_are() -> None:
    """A typing error, most likely."""
    with pytest.raises(punch.ConfigurationError, match="there is no option 'worker'; there are: log_level, margin"):
        punch.configure(worker=2)  # type: ignore[call-arg]


def test_what_the_extension_reads_too_cannot_be_set_in_code() -> None:
    """It would not see it."""
    with pytest.raises(punch.ConfigurationError, match="set LAMBDA_PUNCH_DIR, which the extension reads, too"):
        punch.configure(dir="/tmp/elsewhere")  # type: ignore[call-arg]


@pytest.mark.parametrize("name", [name for name, each in _settings.OPTIONS.items() if each.variable])
def test_a_variable_that_cannot_be_is_complained_of_and_left_out(name: str) -> None:
    """Whatever its option is; a text in a byte that no option takes."""
    variable = _settings.OPTIONS[name].variable
    if name == "dir":
        value: Any = "a\0b"
    else:
        value = "\u2028"
    found, complaints = _settings.read({variable: value})

    assert len(complaints) == 1
    assert complaints[0].startswith(f"{variable}={value!r} is not used: ")
    assert getattr(found, name) == getattr(_settings.Settings(), name)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("workers", "many", "workers must be a whole number from 1 to 1000, not 'many'"),
        ("margin", "0,5", "margin must be a number of seconds from 0.01 to 900, not '0,5'"),
        ("queues", "{", "it must be JSON: Expecting property name"),
        ("metrics_arguments", "perhaps", "it must be true or false"),
    ],
)
def test_a_complaint_says_what_the_variable_must_be(name: str, text: str, reason: str) -> None:
    """In the words of the option, and not in those of float() or int()."""
    _, (complaint,) = _settings.read({_settings.OPTIONS[name].variable: text})

    assert reason in complaint


def test_help_tells_each_option() -> None:
    """With its default."""
    doc = punch.configure.__doc__ or ""

    for name, each in _settings.OPTIONS.items():
        assert (f"{name}: {each.text} ({each.default!r})." in doc) == each.in_code


def test_a_wrong_variable_is_logged_once_by_whoever_needs_the_settings_first() -> None:
    """At ERROR, with the variable's name."""
    code = "import lambda_punch as p; p.start(); p.start(); p.push(print, 'ran')"
    env = {**os.environ, "LAMBDA_PUNCH_WORKERS": "many"}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)

    assert ran.stdout == "ran\n"
    assert ran.stderr.count("LAMBDA_PUNCH_WORKERS='many' is not used") == 1
