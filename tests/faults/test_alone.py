"""The matrix without our extension, beside one that does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .harness import Environment
from .points import FAULTS_ALONE, INIT, POINTS_ALONE, SHUTDOWN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.faults, pytest.mark.timeout(60)]
CELLS = [(point, fault) for point in POINTS_ALONE for fault in FAULTS_ALONE]


@pytest.fixture(params=CELLS, ids=lambda cell: f"{cell[0].name}-{cell[1]}")
def cell(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    point, fault = request.param
    return ("faults without the extension", point.name, fault)


@pytest.fixture
def environment(cell: tuple[str, str, str], tmp_path: Path) -> Iterator[Environment]:
    point = next(each for each in POINTS_ALONE if each.name == cell[1])
    options = {"process": point.process, "where": point.where, "when": point.when}
    made = Environment(tmp_path, None, options, early=point.phase == INIT)
    made.point, made.fault = point, cell[2]
    yield made
    made.function.shutdown(abandon=True)
    made.controller.close()


def test_alone(environment: Environment) -> None:
    """All guarantees hold, but nobody is left to name the jobs of a runtime that was killed."""
    assert environment.point is not None
    run = {INIT: environment.run_init, SHUTDOWN: environment.run_shutdown}.get(environment.point.phase, environment.run)

    run()

    assert environment.violations() == []
