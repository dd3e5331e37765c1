"""A part of the matrix on AWS's own emulator: either process is killed, or both are frozen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.rie.emulator import emulator
from tests.rie.private_opt import in_private_opt

from .emulated import Emulated
from .harness import Environment
from .points import FREEZE, HEIR, KILL_EXTENSION, KILL_RUNTIME, POINTS, RUNTIME, SHUTDOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.faults, pytest.mark.network, pytest.mark.timeout(60)]
NAMES = ["extension has INVOKE", "handler has pushed", "response is posted", "extension has the record", "job begins"]
CELLS = [(name, fault) for name in NAMES for fault in (KILL_RUNTIME, KILL_EXTENSION, FREEZE)]
CELLS += [("heir is in a job", KILL_RUNTIME), ("heir is in a job", FREEZE)]


@pytest.fixture(scope="module", autouse=True)
def _rie_runs_here() -> None:
    in_private_opt(Path("/opt"), [str(emulator())])


@pytest.fixture(params=CELLS, ids=lambda cell: f"{cell[0]}-{cell[1]}")
def cell(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    return ("faults on RIE", *request.param)


@pytest.fixture
def environment(cell: tuple[str, str, str], tmp_path: Path, extension: Path) -> Iterator[Environment]:
    point = next(each for each in POINTS if each.name == cell[1])
    process = RUNTIME if point.process == HEIR else point.process
    options = {"process": process, "where": point.where, "when": point.when}
    made = Environment(tmp_path, extension, options, early=False, platform=Emulated)
    made.point, made.fault = point, cell[2]
    yield made
    made.function.shutdown(abandon=True)
    made.controller.close()


def test_on_rie(environment: Environment) -> None:
    """All guarantees hold."""
    assert environment.point is not None

    environment.run_shutdown() if environment.point.phase == SHUTDOWN else environment.run()

    assert environment.violations() == []
