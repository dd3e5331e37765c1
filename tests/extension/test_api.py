"""The raw-socket client of the Extensions API, against a real socket that answers in every way HTTP allows."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.api import ApiError, ExtensionsApi, header, parse_status
from extension.events import Invoke, Shutdown, parse_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OK = b"HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: the-id\r\nContent-Length: 2\r\n\r\n{}"


class Platform:
    """Accepts one connection at a time and answers each request with the next of ``answers``, in small pieces."""

    def __init__(self, answers: list[bytes], piece: int, before: Callable[[], object]) -> None:
        self.before = before
        self.requests: list[bytes] = []
        self.answers = answers
        self.piece = piece
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while self.answers:
            connection, _ = self.listener.accept()
            with connection:
                while self.answers and (request := connection.recv(65536)):
                    self.requests.append(request)
                    answer = self.answers.pop(0)
                    self.before()
                    for start in range(0, len(answer), self.piece):
                        connection.sendall(answer[start : start + self.piece])
                    if b"close" in answer.lower():
                        break


@pytest.fixture
def platform() -> Iterator[Callable[..., Platform]]:
    made: list[Platform] = []

    def make(*answers: bytes, piece: int = 7, before: Callable[[], object] = bool) -> Platform:
        made.append(Platform(list(answers), piece, before))
        return made[-1]

    yield make
    for each in made:
        each.listener.close()


def test_register_sends_name_and_events_and_keeps_the_identifier(platform: Callable[..., Platform]) -> None:
    """And next sends the identifier over the same connection."""
    lambda_ = platform(OK, b'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{"a":1}')
    api = ExtensionsApi(lambda_.address)
    api.register("lambda-punch", ["INVOKE", "SHUTDOWN"])
    api.ask_next()

    assert api.receive_event() == b'{"a":1}'
    register, next_ = lambda_.requests
    assert register.startswith(b"POST /2020-01-01/extension/register HTTP/1.1\r\n")
    assert b"\r\nLambda-Extension-Name: lambda-punch\r\n" in register
    assert register.endswith(b'\r\n\r\n{"events":["INVOKE","SHUTDOWN"]}')
    assert next_.startswith(b"GET /2020-01-01/extension/event/next HTTP/1.1\r\n")
    assert b"\r\nLambda-Extension-Identifier: the-id\r\n" in next_
    api.disconnect()


def test_a_chunked_answer_is_put_together(platform: Callable[..., Platform]) -> None:
    """Some servers answer like this; trailers are ignored."""
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n"
    lambda_ = platform(chunked, OK, piece=1)
    api = ExtensionsApi(lambda_.address)
    api.ask_next()
    assert api.receive_event() == b"abcde"
    api.ask_next()
    assert api.receive_event() == b"{}"
    api.disconnect()


def test_an_answer_that_closes_is_followed_by_a_new_connection(platform: Callable[..., Platform]) -> None:
    """The server decides whether a connection is kept alive."""
    lambda_ = platform(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", OK)
    api = ExtensionsApi(lambda_.address)
    for _ in range(2):
        api.ask_next()
        assert api.receive_event() == b"{}"
    api.disconnect()


def test_a_refusal_carries_the_platform_s_words(platform: Callable[..., Platform]) -> None:
    """For the one ERROR line."""
    lambda_ = platform(b'HTTP/1.1 403 Forbidden\r\nContent-Length: 20\r\n\r\n{"errorType":"Some"}')
    api = ExtensionsApi(lambda_.address)

    with pytest.raises(ApiError, match=r'status 403: {"errorType":"Some"}'):
        api.register("lambda-punch", [])
    api.disconnect()


def test_a_connection_that_ends_early_is_an_error(platform: Callable[..., Platform]) -> None:
    """It does not wait for ever."""
    lambda_ = platform(b"HTTP/1.1 200 OK\r\nX: close\r\nContent-Length: 50\r\n\r\nshort")
    api = ExtensionsApi(lambda_.address)
    api.ask_next()

    with pytest.raises(ApiError, match="closed the connection"):
        api.receive_event()
    api.disconnect()


def test_an_event_is_known_by_its_request_before_it_is_read(platform: Callable[..., Platform]) -> None:
    """If it has not come yet, or belongs to another request, nothing waits; it is received as usual."""
    event = b'{"eventType":"INVOKE","requestId":"this"}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(event), event)
    go_on = threading.Event()
    lambda_ = platform(OK, answer, piece=1000, before=lambda: go_on.wait(10))
    api = ExtensionsApi(lambda_.address)
    assert not api.has_received_event_of("this")
    go_on.set()
    api.register("lambda-punch", ["INVOKE"])
    go_on.clear()
    api.ask_next()
    assert not api.has_received_event_of("this")
    go_on.set()
    while not api.has_received_event_of("this"):
        pass

    assert not api.has_received_event_of("another")
    assert not api.has_received_event_of("")
    assert api.receive_event() == event
    assert not api.has_received_event_of("this")
    api.disconnect()


@given(st.binary(max_size=200))
def test_any_head_is_parsed_or_refused(head: bytes) -> None:
    """With ApiError and nothing else."""
    try:
        status = parse_status(head)
    except ApiError:
        return
    assert 0 <= status <= 999
    assert head.startswith(b"HTTP/1.")


def test_a_header_is_found_whatever_its_case_and_place() -> None:
    """By its whole name; a name inside a value does not count."""
    head = b"HTTP/1.1 200 OK\r\nX-Content-Length: 1\r\nX: content-length: 2\r\nCONTENT-LENGTH:3 \r\nLast: The-End"

    assert header(head, b"content-length") == b"3"
    assert header(head, b"last") == b"The-End"
    assert header(head, b"connection") == b""


@given(st.binary(max_size=200) | st.sampled_from([b"[]", b"1", b'{"eventType":"INVOKE"}', b'{"deadlineMs":1e999}']))
def test_any_body_is_an_event_or_refused(body: bytes) -> None:
    """With ApiError and nothing else."""
    with pytest.raises(ApiError):
        parse_event(body)


def test_the_two_events_are_told_by_their_body() -> None:
    """The reason in lower case, as platforms differ."""
    invoke = parse_event(b'{"eventType":"INVOKE","deadlineMs":17,"requestId":"r","invokedFunctionArn":"a"}')
    shutdown = parse_event(b'{"eventType":"SHUTDOWN","deadlineMs":17,"shutdownReason":"SPINDOWN"}')

    assert isinstance(invoke, Invoke)
    assert isinstance(shutdown, Shutdown)
    assert (invoke.request_id, invoke.deadline_ms) == ("r", 17)
    assert (shutdown.reason, shutdown.deadline_ms) == ("spindown", 17)
