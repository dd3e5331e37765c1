"""Runtime API and Extensions API answer with status 500, close the connection, or let wait: a proxy stands before them.

What the runtime client does about its own calls is not our business (it ends the process): the caller gets what it gets
without us, which is measured in the same way with a function and an extension that know nothing of us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .harness import Environment, behind_proxy
from .proxy import PLATFORM_FAULTS, Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.faults, pytest.mark.timeout(60)]

CALLS = {
    "runtime: next": "GET /2018-06-01/runtime/invocation/next",
    "runtime: response": "/response ",
    "extension: register": "POST /2020-01-01/extension/register",
    "extension: first next": "GET /2020-01-01/extension/event/next",
    "extension: next": "GET /2020-01-01/extension/event/next",
}
EARLY = ("extension: register", "extension: first next")


@pytest.fixture(params=[(call, how) for call in CALLS for how in PLATFORM_FAULTS], ids=lambda cell: f"{cell[0]}-{cell[1]}")
def cell(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    return ("faults of the platform", *request.param)


@pytest.fixture
def proxy(cell: tuple[str, str, str]) -> Iterator[Proxy]:
    made = Proxy(CALLS[cell[1]], cell[2])
    yield made
    made.close()


def test_platform(cell: tuple[str, str, str], proxy: Proxy, tmp_path: Path, extension: Path) -> None:
    """The answers are those that the plain function gets, and all guarantees hold."""
    _, call, how = cell
    environment = Environment(tmp_path, extension, {}, early=False, api=proxy.address)
    environment.fault = how
    try:
        behind_proxy(environment, proxy, early=call in EARLY)
        assert environment.violations() == []
    finally:
        environment.function.shutdown(abandon=True)
        environment.controller.close()
