"""Each fault at each point of the conversation.

Every answer is right and in time, no job runs twice, no job is lost without a line, and the next invoke is served.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .harness import Environment
from .points import (
    DELETED,
    DESCRIPTORS,
    DISK,
    FAULTS,
    HEIR,
    INIT,
    KILL_EXTENSION,
    KILL_RUNTIME,
    POINTS,
    RUNTIME,
    SHUTDOWN,
    Point,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.faults, pytest.mark.timeout(60)]


def _applies(point: Point, fault: str) -> bool:
    """Tell whether the cell makes sense: a runtime that has not started cannot be killed."""
    if point.phase == INIT and point.process != RUNTIME:
        return fault != KILL_RUNTIME
    return True


CELLS = [(point, fault) for point in POINTS for fault in FAULTS if _applies(point, fault)]


@pytest.fixture(params=CELLS, ids=lambda cell: f"{cell[0].name}-{cell[1]}")
def cell(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    point, fault = request.param
    return ("faults at the points of the conversation", point.name, fault)


@pytest.fixture
def environment(cell: tuple[str, str, str], tmp_path: Path, extension: Path) -> Iterator[Environment]:
    point = next(each for each in POINTS if each.name == cell[1])
    options = {
        "process": RUNTIME if point.process == HEIR else point.process,
        "where": point.where,
        "when": point.when,
    }
    made = Environment(tmp_path, extension, options, early=point.phase == INIT)
    made.point, made.fault = point, cell[2]
    yield made
    made.function.shutdown(abandon=True)
    made.controller.close()


def test_fault(environment: Environment) -> None:
    """All guarantees hold."""
    assert environment.point is not None
    run = {INIT: environment.run_init, SHUTDOWN: environment.run_shutdown}.get(environment.point.phase, environment.run)

    run()

    assert environment.violations() == []


def test_there_are_enough_points() -> None:
    """Their names are unique, so each is a row of the table."""
    assert len({point.name for point in POINTS}) == len(POINTS) >= 15
    assert {KILL_RUNTIME, KILL_EXTENSION, DESCRIPTORS, DISK, DELETED} < set(FAULTS)
