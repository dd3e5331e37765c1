"""The connection to the process inside a container, with sockets in its place."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from lambda_punch.local.hosts.link import Link, LinkLostError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Peer:
    """The other side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, address: str, *, token: str | None = None) -> Peer:
        host, port, real = address.split(" ")
        peer = cls(*await asyncio.open_connection(host, int(port)))
        peer.writer.write(f"{token or real}\n".encode())
        return peer

    async def request(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await self._reader.readline())
        return message

    def say(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)

    async def is_cut_off(self) -> bool:
        try:
            return await self._reader.read() == b""
        except ConnectionError:
            return True


def linked(scenario: Callable[[Link, Peer, list[dict[str, Any]]], Awaitable[None]]) -> None:
    """Run a scenario with both sides connected, and with the list that news goes to."""

    async def run() -> None:
        news: list[dict[str, Any]] = []
        link = Link(news.append)
        peer = await Peer.connect(await link.listen())
        await link.connected
        await scenario(link, peer, news)
        link.close()
        peer.writer.close()

    asyncio.run(asyncio.wait_for(run(), 10))


def test_answers_find_their_questions() -> None:
    """Also out of order, in pieces, and with news in between."""

    async def scenario(link: Link, peer: Peer, news: list[dict[str, Any]]) -> None:
        first, second = asyncio.ensure_future(link.ask("list")), asyncio.ensure_future(link.ask("flush", more=1))
        assert [await peer.request(), await peer.request()] == [
            {"id": 1, "do": "list"},
            {"id": 2, "do": "flush", "more": 1},
        ]
        peer.say(b'{"id": 2}\n{"process": 7, "li', b'ne": "x"}\n', b'{"id": 1, "paths": []}\n')

        assert await first == {"id": 1, "paths": []}
        assert await second == {"id": 2}
        assert news == [{"process": 7, "line": "x"}]

    linked(scenario)


def test_nobody_waits_for_a_lost_guest() -> None:
    """A question under way fails, and so does each after it."""

    async def scenario(link: Link, peer: Peer, news: list[dict[str, Any]]) -> None:
        question = asyncio.ensure_future(link.ask("sweep"))
        await peer.request()
        peer.writer.close()

        with pytest.raises(LinkLostError):
            await question
        with pytest.raises(LinkLostError):
            await link.ask("sweep")

    linked(scenario)


def test_who_does_not_know_the_token_is_cut_off() -> None:
    """Any process of this machine can connect; it learns nothing and disturbs nobody."""

    async def run() -> None:
        link = Link(lambda _: None)
        address = await link.listen()
        stranger = await Peer.connect(address, token="guessed")
        stranger.say(b'{"process": 1, "status": 0}\n')
        assert await stranger.is_cut_off()
        assert not link.connected.done()

        guest = await Peer.connect(address)
        await link.connected
        link.close()
        assert await guest.is_cut_off()
        for peer in (stranger, guest):
            peer.writer.close()

    asyncio.run(asyncio.wait_for(run(), 10))
