"""What the subcommands of ``jobs`` print: tables, facts, lines. What a message holds is shown without control characters."""

from __future__ import annotations

import shutil
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambda_punch.jobs.operating.letters import Letter

_UNITS = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def complain(subcommand: str, text: str) -> None:
    """Print what went wrong, on stderr."""
    print(f"lambda-punch jobs {subcommand}: {text}", file=sys.stderr)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[str] = ()) -> None:
    """Print columns, those in ``numbers`` flush right. On a terminal a line is cut where the terminal ends."""
    cells = [list(heads), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(heads))]
    most = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for row in cells:
        line = "  ".join(
            cell.rjust(width) if head in numbers else cell.ljust(width)
            for cell, width, head in zip(row, widths, heads, strict=True)
        ).rstrip()
        print(line if most is None or len(line) <= most else line[: most - 3] + "...")


def named(letter: Letter) -> str:
    """Return a letter's job and id."""
    return printable(f"{letter.job or '(not a job)'} {letter.short_id}")


def clock(epoch: float | None) -> str:
    """Return a time as it is shown: UTC, in seconds."""
    if not epoch:
        return "-"
    return datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def length(seconds: float | None) -> str:
    """Return a length of time with its two largest units."""
    if seconds is None:
        return "-"
    left = int(seconds)
    parts: list[str] = []
    for size, unit in _UNITS:
        if left >= size or (unit == "s" and not parts):
            parts.append(f"{left // size}{unit}")
            left %= size
    return " ".join(parts[:2])


def printable(text: str) -> str:
    """Escape what would move the cursor or change the terminal."""
    return (
        text
        if text.isprintable()
        else "".join(
            each if each.isprintable() else each.encode("unicode_escape", "backslashreplace").decode("ascii")
            for each in text
        )
    )
