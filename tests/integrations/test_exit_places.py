"""Off Lambda a process waits for its jobs as it ends, wherever it runs: under servers, in pytest, in a notebook."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .services import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
ENDS = 15.0  # seconds; the jobs take half of one

APP = """
import asyncio, os, time
from concurrent.futures import ThreadPoolExecutor
import lambda_punch as punch
from lambda_punch.integrations import asgi as integration

if os.environ.get("START"):
    punch.start()

def note(text):
    with open(os.environ["DONE"], "a") as done:
        done.write(text + "\\n")

def work():
    time.sleep(0.3)
    note(",".join(ThreadPoolExecutor(1).map(str, range(3))))

async def work_async():
    await asyncio.sleep(0.2)
    note(await asyncio.to_thread(str, "async"))

def wsgi(environ, start_response):
    punch.push(work)
    punch.push(work_async)
    start_response("200 OK", [])
    return [b"answer"]

async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        message = ""
        while message != "lifespan.shutdown":
            message = (await receive())["type"]
            if message == "lifespan.shutdown":
                note("shutdown")
            await send({"type": message + ".complete"})
        return
    punch.push(work)
    punch.push(work_async)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"answer"})

asgi = integration.PunchMiddleware(application)
"""
SERVERS = {
    "gunicorn": "gunicorn app:wsgi --bind 127.0.0.1:{port}",
    "gunicorn, preloaded": "gunicorn app:wsgi --bind 127.0.0.1:{port} --preload",
    "uvicorn": "uvicorn app:asgi --port {port}",
    "uvicorn, two workers": "uvicorn app:asgi --port {port} --workers 2",
    "hypercorn": "hypercorn app:asgi --bind 127.0.0.1:{port}",
}


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file to which jobs write."""
    (tmp_path / "app.py").write_text(APP)
    for name, value in (("DONE", str(tmp_path / "done")), ("PYTHONPATH", f"{ROOT}{os.pathsep}{tmp_path}")):
        monkeypatch.setenv(name, value)
    return tmp_path / "done"


@pytest.fixture(params=["at the first push", "at the import"])
def start(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the library starts."""
    monkeypatch.setenv("START", "yes" if request.param == "at the import" else "")


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, start: None, done: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A server, and where it answers."""
    port = free_port()
    words = SERVERS[request.param].format(port=port).split()
    pytest.importorskip(words[0])
    with subprocess.Popen([sys.executable, "-m", *words], cwd=done.parent) as process:
        yield process, f"http://127.0.0.1:{port}/"
        process.kill()


def ask(url: str) -> bytes:
    """Ask until the server answers: it tells nobody when it listens."""
    ends = time.monotonic() + ENDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                body: bytes = answer.read()
                return body
        except OSError:
            assert time.monotonic() < ends
            time.sleep(0.05)


def test_a_server_that_is_told_to_end_ends_when_its_jobs_are_done(
    server: tuple[subprocess.Popen[bytes], str], done: Path
) -> None:
    """With executors, threads and asyncio still usable; an ASGI application has its connections until then."""
    process, url = server
    assert ask(url) == b"answer"

    process.send_signal(signal.SIGTERM)
    process.wait(ENDS)

    lines = done.read_text().split()
    assert sorted(line for line in lines if line != "shutdown") == ["0,1,2", "async"]
    assert "shutdown" not in lines or lines[-1] == "shutdown"  # a worker without jobs has ended before


def test_pytest_ends_when_the_jobs_of_its_tests_are_done(done: Path) -> None:
    """Without the library's fixtures, which run jobs at once or record them."""
    (done.parent / "test_shop.py").write_text("import app\n\ndef test_it():\n    app.punch.push(app.work)\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:lambda_punch", "-p", "no:cacheprovider", "test_shop.py"]

    ran = subprocess.run(command, cwd=done.parent, capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert done.read_text().split() == ["0,1,2"]


def test_a_notebook_s_kernel_ends_when_its_jobs_are_done(done: Path) -> None:
    """In a cell that has run, and at the shutdown of the kernel."""
    pytest.importorskip("ipykernel")
    cells = textwrap.dedent("""
        from jupyter_client import KernelManager
        manager = KernelManager()
        manager.start_kernel()
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        reply = client.execute_interactive("import app; app.punch.push(app.work_async); app.punch.push(app.work); 1", timeout=60)
        assert reply["content"]["status"] == "ok", reply
        client.shutdown()
        manager.provisioner.process.wait(15)
        manager.cleanup_resources()
    """)

    ran = subprocess.run(
        [sys.executable, "-c", cells], cwd=done.parent, capture_output=True, text=True, timeout=90, check=False
    )

    assert ran.returncode == 0, ran.stderr
    assert sorted(done.read_text().split()) == ["0,1,2", "async"]
