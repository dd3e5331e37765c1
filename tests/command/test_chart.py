"""Drawing a timeline: its rows as text."""

from __future__ import annotations

import re

import pytest

from lambda_punch.command.local.chart import length, render
from lambda_punch.local import Row


def test_plain_drawing() -> None:
    """Plain text has a legend, a scale, one line per invoke with its lengths in words, and bars to scale."""
    rows = [Row(1, "a", init=0.2, response=0.1, background=0.4, frozen=2.0), Row(2, "b", response=0.1, frozen=0.1)]
    text = render(rows, width=80, scale=1.0)

    header, first, second = text.splitlines()
    assert re.search(r"i init +# response += background +\. frozen +0 .*500 ms", header)
    assert re.search(r"#1 +200 ms +100 ms +400 ms +2\.00 s +i+#+=+\.+>$", first)
    assert re.search(r"#2 +- +100 ms +- +100 ms +#+\.+$", second)
    assert first.count("=") == pytest.approx(2 * first.count("i"), abs=1)
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 80


def test_common_scale() -> None:
    """With one scale the same length takes the same room in two drawings; nothing that happened is invisible."""
    one = render([Row(1, "a", response=0.1)], width=100, scale=1.0)
    other = render([Row(1, "a", response=0.1), Row(2, "b", response=0.9, background=0.001)], width=100, scale=1.0)

    bars = [re.search(r"(#+)$", text.splitlines()[1]) for text in (one, other)]
    assert bars[0].group() == bars[1].group()
    assert other.splitlines()[2].endswith("#=")


def test_colours() -> None:
    """In colour the parts are blocks, and taking the colours out leaves every line within the width."""
    text = render([Row(1, "a", init=0.2, response=0.1, background=0.4, frozen=9)], width=90, scale=1.0, color=True)

    assert "\x1b[35m██" in text
    assert max(len(re.sub(r"\x1b\[\d+m", "", line)) for line in text.splitlines()) <= 90


def test_errors() -> None:
    """An error stands behind its bar, or below it where there is no room."""
    rows = [
        Row(1, "a", response=0.01, error_type="ValueError"),
        Row(2, "b", response=1.0, error_type="Sandbox.Timedout"),
    ]
    lines = render(rows, width=80, scale=1.0).splitlines()

    assert lines[1].endswith("# ! ValueError")
    assert lines[3].strip() == "! Sandbox.Timedout"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0008, "0.8 ms"), (0.24, "240 ms"), (1.239, "1.24 s"), (61.0, "61.0 s"), (180.0, "3 min")],
)
def test_length(seconds: float, words: str) -> None:
    """Lengths are said as a person would."""
    assert length(seconds) == words


def test_no_rows() -> None:
    """Of a run without invokes only the legend is drawn."""
    assert render([], scale=1.0).count("\n") == 1
