"""Hostile or broken bytes in the handled-file and on the socket, with the real extension and the real function."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Function

APP = """
    @punch.handler
    def handler(event, context):
        punch.push(note, event)
        return event
"""


def alive(shop: Function) -> bool:
    """Whether the extension still serves: it has the jobs of one more request drained, and none ran twice."""
    before = shop.told
    event = len(before)
    return shop.call(event) == event and shop.told == [*before, str(event)]


@pytest.mark.timeout(90)
def test_bytes_in_the_handled_file_do_not_stop_the_extension(function: Callable[..., Function], tmp_path: Path) -> None:
    """Whatever stands there between two requests, the next one is served and its jobs run once."""
    shop = function(APP)
    assert alive(shop)
    file = tmp_path / "meet" / "handled"

    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.binary(max_size=600) | st.just(b"1 9 jobs 1 0 stale 9\n") | st.just(b"1 9 heir 1 0 - 9\n"))
    def scribble(data: bytes) -> None:
        with file.open("r+b") as opened:
            opened.write(data)
        assert alive(shop)

    scribble()
    assert shop.said("out of service") == []


@pytest.mark.parametrize("until", [0, 99999999999999], ids=["no time", "beyond the deadline"])
def test_a_forged_record_costs_one_hold_and_no_more(
    function: Callable[..., Function], tmp_path: Path, until: int
) -> None:
    """Only this same user can write one; the answers go out, and no job is lost or run twice."""
    shop = function(APP, timeout=1.0)
    assert alive(shop)
    (tmp_path / "meet" / "handled").write_bytes(b"1 99 jobs 1 %d - 99\n" % until)

    assert [shop.call(1), shop.call(2), shop.call(3)] == [1, 2, 3]

    assert shop.told == ["0", "1", "2", "3"]
    assert shop.said("out of service") == []
    assert not any(event.kind in ("timeout", "reset") for event in shop.events)


@pytest.mark.timeout(90)
def test_messages_on_the_socket_do_not_run_a_job(function: Callable[..., Function], tmp_path: Path) -> None:
    """A stranger's requests between two requests, also well-formed ones, start nothing and stop nothing."""
    shop = function(APP, freeze=False)
    assert alive(shop)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    frame = st.one_of(st.binary(max_size=300), st.sampled_from([b"1", b"drain", b"done", b"-", b"99999999999999"]))

    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(frame, min_size=1, max_size=5))
    def send(frames: list[bytes]) -> None:
        stranger = context.socket(zmq.DEALER)
        stranger.setsockopt(zmq.LINGER, 100)
        stranger.connect(f"ipc://{tmp_path}/meet/drain-{shop.runtime_pid}")
        stranger.send_multipart(frames)
        stranger.close()
        assert alive(shop)

    send()
    context.term()
    assert shop.said("out of service") == []


def test_a_drain_request_during_the_handler_starts_nothing(function: Callable[..., Function], tmp_path: Path) -> None:
    """Even one that names the right request: its response is not out."""
    shop = function(
        """
        import zmq
        socket = zmq.Context().socket(zmq.DEALER)
        socket.connect(f"ipc://{os.environ['LAMBDA_PUNCH_DIR']}/drain-{os.getpid()}")

        @punch.handler
        def handler(event, context):
            punch.push(note, "job")
            if event == "second":
                socket.send_multipart([b"1", b"drain", context.aws_request_id.encode(), b"99999999999999"])
                socket.poll(5000)
                note(socket.recv_multipart(zmq.NOBLOCK)[1].decode())
        """,
        timeout=10,
    )

    shop.call("first")
    shop.call("second")

    assert shop.told == ["job", "refused", "job"]


def test_a_drain_request_starts_nothing_in_the_margin(function: Callable[..., Function], tmp_path: Path) -> None:
    """Even one that names the announced request, and a time far beyond its deadline."""
    shop = function(
        """
        @punch.handler
        def handler(event, context):
            for number in range(4):
                punch.push(lambda: (note("job"), time.sleep(0.3)))
            return context.aws_request_id
        """,
        timeout=1.0,
        freeze=False,
    )
    request_id = shop.call()
    started = len(shop.told)
    assert started < 4

    with zmq.Context() as context, context.socket(zmq.DEALER) as stranger:
        stranger.setsockopt(zmq.LINGER, 0)
        stranger.connect(f"ipc://{tmp_path}/meet/drain-{shop.runtime_pid}")
        stranger.send_multipart([b"1", b"drain", request_id.encode(), b"99999999999999"])
        assert stranger.poll(5000)
        answer = stranger.recv_multipart()

    assert answer[1:] == [b"done", request_id.encode(), b"0", b"0", b"%d" % (4 - started)]
    assert len(shop.told) == started
