"""The shop behind a port, as its README serves it: real HTTP in, and mail that really arrives."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ORDER: Any = {"item": "tea", "quantity": 2, "email": "ada@example.com"}
SLOW = 1.0


@pytest.fixture
def slow_mail(services: Any) -> Iterator[Any]:
    """A mail gateway much slower than anything else here."""
    with services.SlowService(SLOW) as service:
        yield service


@pytest.fixture
def url(shop_root: Path, shop_variables: dict[str, str], slow_mail: Any) -> Iterator[str]:
    """The address of the shop, served by the command line."""
    variables = {**shop_variables, "SHOP_MAIL_URL": slow_mail.url}
    command = [
        sys.executable,
        "-u",
        "-m",
        "lambda_punch",
        "local",
        "app.handler",
        "--task-root",
        str(shop_root),
        "--serve",
        "0",
    ]
    for name, value in variables.items():
        command += ["--env", f"{name}={value}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            (line,) = (line for line in [process.stdout.readline()] if line.startswith("serving "))
            yield line.split()[1]
        finally:
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=10)
    assert process.returncode == 0, output


@pytest.mark.slow
def test_the_mail_arrives_and_nobody_waits_for_it(url: str, slow_mail: Any, telemetry: Any) -> None:
    """The order is confirmed to the browser before the slow gateway has taken the mail; both arrive once."""
    response = requests.post(f"{url}/orders", json=ORDER, timeout=10)
    assert (response.status_code, response.json()) == (201, {"id": 1, **ORDER})
    assert response.elapsed.total_seconds() < SLOW
    telemetry.wait_for(1)
    assert [arrival.message["to"] for arrival in slow_mail.arrivals] == ["ada@example.com"]


@pytest.mark.slow
def test_what_was_ordered_can_be_read(url: str) -> None:
    """GET shows the order; an unknown one is 404, and nonsense is 400."""
    requests.post(f"{url}/orders", data='{"item": "tea", "quantity": 2, "email": "ada@example.com"}', timeout=10)
    assert requests.get(f"{url}/orders/1", timeout=10).json() == {"id": 1, **ORDER}
    assert requests.get(f"{url}/orders/2", timeout=10).status_code == 404
    assert requests.post(f"{url}/orders", data="nonsense", timeout=10).status_code == 400
