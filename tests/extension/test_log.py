"""The extension's lines."""

from __future__ import annotations

import json

import pytest

from extension import log


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The extension's environment, settable."""
    found: dict[str, str] = {}
    monkeypatch.setattr(log, "environment", lambda name: found.get(name, ""))
    return found


def test_errors_are_written_and_details_are_not(variables: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """By default; one prefixed line each."""
    log.error("a fault")
    log.debug("a detail")

    assert capsys.readouterr().out == "[ERROR] lambda-punch extension: a fault\n"


@pytest.mark.parametrize(("level", "lines"), [("debug", 2), ("DEBUG", 2), ("error", 1), ("critical", 0), ("loud", 1)])
def test_the_level_is_the_library_s(
    variables: dict[str, str], capsys: pytest.CaptureFixture[str], level: str, lines: int
) -> None:
    """LAMBDA_PUNCH_LOG_LEVEL in either case; an unknown one means error."""
    variables["LAMBDA_PUNCH_LOG_LEVEL"] = level
    log.error("a fault")
    log.debug("a detail")

    assert capsys.readouterr().out.count("\n") == lines


def test_json_where_lambda_s_log_format_is_json(variables: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """One object a line."""
    variables["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
    log.error('a "fault"')

    line = json.loads(capsys.readouterr().out)
    assert (line["level"], line["message"], line["logger"]) == ("ERROR", 'a "fault"', "lambda-punch.extension")


def test_a_fault_is_described_with_its_place_on_one_line() -> None:
    """So a report tells where to look."""
    with pytest.raises(ValueError, match="lines") as caught:
        int("two\nlines")
    described = log.describe(caught.value)

    assert described.startswith("ValueError: invalid literal for int() with base 10: 'two\\nlines' (test_log.py:")
