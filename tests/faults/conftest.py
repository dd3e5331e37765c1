"""Prints the matrix as a table at the end, with the verdict on each cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

_verdicts: dict[tuple[str, str, str], str] = {}


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, object, None]:
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]  # pluggy's result
    cell = getattr(item, "funcargs", {}).get("cell")
    if cell is not None and (report.when == "call" or report.failed):
        _verdicts[cell] = "ok" if report.passed else report.outcome.upper()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for table in dict.fromkeys(table for table, _, _ in _verdicts):
        cells = {(row, column): verdict for (name, row, column), verdict in _verdicts.items() if name == table}
        columns = list(dict.fromkeys(column for _, column in cells))
        rows = list(dict.fromkeys(row for row, _ in cells))
        width = max(map(len, rows), default=0)
        terminalreporter.section(table)
        terminalreporter.write_line("  ".join([" " * width, *columns]))
        for row in rows:
            verdicts = [cells.get((row, column), "").ljust(len(column)) for column in columns]
            terminalreporter.write_line("  ".join([row.ljust(width), *verdicts]).rstrip())
