"""Drawing rows of a timeline: a table of lengths, and beside it bars on one common scale.

In colour the parts are blocks of five colours; in plain text each part has a letter-sized sign of its own. The header
names the parts in their colour or sign, so it is the legend as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lambda_punch.local import Row


@dataclass(frozen=True)
class _Part:
    name: str
    length: Callable[[Row], float]
    sign: str
    block: str
    color: str


_PARTS = (
    _Part("init", lambda row: row.init, "i", "█", "33"),
    _Part("response", lambda row: row.response, "#", "█", "32"),
    _Part("background", lambda row: row.background, "=", "█", "35"),
    _Part("reset", lambda row: row.reset, "x", "█", "31"),
    _Part("frozen", lambda row: row.frozen, ".", "·", "36"),
)
_ERROR_COLOR = "31"
_DIM = "2"
_GAP = " "
_LEAST_BAR = 12
_COLUMN = 7
# anything shorter would read as 0.0 ms
_LEAST_SECONDS = 0.00005


def render(rows: Sequence[Row], *, scale: float, width: int = 80, color: bool = False) -> str:
    """Draw one line per row, ``width`` columns wide; a whole bar is ``scale`` seconds long.

    Every part that took any time is at least one column wide. Frozen time that is longer than the bar is cut off and
    ends in an arrow. The type of an error stands behind the bar, or on a line of its own where there is no room.
    """
    return _Chart(rows, scale=scale, width=width, color=color).draw()


def length(seconds: float) -> str:
    """Say a length in at most seven letters: ``0.8 ms``, ``240 ms``, ``1.24 s``, ``3 min``."""
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.2f} s"
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _round_step(scale: float, most: int) -> float:
    """Return the smallest 1, 2 or 5 times a power of ten that divides the scale into no more than ``most`` parts."""
    least = scale / max(1, most)
    power: float = 10.0 ** math.floor(math.log10(least))
    return next((factor * power for factor in (1, 2, 5) if factor * power >= least), 10 * power)


def _tick(seconds: float) -> str:
    """Say a round length, without the zeros of a measurement."""
    return f"{round(seconds, 6):g} s" if seconds >= 1 else f"{round(seconds * 1000, 3):g} ms"


class _Chart:
    def __init__(self, rows: Sequence[Row], *, scale: float, width: int, color: bool) -> None:
        self._rows = rows
        self._scale = scale
        self._color = color
        # a part that never happened gets no column; the three that every run is about always have one
        self._parts = [p for p in _PARTS if p.name in ("response", "background", "frozen") or self._any(p)]
        self._number = max(2, len(f"#{len(rows)}"))
        self._cells = [max(_COLUMN, len(part.name) + 2) for part in self._parts]
        table = self._number + sum(self._cells) + len(_GAP) * (len(self._cells) + 2)
        self._bar = max(_LEAST_BAR, width - table)

    def draw(self) -> str:
        lines = [self._header()]
        for row in self._rows:
            lines.extend(self._line(row))
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def _any(self, part: _Part) -> bool:
        return any(part.length(row) >= _LEAST_SECONDS for row in self._rows)

    def _header(self) -> str:
        names = []
        for part, cell in zip(self._parts, self._cells, strict=True):
            sign = part.block if self._color else part.sign
            padding = " " * (cell - len(part.name) - 2)
            names.append(padding + self._paint(f"{sign} {part.name}", part.color))
        return _GAP.join([" " * self._number, *names, "", self._axis()])

    def _axis(self) -> str:
        """Mark the beginning, and the round lengths that there is room for, each under its own column."""
        axis = "0"
        step = _round_step(self._scale, self._bar // (_COLUMN + 3))
        at = step
        while at <= self._scale:
            label, column = f"|{_tick(at)}", round(at / self._scale * self._bar) - 1
            if column + len(label) > self._bar:
                label, column = f"{_tick(at)}|", column - len(_tick(at))
            if len(axis) < column:
                axis = axis.ljust(column) + label
            at += step
        return self._paint(axis, _DIM)

    def _line(self, row: Row) -> list[str]:
        cells = []
        for part, cell in zip(self._parts, self._cells, strict=True):
            seconds = part.length(row)
            cells.append((length(seconds) if seconds >= _LEAST_SECONDS else "-").rjust(cell))
        bar, used = self._bar_of(row)
        head = _GAP.join([f"#{row.number}".rjust(self._number), *cells, ""])
        if row.error_type is None:
            return [f"{head}{_GAP}{bar}"]
        note = f"! {row.error_type}"
        if used + 1 + len(note) <= self._bar:
            return [f"{head}{_GAP}{bar} {self._paint(note, _ERROR_COLOR)}"]
        return [f"{head}{_GAP}{bar}", " " * (self._number + len(_GAP)) + self._paint(note, _ERROR_COLOR)]

    def _bar_of(self, row: Row) -> tuple[str, int]:
        """Return the bar and how many columns it takes."""
        bar, used, end = "", 0, 0.0
        for part in self._parts:
            seconds = part.length(row)
            if seconds < _LEAST_SECONDS:
                continue
            end += seconds
            # rounding the ends, not the lengths, keeps the bars of all rows on one scale
            wanted = max(1, round(end / self._scale * self._bar) - used)
            columns = min(wanted, self._bar - used)
            if columns <= 0:
                continue
            bar += self._paint(self._fill(part, columns, cut=columns < wanted), part.color)
            used += columns
        return bar, used

    def _fill(self, part: _Part, columns: int, *, cut: bool) -> str:
        sign = part.block if self._color else part.sign
        return sign * (columns - 1) + (("→" if self._color else ">") if cut else sign)

    def _paint(self, text: str, color: str) -> str:
        return f"\x1b[{color}m{text}\x1b[0m" if self._color and text else text
