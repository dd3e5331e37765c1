"""The local Lambda is RIE, call by call, but for the differences in the table."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
import requests

from lambda_punch.local import LocalLambda

from .conftest import Pair
from .differences import DIFFERENCES
from .protocol import WALKS
from .recording import Run, Scenario
from .rie import Rie, wait_until
from .scenarios import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.network  # RIE is fetched at the first use
# The first invoke ends when the test allows it to.
_AT_ONCE = Scenario(
    runtime="""
    while True:
        request_id, event = next_invocation()
        if event == 1:
            make_file(".begun")
            wait_for_file(".go")
        respond(request_id, event)
    """,
    extensions={},
)


@pytest.mark.parametrize("scenario", [*SCENARIOS, "wrong calls", *WALKS])
def test_equal(both: Callable[[str], Pair], scenario: str) -> None:
    """Calls, statuses, headers, bodies, events and the callers' answers are equal, or explained by the table."""
    assert both(scenario).unexplained == []


def test_two_requests_at_once(two_at_once: Pair) -> None:
    """A request that comes while another runs is answered after it."""
    assert two_at_once.local == {"the second": "answered"}
    assert two_at_once.unexplained == []


@pytest.mark.timeout(90)
def test_every_difference_shows(both: Callable[[str], Pair], two_at_once: Pair) -> None:
    """The table has nothing that no run shows."""
    shown = two_at_once.shown.union(*(both(name).shown for name in [*SCENARIOS, "wrong calls", *WALKS]))

    assert [f"{row.topic}: {each}" for row in DIFFERENCES for each in row.shown if each not in shown] == []


@pytest.fixture
def two_at_once(tmp_path: Path) -> Pair:
    """Send a second request while the first one runs, on both platforms."""
    return Pair(
        "two at once",
        {"the second": _two_on_local(Run(_AT_ONCE, tmp_path / "local"))},
        {"the second": _two_on_rie(Run(_AT_ONCE, tmp_path / "rie"))},
    )


def _two_on_local(run: Run) -> str:
    with LocalLambda(
        "app.handler", task_root=run.directory, runtime_command=run.command, env=run.variables, timeout=10
    ) as local:
        first = local.submit(1)
        wait_until((run.directory / "record.begun").exists, 10, lambda: "the first invoke does not begin")
        second = local.submit(2)
        (run.directory / "record.go").touch()
        assert first.result(10).json() == 1
        return "answered" if second.result(10).json() == 2 else "lost"


def _two_on_rie(run: Run) -> str:
    rie = Rie(run.command, directory=run.directory, opt=run.directory / "opt", env=run.variables, timeout=10)

    def post() -> None:
        try:
            rie.post(1)
        except requests.ConnectionError:
            pass

    try:
        rie.start()
        first = threading.Thread(target=post)
        first.start()
        wait_until((run.directory / "record.begun").exists, 10, lambda: "the first invoke does not begin")
        with pytest.raises(requests.ConnectionError):
            rie.post(2)
        first.join(10)
        return f"exit status {rie.wait()}"
    finally:
        rie.clean_up()
