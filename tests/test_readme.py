"""What the README shows is run: its Python as it stands there, with the reader's own functions put beside it."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import lambda_punch as punch
from lambda_punch import _settings
from lambda_punch.jobs import registry
from lambda_punch.runtime.start import process
from lambda_punch.testing import enqueued, recorded

if TYPE_CHECKING:
    from collections.abc import Iterator

README = (Path(__file__).parent.parent / "README.md").read_text()
FIRST, GENERATOR, DURABLE, TESTING = re.findall(r"^```python\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin and end with a process that has not started and knows no job."""
    monkeypatch.setattr(registry, "_jobs", {})
    _settings.restore()
    process.reset()
    yield
    process.reset()
    _settings.restore()


def send_mail(order: object) -> None:
    """Stand for the reader's function."""


def save(_event: object) -> Any:
    return SimpleNamespace(json=lambda: '{"id": 1}')


def run(snippet: str, **names: object) -> dict[str, Any]:
    """Run a snippet with these names; return what it leaves behind."""
    found = {"__name__": "shop", "punch": punch, **names}
    exec(snippet, found)
    return found


def test_the_first_example_answers_and_pushes() -> None:
    """The mail is pushed with the order, and the response does not wait for it."""
    handler = run(FIRST, save=save, send_mail=send_mail)["handler"]
    with recorded() as jobs:
        response = handler({}, None)

    assert response == {"statusCode": 201, "body": '{"id": 1}'}
    assert [job.function for job in jobs] == [send_mail]


def test_the_generator_handler_answers_first() -> None:
    """What stands behind its yield is run as a job."""
    resized: list[object] = []
    handler = run(GENERATOR, resize=resized.append)["handler"]
    with recorded() as jobs:
        response = handler({"image": "cat.png"}, None)
        before = list(resized)
        jobs.run()

    assert response == {"statusCode": 202}
    assert (before, resized) == ([], ["cat.png"])


def test_the_durable_job_can_be_sent_and_pushed() -> None:
    """Once to its queue, once behind the response."""
    with enqueued() as sent, recorded() as pushed:
        run(DURABLE)

        assert [message.job for message in sent] == ["shop.send_receipt"]
        assert [(job.name, job.args) for job in pushed] == [("shop.send_receipt", (42,))]


def test_the_test_that_it_shows_passes() -> None:
    """For a handler that does what the first example does, in a module called shop."""

    def handler(event: object, _context: object) -> None:
        punch.push(mail, event)

    def mail(_order: object) -> None:
        pass

    mail.__module__, mail.__qualname__ = "shop", "send_mail"
    run(TESTING, handler=handler, order={})["test_an_order_sends_a_mail"]()


def test_every_name_that_it_mentions_is_public() -> None:
    """And nothing that the reader would look for in vain."""
    mentioned = set(re.findall(r"\bpunch\.([a-z_]+)", README))

    assert len(mentioned) >= 10
    assert mentioned - set(punch.__all__) == set()
