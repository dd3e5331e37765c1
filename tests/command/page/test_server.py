"""The page's server: what it shows, and whom it refuses."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
import requests

from lambda_punch.command.page.feed import Feed
from lambda_punch.command.page.sender import Sender
from lambda_punch.command.page.server import PageServer

if TYPE_CHECKING:
    from collections.abc import Iterator


class Served:
    """A server of an empty feed, and what it was asked to send."""

    def __init__(self, server: PageServer, sent: list[bytes]) -> None:
        self.url = server.url
        self.sent = sent
        self.token = re.search('name="token" content="([^"]+)"', requests.get(self.url, timeout=5).text)[1]  # type: ignore[index]

    def post(self, body: str, **headers: str) -> int:
        return requests.post(f"{self.url}events", body, headers=headers, timeout=5).status_code


@pytest.fixture
def served() -> Iterator[Served]:
    sent: list[bytes] = []
    with PageServer(Feed(), about={"title": "app.handler"}, sender=Sender(sent.append)) as server:
        yield Served(server, sent)


def test_an_event_is_sent_with_the_page_s_token(served: Served) -> None:
    assert served.post('{"n": 1}', **{"X-Lambda-Punch-Token": served.token}) == 202
    assert served.sent == [b'{"n": 1}']


def test_without_the_token_nothing_is_done(served: Served) -> None:
    assert served.post("{}") == 403
    assert served.post("{}", **{"X-Lambda-Punch-Token": "guessed"}) == 403
    assert served.post("{}", **{"X-Lambda-Punch-Token": "é"}) == 403
    assert served.sent == []


@pytest.mark.parametrize("path", ["", "stream", "static/main.js", "requests/some"])
def test_another_origin_and_another_host_are_refused_whatever_they_ask(served: Served, path: str) -> None:
    """A page elsewhere can send requests to a port on loopback, also under a name of its own that points there."""
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}):
        answer = requests.get(served.url + path, headers=headers, timeout=5, stream=True)
        assert answer.status_code == 403, headers
        assert served.token not in answer.text


def test_what_is_no_json_is_refused_with_the_reason(served: Served) -> None:
    answer = requests.post(f"{served.url}events", "{", headers={"X-Lambda-Punch-Token": served.token}, timeout=5)
    assert answer.status_code == 400
    assert "not JSON" in answer.json()["error"]


def test_no_file_outside_the_page_is_shown(served: Served) -> None:
    for path in ("static/../server.py", "static/%2e%2e/server.py", "static//etc/passwd", "static/"):
        with requests.Session() as session:
            request = requests.Request("GET", served.url).prepare()
            request.url = served.url + path
            assert session.send(request, timeout=5).status_code in {403, 404}, path


def test_every_answer_forbids_foreign_scripts_and_frames(served: Served) -> None:
    for path in ("", "static/main.js", "requests/unknown"):
        policy = requests.get(served.url + path, timeout=5).headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy


def test_a_stream_begins_with_what_the_function_is() -> None:
    feed = Feed()
    with PageServer(feed, about={"title": "app.handler"}) as server:
        answer = requests.get(f"{server.url}stream", stream=True, timeout=5)
        lines = answer.iter_lines()
        assert next(lines) == b"event: hello"
        hello = json.loads(next(lines).removeprefix(b"data: "))
        answer.close()
    assert hello["title"] == "app.handler"
    assert hello["sends"] is False


def test_a_port_that_is_taken_is_told_at_once() -> None:
    with PageServer(Feed(), about={}) as server:
        port = int(server.url.rsplit(":", 1)[1].strip("/"))
        with pytest.raises(OSError, match="in use"), PageServer(Feed(), about={}, port=port):
            pass
