"""The examples of the integrations as their READMEs serve them: real HTTP in, a real side effect out, later."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ORDER = {"item": "tea", "email": "ada@example.com"}
SLOW = 1.0  # what the examples' mail gateway takes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


@contextmanager
def served(example: str, **variables: str) -> Iterator[str]:
    """Serve an example by the command line and yield its address."""
    command = [sys.executable, "-u", "-m", "lambda_punch", "local", "app.handler", "--serve", "0"]
    command += ["--task-root", str(EXAMPLES / example), "--timeout", "10"]
    for name, value in variables.items():
        command += ["--env", f"{name}={value}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("serving "), line + process.stdout.read()
            yield line.split()[1]
        finally:
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=15)
    assert process.returncode == 0, output


def wait_for(look: Callable[[], Any], timeout: float = 10) -> Any:
    """What ``look`` finds in another process, as soon as it finds anything."""
    until = time.monotonic() + timeout
    while not (found := look()) and time.monotonic() < until:
        time.sleep(0.02)
    return found


def lines(outbox: Path, number: int) -> list[Any]:
    """The lines of the outbox, once there are as many."""
    wait_for(lambda: outbox.exists() and len(outbox.read_text().splitlines()) >= number)
    return [json.loads(line) for line in outbox.read_text().splitlines()]


def test_fastapi_answers_before_its_background_task(tmp_path: Path) -> None:
    """The mail and the dependency's end come after the answer, each once."""
    outbox = tmp_path / "outbox"
    with served("fastapi", OUTBOX=str(outbox)) as url:
        response = requests.post(f"{url}/orders", json=ORDER, timeout=10)

        assert (response.status_code, response.json()) == (201, ORDER)
        assert response.elapsed.total_seconds() < SLOW
        assert lines(outbox, 2) == [{"mail to": ORDER["email"], "item": "tea"}, {"audit": ["tea ordered"]}]
        assert requests.post(f"{url}/orders", json={}, timeout=10).status_code == 422


def test_flask_answers_before_it_closes(tmp_path: Path) -> None:
    """The mail comes after the answer, once."""
    outbox = tmp_path / "outbox"
    with served("flask", OUTBOX=str(outbox)) as url:
        response = requests.post(f"{url}/orders", json=ORDER, timeout=10)

        assert (response.status_code, response.json()) == (201, ORDER)
        assert response.elapsed.total_seconds() < SLOW
        assert lines(outbox, 1) == [{"mail to": ORDER["email"], "item": "tea"}]


def test_django_answers_before_its_task(tmp_path: Path) -> None:
    """The task reads the committed order and writes to the same database."""
    with served("django", DATABASE=str(tmp_path / "shop.sqlite3")) as url:
        response = requests.post(f"{url}/orders", json=ORDER, timeout=10)

        assert (response.status_code, response.json()) == (201, {**ORDER, "id": 1})
        assert response.elapsed.total_seconds() < SLOW
        # Another environment may answer while the first one still works.
        assert wait_for(lambda: requests.get(f"{url}/mails", timeout=10).json()) == [[ORDER["email"], "tea"]]


def test_telemetry_goes_out_after_the_answer(load: Callable[[Path, str], Any]) -> None:
    """One span for each request, at a collector slower than any answer."""
    collecting = load(Path(__file__).resolve().parents[1] / "integrations", "collector")
    with collecting.Collector(SLOW) as collector, served("telemetry", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url) as url:
        response = requests.get(f"{url}/ada", timeout=10)

        assert (response.status_code, response.text) == (200, "Hello, ada!")
        assert response.elapsed.total_seconds() < SLOW
        assert wait_for(lambda: dict(collector.spans)) == {"greet": 1}


@pytest.mark.parametrize("name", ["fastapi", "flask", "django", "telemetry"])
def test_each_readme_is_short(name: str) -> None:
    """What stands there can be read at a glance."""
    assert len((EXAMPLES / name / "README.md").read_text().splitlines()) < 40


def test_an_mcp_client_has_its_answer_before_the_mail(tmp_path: Path) -> None:
    """The client of `mcp` itself lists the tools and calls one, twice: each is several invokes."""
    pytest.importorskip("mcp")
    import asyncio

    from mcp.client.client import Client

    outbox = tmp_path / "outbox"

    async def order(url: str) -> list[tuple[str, float]]:
        async with Client(f"{url}/mcp") as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == ["order"]
            answers = []
            for item in ("tea", "milk"):
                began = time.monotonic()
                result = await client.call_tool("order", {"item": item, "email": ORDER["email"]})
                answers.append((result.content[0].text, time.monotonic() - began))  # type: ignore[union-attr]
                await asyncio.to_thread(lines, outbox, len(answers))
        return answers

    with served("mcp", OUTBOX=str(outbox)) as url:
        answers = asyncio.run(order(url))
        mails = lines(outbox, 2)

    assert [text for text, _ in answers] == ["tea is ordered", "milk is ordered"]
    assert all(seconds < SLOW for _, seconds in answers)
    assert mails == [{"mail to": ORDER["email"], "item": item} for item in ("tea", "milk")]
