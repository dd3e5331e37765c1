"""The sockets by which library and extension speak: by ctypes, by pyzmq, and one with the other."""

from __future__ import annotations

import select
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lambda_punch.runtime import zeromq

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SIZE = 256


_open: list[Any] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while _open:
        _open.pop().close()


def opened(kind: str, endpoint: str, *, other: bool) -> tuple[Any, Any]:
    """A bound and a connected socket; the connected one is of the other make, if wanted."""
    makes = {"native": zeromq._Native, "packaged": zeromq._Packaged}
    library = zeromq._typed(zeromq._path())
    mine = makes[kind](library, zeromq._ROUTER, endpoint, SIZE, None)
    _open.append(mine)
    theirs = kind if not other else "packaged" if kind == "native" else "native"
    _open.append(makes[theirs](library, zeromq._DEALER, endpoint, SIZE, 2))
    return mine, _open[-1]


@pytest.mark.parametrize("kind", ["native", "packaged"])
@pytest.mark.parametrize("other", [False, True])
def test_a_question_is_answered(tmp_path: Path, kind: str, other: bool) -> None:
    server, client = opened(kind, f"ipc://{tmp_path}/s", other=other)
    client.send([b"1", b"drain", b""])
    sender, *frames = server.receive(wait=True)
    assert frames == [b"1", b"drain", b""]
    server.send([sender, b"done", b"x" * SIZE])
    answer = None
    while answer is None:
        select.select([client.descriptor], [], [], 0.1)
        answer = client.receive(wait=False)
    assert answer == [b"done", b"x" * SIZE]
    assert client.receive(wait=False) is None
    client.close()
    client.close()
    server.close()


@pytest.mark.parametrize("kind", ["native", "packaged"])
def test_a_frame_that_is_too_large_ends_the_connection_and_not_the_server(tmp_path: Path, kind: str) -> None:
    server, client = opened(kind, f"ipc://{tmp_path}/s", other=False)
    second = type(client)(zeromq._typed(zeromq._path()), zeromq._DEALER, f"ipc://{tmp_path}/s", 1 << 20, 2)
    _open.append(second)
    second.send([b"x" * 5000])
    client.send([b"small"])

    assert server.receive(wait=True)[1:] == [b"small"]


def test_a_wait_lets_other_threads_run(tmp_path: Path) -> None:
    server, client = opened("native", f"ipc://{tmp_path}/s", other=False)
    got: list[Any] = []
    waiting = threading.Thread(target=lambda: got.append(server.receive(wait=True)))
    waiting.start()
    client.send([b"hello"])
    waiting.join(10)

    assert got[0][1:] == [b"hello"]


@pytest.mark.parametrize("kind", ["native", "packaged"])
def test_an_address_that_cannot_be_is_an_os_error(kind: str, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"ipc|long|No such"):  # a ZMQError of pyzmq is not an OSError, so it is made one
        opened(kind, f"ipc://{tmp_path}/{'x' * 200}", other=False)


def script(code: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_pyzmq_is_whole_when_the_program_imports_it_before_or_after(tmp_path: Path) -> None:
    """The library puts nothing in its place: its errors are its own, and both kinds of socket work side by side."""
    use = """
import zmq
context = zmq.Context()
pair = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
pair[0].bind("inproc://x"); pair[1].connect("inproc://x"); pair[1].send(b"hi")
assert pair[0].recv() == b"hi"
try: pair[0].recv(zmq.NOBLOCK)
except zmq.Again: print("whole", end=" ")
"""
    ours = f"""
from lambda_punch.runtime import zeromq
server = zeromq.router("ipc://{tmp_path}/%d" % __import__("os").getpid(), 256)
client = zeromq.dealer("ipc://{tmp_path}/%d" % __import__("os").getpid(), 256, 2)
client.send([b"a"]); assert server.receive(wait=True)[1:] == [b"a"]
print(type(server).__name__, end=" ")
"""
    assert script(ours + use) == "_Native whole"
    assert script(use + ours) == "whole _Packaged"


@pytest.mark.parametrize(
    "broken",
    [
        "sys.modules['ctypes'] = None",
        "import os; os.listdir = lambda _: []",
        "from lambda_punch.runtime import zeromq; zeromq._MAJOR = 3",
        "from lambda_punch.runtime import zeromq; zeromq._path = lambda: '/nowhere'",
    ],
    ids=["no ctypes", "no library", "another version", "cannot be loaded"],
)
def test_where_anything_is_not_as_expected_pyzmq_is_used(tmp_path: Path, broken: str) -> None:
    code = f"""
import sys
{broken}
from lambda_punch.runtime import zeromq
print(type(zeromq.router("ipc://{tmp_path}/s", 256)).__name__)
"""
    assert script(code) == "_Packaged"


@pytest.mark.parametrize(
    ("memory", "loaded"), [("128", True), ("1768", True), ("1769", False), ("", False), ("x", False)]
)
@pytest.mark.parametrize("mode", ["WithExtension", "Alone"])
def test_what_the_first_job_needs_is_loaded_ahead_where_there_is_less_than_a_core(
    mode: str, memory: str, loaded: bool
) -> None:
    """Without the extension nobody speaks ZeroMQ."""
    code = f"""
import os, sys
os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = {memory!r}
from lambda_punch.runtime.modes import {mode}
from lambda_punch.runtime.start import _Client, process

class Mode({mode}):
    __slots__ = ()

    def __init__(self):
        pass

process.become(Mode())
_Client().before_next()
print(*(f"lambda_punch.runtime.{{name}}" in sys.modules for name in ("drain", "ledger", "server")), "typing" in sys.modules)
"""
    assert script(code) == f"{loaded} {loaded} {loaded and mode == 'WithExtension'} False"
