"""Bytes for whatever one process reads from the other, for `FUZZ_MINUTES`; what was found interesting is kept.

The corpus lies in tests/fuzz/corpus: a file for each reader with an input on each line, real ones and hostile ones, which
`make test` reads as well; and hypothesis' database, so that an example that failed once is tried first from then on.
Nothing that is read may raise, grow without bound, or come out as something else than what the contract allows; and
nothing of it is ever imported, evaluated or unpickled: an audit hook watches.
"""

from __future__ import annotations

import ast
import contextlib
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, currently_in_test_context, given, settings, target
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase

from extension import api, contract, lost
from extension.drain import Drain
from extension.events import Invoke, Shutdown, parse_event
from lambda_punch.runtime.server import DrainServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MINUTES = float(os.environ.get("FUZZ_MINUTES", "10"))
CORPUS = Path(__file__).parent / "corpus"
# what no byte from the other process may lead to
FORBIDDEN = (
    "import",
    "exec",
    "compile",
    "pickle.find_class",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "subprocess.Popen",
)

_watching = False
_seen: list[str] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event in FORBIDDEN:
        _seen.append(f"{event} {arguments!r:.100}")


sys.addaudithook(_hook)

RECORD = st.builds(
    lambda fields: b" ".join(fields) + b"\n",
    st.lists(
        st.one_of(
            st.binary(max_size=30),
            st.sampled_from([b"1", b"2", b"jobs", b"empty", b"heir", b"ready", b"-", b"0", b"99999999999999999999"]),
            st.integers().map(lambda number: b"%d" % number),
        ),
        min_size=5,
        max_size=9,
    ),
)
FRAME = st.one_of(
    st.binary(max_size=300),
    st.sampled_from([b"1", b"drain", b"done", b"refused", b"-", b"request", b"\xb2", b"1" * 400]),
)
HTTP = st.builds(
    lambda lines, body: b"\r\n".join(lines) + b"\r\n\r\n" + body,
    st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from(
                [b"HTTP/1.1 200 OK", b"Content-Length: 5", b"Content-Length: -1", b"Transfer-Encoding: chunked"]
            ),
        ),
        max_size=5,
    ),
    st.one_of(st.binary(max_size=60), st.just(b"5\r\nhello\r\n0\r\n\r\n")),
)
EVENT = st.one_of(
    st.binary(max_size=200),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    ).map(lambda value: __import__("json").dumps(value).encode()),
    st.builds(
        lambda kind, deadline: b'{"eventType":"%s","deadlineMs":%s,"requestId":"r"}' % (kind, deadline),
        st.sampled_from([b"INVOKE", b"SHUTDOWN", b"OTHER"]),
        st.sampled_from([b"1", b"1e999", b"null", b'"x"', b"[]", b"9" * 5000]),
    ),
)


def record(data: bytes) -> None:
    found = contract.parse_record(data)
    if currently_in_test_context():
        target(float(data.count(b" ")))
    if found is not None:
        assert found.state in contract.STATES
        assert contract.is_request_id(found.request_id)
        assert 0 <= found.pid < 10**20
        assert 0 <= found.sequence < 10**20


def greeting(data: bytes) -> None:
    found = contract.parse_greeting(data)
    assert found is None or all(0 <= number < 10**20 for number in found)


def ledger(data: bytes) -> None:
    padded = (contract.LEDGER_GREETING + data).ljust(contract.LEDGER_SIZE, data[-1:] or b"\0")[: contract.LEDGER_SIZE]
    for name, count in (contract.parse_ledger(padded) or {}).items():
        assert name.isprintable()
        assert 0 < count <= 8192


def drain_request(frames: list[bytes]) -> None:
    drained: list[str] = []
    server = DrainServer("", lambda request_id, _until: drained.append(request_id), bool)  # type: ignore[arg-type, func-returns-value]
    answer = server._answer(frames)
    assert answer is None or answer[1] in (contract.REFUSED, contract.DONE)
    if drained:
        assert frames[:2] == [contract.MESSAGE_VERSION, contract.DRAIN]


def drain_answer(frames: list[bytes]) -> None:
    channel = mock.Mock()
    channel.receive.side_effect = [frames, None]
    answered = Drain._answered(mock.Mock(), channel, "request")
    assert answered == (len(frames) >= 3 and frames[2] == b"request")


