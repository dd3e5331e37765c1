"""The oldest releases that we claim to work with: what follows a response comes after it, and failures have their names.

docs/integrations.md has them as a table. The newest ones are what all other tests use.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .conftest import http_event, rest_event
from .test_flask_context import APP as FLASK
from .test_flask_context import HANDLER as FLASK_HANDLER
from .test_flask_context import VIEW as FLASK_VIEW
from .test_frameworks import FRAMEWORKS, SAID, WORK
from .test_names import SENTRY
from .test_quiet_requests import APPLICATION, MIDDLEWARES, OPEN, QUIET, SEEN
from .versions import fetched

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function

    Make = Callable[..., Function]

pytestmark = [
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(sys.version_info >= (3, 13), reason="releases of that time know CPython up to 3.12"),
]

OLDEST = {
    "fastapi": ["fastapi==0.115.0", "starlette==0.37.2", "mangum==0.17.0"],
    "starlette": ["starlette==0.37.2", "mangum==0.17.0"],
    "litestar": ["litestar==2.12.0", "mangum==0.17.0"],
    "quart": ["quart==0.20.0", "flask==3.0.3", "werkzeug==3.0.6", "mangum==0.17.0"],
    "falcon": ["falcon==4.0.0", "mangum==0.17.0"],
    "flask": ["flask==3.0.0", "werkzeug==3.0.0", "apig-wsgi==2.18.0"],
    "sentry": ["sentry-sdk==2.20.0"],
}
ASGI = """
import asyncio
from mangum import Mangum
from lambda_punch.integrations.asgi import PunchMiddleware
"""


@pytest.fixture
def oldest(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, str]]:
    """What makes the environment of a function with the oldest releases for a framework."""
    return lambda name: {"PYTHONPATH": fetched(tmp_path_factory.mktemp("packages"), *OLDEST[name])}


def test_the_documents_name_the_oldest_releases() -> None:
    document = (Path(__file__).parents[2] / "docs" / "integrations.md").read_text()
    pins = {pin.replace("==", " ") for pins in OLDEST.values() for pin in pins if not pin.startswith("werkzeug")}
    claimed = set(re.findall(r"`([\w-]+ [\d.]+)`", document))
    assert pins - {"flask 3.0.3"} <= claimed


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_background_work_of_old_frameworks(function: Make, name: str, oldest: Callable[..., dict[str, str]]) -> None:
    """Their own helpers; a failure is told as with the newest."""
    shop = function(
        ASGI + WORK + FRAMEWORKS[name] + "handler = Mangum(PunchMiddleware(app))\n",
        env=oldest(name),
        timeout=10,
        init_timeout=60,
    )

    for path in ("one", "broken"):
        invocation = shop.invoke(http_event(f"/{path}"))
        shop.wait_idle(timeout=10)
        assert invocation.json()["body"] == path
        assert shop.notes[-1].text == f"mail {path}"
        assert shop.notes[-1].at > invocation.responded_at

    assert shop.said(SAID[name])
    assert shop.said("ValueError: no mail")


def test_old_fastapi_answers_without_a_drain_and_leaves_what_follows(
    fastapi_function: Make, oldest: Callable[..., dict[str, str]]
) -> None:
    shop = fastapi_function(SEEN + APPLICATION, env=oldest("fastapi"), init_timeout=60)

    for path, status in QUIET.items():
        assert shop.call(http_event(path))["statusCode"] == status, path
        assert shop.told == [], path
    for path, note in OPEN.items():
        before = len(shop.notes)
        invocation = shop.invoke(http_event(path))
        shop.wait_idle(timeout=10)
        assert note is None or note in shop.told[before:], path
        assert all(each.at > invocation.responded_at for each in shop.notes[before:] if each.text != "left"), path


def test_old_fastapi_does_all_behind_function_middlewares(
    fastapi_function: Make, oldest: Callable[..., dict[str, str]]
) -> None:
    """There the application runs on beside them, so what follows may begin early; it is done, and once."""
    pytest.importorskip("asgi_correlation_id")
    shop = fastapi_function(SEEN + APPLICATION + MIDDLEWARES, env=oldest("fastapi"), init_timeout=60)

    for path, status in QUIET.items():
        assert shop.call(http_event(path))["statusCode"] == status, path
    assert [note for note in shop.told if not note.startswith("drained")] == []
    for path, note in [*OPEN.items(), ("/closed", "later")]:
        before = len(shop.notes)
        shop.call(http_event(path))
        told = [each.text for each in shop.notes[before:] if not each.text.startswith("drained")]
        assert told == ([note] if note else []), path


def test_old_flask_has_contexts_and_answers_without_a_drain(
    function: Make, oldest: Callable[..., dict[str, str]]
) -> None:
    pushes = "if order != 'quiet': punch.push(plain); punch.push(copy_current_request_context(later))"
    shop = function(
        SEEN + FLASK + FLASK_VIEW.replace("PUSHES", pushes) + FLASK_HANDLER, env=oldest("flask"), init_timeout=60
    )

    shop.call(rest_event("/quiet"))
    assert shop.told == ["closed quiet NoneType"]
    shop.call(rest_event("/one"))

    assert [note for note in shop.told[2:] if not note.startswith("drained")] == [
        "plain shop /one None", "closed of-the-job NoneType", "async shop /one None", "closed None NoneType",
    ]  # fmt: skip
    assert not shop.said("ERROR")


def test_old_sentry_has_each_error_once(fastapi_function: Make, oldest: Callable[..., dict[str, str]]) -> None:
    """With the request's tags; a job's under its own name."""
    shop = fastapi_function(SENTRY, env=oldest("sentry"), init_timeout=60)

    for kind in ("task", "tasks", "push"):
        shop.call(http_event(f"/{kind}"))

    events = [note.words[1:3] for note in shop.notes]
    assert events == [["ValueError", "task"], ["ValueError", "tasks"], ["KeyError", "tasks"], ["OSError", "push"]]
    assert shop.notes[-1].words[3] == "app.pushed"
