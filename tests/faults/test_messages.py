"""Each message between library and extension is dropped, delayed, sent twice, or sent with other bytes in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .harness import Environment
from .points import MESSAGES, SHUTDOWN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.faults, pytest.mark.timeout(60)]
HOW = ["drop", "delay", "duplicate", "corrupt"]


@pytest.fixture(
    params=[(message, how) for message in MESSAGES for how in HOW], ids=lambda cell: f"{cell[0].name}-{cell[1]}"
)
def cell(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    message, how = request.param
    return ("faults of messages", message.name, how)


@pytest.fixture
def environment(cell: tuple[str, str, str], tmp_path: Path, extension: Path) -> Iterator[Environment]:
    message = next(each for each in MESSAGES if each.name == cell[1])
    options = {
        "process": message.process,
        "message": message.where,
        "how": cell[2],
        "hit": str(message.hit),
        "argument": str(message.argument),
    }
    made = Environment(tmp_path, extension, options, early=False)
    made.fault = cell[2]
    yield made
    made.function.shutdown(abandon=True)
    made.controller.close()


def test_message(environment: Environment, cell: tuple[str, str, str]) -> None:
    """All guarantees hold. A lost message costs no more than one hold, which ends at the margin."""
    message = next(each for each in MESSAGES if each.name == cell[1])

    environment.run_shutdown() if message.phase == SHUTDOWN else environment.run()

    if environment.controller.about("message") or "message" in environment.controller.notes:
        environment.controller.struck.set()
    assert environment.violations() == []