def answer_of_the_platform(data: bytes) -> None:
    platform = api.ExtensionsApi("127.0.0.1:1")
    platform._socket = mock.Mock()
    platform._socket.recv.side_effect = [data, b""]
    try:
        platform.receive_event()
    except api.ApiError:
        pass


def event(data: bytes) -> None:
    try:
        found = parse_event(data)
    except api.ApiError:
        return
    assert isinstance(found, (Invoke, Shutdown))


def names_in_the_log(data: bytes) -> None:
    """What a ledger says is printed on one line."""
    padded = (contract.LEDGER_GREETING.ljust(contract.LEDGER_NAMES, b"\0") + data).ljust(contract.LEDGER_SIZE, b"\1")
    with (
        mock.patch("posix.listdir", return_value=["jobs-1"]),
        mock.patch.object(lost, "_read", return_value=padded[: contract.LEDGER_SIZE]),
        mock.patch("posix.unlink"),
        mock.patch("extension.log.print", create=True) as printed,
    ):
        lost.report("/nowhere", "a test")
    for call in printed.call_args_list:
        assert "\n" not in call.args[0]


TARGETS: list[tuple[Callable[[Any], None], st.SearchStrategy[Any]]] = [
    (record, RECORD | st.binary(max_size=600)),
    (greeting, RECORD | st.binary(max_size=600)),
    (ledger, st.binary(max_size=2000)),
    (names_in_the_log, st.binary(max_size=2000)),
    (drain_request, st.lists(FRAME, max_size=6)),
    (drain_answer, st.lists(FRAME, max_size=8)),
    (answer_of_the_platform, HTTP | st.binary(max_size=300)),
    (event, EVENT),
]


@pytest.fixture(autouse=True)
def _watch() -> Iterator[None]:
    """Fail if anything was imported, compiled or started; modules that are needed are there already."""

    import zmq  # noqa: F401 - imported here, so that no target has to

    _seen.clear()
    yield
    assert _seen == []


def damaged(data: Any) -> st.SearchStrategy[Any]:
    """A kept input as it is, cut short, or with something put into its middle."""
    if isinstance(data, list):
        return st.tuples(st.integers(0, len(data)), st.lists(FRAME, max_size=2), st.integers(0, len(data))).map(
            lambda cut: [*data[: cut[0]], *cut[1], *data[cut[2] :]]
        )
    return st.tuples(st.integers(0, len(data)), st.binary(max_size=8), st.integers(0, len(data))).map(
        lambda cut: data[: cut[0]] + cut[1] + data[cut[2] :]
    )


def corpus(reader: Callable[[Any], None]) -> list[Any]:
    """The inputs that are kept for a reader: bytes, or a list of them where it reads frames."""
    return [ast.literal_eval(line) for line in (CORPUS / f"{reader.__name__}.txt").read_text().splitlines()]


@contextlib.contextmanager
def watching() -> Iterator[None]:
    global _watching  # noqa: PLW0603 - hypothesis itself imports and compiles
    _watching = True
    try:
        yield
    finally:
        _watching = False


@pytest.mark.parametrize("reader", [reader for reader, _ in TARGETS], ids=lambda reader: reader.__name__)
def test_corpus(reader: Callable[[Any], None]) -> None:
    """What is kept does no harm; real inputs and hostile ones."""
    inputs = corpus(reader)
    assert len(inputs) >= 5
    for data in inputs:
        with watching():
            reader(data)


@pytest.mark.soak
@pytest.mark.timeout(MINUTES * 60 + 120)
@pytest.mark.parametrize(("reader", "strategy"), TARGETS, ids=[reader.__name__ for reader, _ in TARGETS])
def test_bytes(reader: Callable[[Any], None], strategy: st.SearchStrategy[Any]) -> None:
    """Round after round until its share of the time is over."""
    ends = time.monotonic() + MINUTES * 60 / len(TARGETS)
    tried = 0

    @settings(
        max_examples=2000,
        deadline=None,
        database=DirectoryBasedExampleDatabase(CORPUS),
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    @given(strategy | st.sampled_from(corpus(reader)).flatmap(damaged))
    def read(data: Any) -> None:
        nonlocal tried
        tried += 1
        if time.monotonic() > ends and tried > 100:
            return
        with watching():
            reader(data)

    while time.monotonic() < ends or not tried:
        read()
    print(f"fuzz: {reader.__name__}: {tried} inputs")
