"""The Runtime and Extensions APIs answer with status 500, close the connection, or answer late; a proxy does that.

At a failed call of its own the runtime client ends the process. Then the caller must get what it gets without
lambda-punch, so the same is tried with a plain function beside a do-nothing extension.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lambda_punch.local import LocalLambda
from lambda_punch.local.http.platform_server import PlatformServer

from .harness import TIMEOUT, Environment, do_nothing
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


@pytest.fixture(
    params=[(call, how) for call in CALLS for how in PLATFORM_FAULTS], ids=lambda cell: f"{cell[0]}-{cell[1]}"
)
def cell(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    return ("faults of the platform", *request.param)


@pytest.fixture
def proxy(cell: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Proxy]]:
    """Yield a list that gets a proxy for each environment started; its processes know no other address."""
    made: list[Proxy] = []
    start = PlatformServer.start

    async def start_behind_proxy(server: PlatformServer) -> str:
        host, _, port = (await start(server)).partition(":")
        made.append(Proxy(CALLS[cell[1]], cell[2]))
        made[-1].upstream = (host, int(port))
        if cell[1] in EARLY:
            made[-1].allow()
        return made[-1].address

    monkeypatch.setattr(PlatformServer, "start", start_behind_proxy)
    yield made
    for each in made:
        each.close()


def without_us(directory: Path, proxy: list[Proxy]) -> list[tuple[str, Any]]:
    """Return what a plain function answers beside a do-nothing extension when the same happens to the runtime."""
    directory.mkdir()
    (directory / "app.py").write_text("def handler(event, context):\n    return event\n")
    answers = []
    with LocalLambda(
        "app.handler", task_root=directory, extensions=[do_nothing(directory)], timeout=TIMEOUT
    ) as function:
        for name in ("warm", "hit", "next"):
            answer = function.invoke(name)
            answers.append((name, answer.error_type or answer.json()))
            function.wait_idle(timeout=15)
            proxy[0].allow()
        if answers[-1][1] in ("Extension.Crash", "Runtime.ExitError"):
            answers.append(("after", function.invoke("after").json()))
    return answers


def test_platform(cell: tuple[str, str, str], proxy: list[Proxy], tmp_path: Path, extension: Path) -> None:
    """The answers are those of the plain function, and all guarantees hold."""
    expected = without_us(tmp_path / "plain", proxy) if cell[1].startswith("runtime") else None
    environment = Environment(tmp_path, extension, {}, early=False)
    environment.expected = expected
    environment.fault = cell[2]
    environment.on_allow = lambda: proxy[-1].allow()  # noqa: PLW0108 - the proxy is made at the start
    try:
        environment.run()
        if proxy[-1].struck.is_set():
            environment.controller.struck.set()
        assert environment.violations() == []
    finally:
        environment.function.shutdown(abandon=True)
        environment.controller.close()
