"""``lambda-punch event``: the samples are read by the libraries that read the real ones."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from lambda_punch import command

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def own_loop() -> Iterator[None]:
    """Give Mangum an event loop; without one it makes one for the thread, which nobody closes."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


def event(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert command.main(["event", *words]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("own_loop")
@pytest.mark.parametrize("kind", ["apigw", "apigw-v1", "alb", "url"])
def test_requests_are_understood_by_an_adapter(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Mangum tells the kinds apart by themselves."""
    mangum = pytest.importorskip("mangum")
    seen: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope, body=(await receive())["body"])
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": b"made"})

    made = event(capsys, kind, "--path", "/orders?a=1&b=2", "--body", '{"c": 3}')
    answer = mangum.Mangum(app, lifespan="off")(made, None)

    assert answer["statusCode"] == 201
    assert (seen["method"], seen["path"], seen["body"]) == ("POST", "/orders", b'{"c": 3}')
    assert dict(pair.split(b"=") for pair in seen["query_string"].split(b"&")) == {b"a": b"1", b"b": b"2"}
    assert dict(seen["headers"])[b"content-type"] == b"application/json"


def test_a_message_of_sqs_is_a_job(capsys: pytest.CaptureFixture[str]) -> None:
    record = event(capsys, "sqs", "--body", "work")["Records"][0]

    assert (record["body"], record["eventSource"]) == ("work", "aws:sqs")
    assert record["md5OfBody"] == "67e92c8765a9bc7fb2d335c459de9eb5"


def test_what_the_other_services_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert event(capsys, "sns", "--body", "news")["Records"][0]["Sns"]["Message"] == "news"
    assert event(capsys, "s3", "--key", "my photo.jpg")["Records"][0]["s3"]["object"]["key"] == "my+photo.jpg"
    assert event(capsys, "eventbridge", "--body", '{"id": 7}')["detail"] == {"id": 7}
    assert event(capsys, "schedule")["detail-type"] == "Scheduled Event"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [(["sqs", "--path", "/"], "sqs has no --path"), (["eventbridge", "--body", "{"], "--body is not JSON")],
)
def test_options_that_would_be_ignored_are_refused(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["event", *words]) == 2
    assert complaint in capsys.readouterr().err
