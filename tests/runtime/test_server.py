"""The drain thread's socket: hostile or broken messages neither stop it nor run anything."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import zmq
from hypothesis import given, settings
from hypothesis import strategies as st

from lambda_punch import _contract
from lambda_punch.runtime.server import DrainServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSION = _contract.MESSAGE_VERSION


class Peer:
    """A real server thread, and a socket that speaks to it."""

    def __init__(self, directory: Path, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self.ran: list[tuple[str, float]] = []
        self.failed = False
        self.server = DrainServer(str(directory), self.run, self.fail)
        self.server.start()
        self.socket = context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RECONNECT_IVL, 2)
        self.socket.connect(_contract.drain_endpoint(str(directory), os.getpid()))

    def run(self, request_id: str, until: float) -> tuple[int, int, int] | None:
        if request_id != "announced":
            return None
        self.ran.append((request_id, until))
        return 2, 1, 0

    def fail(self) -> None:
        self.failed = True

    def ask(self, *frames: bytes) -> list[bytes]:
        self.socket.send_multipart(frames)
        assert self.socket.poll(10_000)
        return self.socket.recv_multipart()


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    made = Peer(tmp_path_factory.mktemp("s"), context)
    yield made
    made.socket.close()
    context.term()


@pytest.fixture(autouse=True)
def forget(peer: Peer) -> None:
    peer.ran.clear()


def test_the_announced_request_is_drained_and_answered(peer: Peer) -> None:
    """With what ran, failed and is left."""
    answer = peer.ask(VERSION, b"drain", b"announced", b"1700000000500")

    assert answer == [VERSION, b"done", b"announced", b"2", b"1", b"0"]
    assert peer.ran == [("announced", 1_700_000_000.5)]


def test_another_request_is_refused(peer: Peer) -> None:
    """A drain of a request that was not announced does not start."""
    assert peer.ask(VERSION, b"drain", b"stale", b"1")[1] == b"refused"
    assert peer.ran == []


def test_another_version_is_refused_by_its_number(peer: Peer) -> None:
    """The layer and the library were not built together."""
    answer = peer.ask(b"99", b"drain", b"announced", b"1")

    assert answer[1:] == [b"refused", b"announced", b"this library speaks contract version 1"]
    assert peer.ran == []


FRAMES = st.lists(st.one_of(st.binary(max_size=300), st.sampled_from([VERSION, b"drain", b"done", b""])), max_size=6)


@settings(max_examples=200, deadline=None)
@given(FRAMES.filter(lambda frames: len(frames) > 0 and b"announced" not in frames))
def test_whatever_is_sent_nothing_runs_and_the_next_request_is_served(peer: Peer, frames: list[bytes]) -> None:
    """Messages of a wrong shape are ignored. A frame that is too large costs only its sender the connection."""
    before = len(peer.ran)
    stranger = peer.socket.context.socket(zmq.DEALER)
    stranger.setsockopt(zmq.LINGER, 100)
    stranger.connect(peer.socket.LAST_ENDPOINT)
    stranger.send_multipart(frames)
    stranger.close()

    assert len(peer.ran) == before
    assert peer.ask(VERSION, b"drain", b"announced", b"1")[1] == b"done"
    assert not peer.failed
