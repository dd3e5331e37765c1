"""Whole applications that nobody here has written, from the package index, unchanged, behind the middleware."""

from __future__ import annotations

import http.server
import json
import re
import sqlite3
import sys
import threading
import time
import urllib.parse
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from lambda_punch.local.http.gateway import HttpRequest, proxy_event

from .versions import fetched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Function

    Make = Callable[..., Function]

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.timeout(280)]

SLOW = 0.5  # what the receiver of a webhook takes
# LNbits finds its own files from the current directory.
LNBITS = """
import os, sys
os.chdir(next(path for path in sys.path if os.path.isdir(path + "/lnbits/static")))
from lnbits.app import create_app
from mangum import Mangum
from lambda_punch.integrations.asgi import PunchMiddleware
handler = Mangum(PunchMiddleware(create_app()))
"""


@contextmanager
def receiver() -> Iterator[tuple[str, list[float]]]:
    """An HTTP server that takes its time; yield its address and when it was called."""
    calls: list[float] = []

    class Slow(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(SLOW)
            calls.append(time.monotonic())
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", calls
        server.shutdown()


def asked(method: str, path: str, *, body: bytes = b"", headers: dict[str, str] | None = None) -> dict[str, Any]:
    fields = [("host", "example.com"), *(headers or {}).items()]
    path, _, query = path.partition("?")
    return proxy_event(HttpRequest(method, path, query, headers=fields, body=body), "gateway-request")


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="LNbits 1.6 needs Python before 3.13")
def test_lnbits_pays_and_sends_its_webhooks_behind_the_response(
    function: Make, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A FastAPI application with a dozen tasks that live as long as it does, and more at each payment, on SQLAlchemy."""
    path = fetched(tmp_path_factory.mktemp("packages"), "lnbits==1.6.2", "bitstring<5", "mangum")
    data = tmp_path / "data"
    data.mkdir()
    with receiver() as (url, calls):
        shop = function(
            LNBITS, prelude="", timeout=20, init_timeout=90,
            env={
                "PYTHONPATH": path, "LNBITS_DATA_FOLDER": str(data), "LNBITS_EXTENSIONS_PATH": str(data),
                "LNBITS_BACKEND_WALLET_CLASS": "FakeWallet", "LNBITS_ADMIN_UI": "false", "AUTH_SECRET_KEY": "secret",
                "LNBITS_CALLBACK_ALLOW_PRIVATE_IPS": "true", "LNBITS_CALLBACK_URL_RULES": ".*",
            },
        )  # fmt: skip

        def call(path: str, body: dict[str, Any], key: str = "") -> tuple[dict[str, Any], float, float]:
            """The answer, and when it came, and how long the caller waited for it."""
            headers = {"content-type": "application/json", **({"x-api-key": key} if key else {})}
            invocation = shop.invoke(asked("POST", path, body=json.dumps(body).encode(), headers=headers))
            shop.wait_idle(timeout=30)
            answer = invocation.json()
            assert answer["statusCode"] in (200, 201), answer
            waited = invocation.responded_at - invocation.sent_at
            return json.loads(answer["body"]), invocation.responded_at, waited

        seller, buyer = (call("/api/v1/account", {"name": name})[0] for name in ("seller", "buyer"))
        give(data / "database.sqlite3", buyer["id"])
        for number in (1, 2, 3):
            order = {"out": False, "amount": 10, "memo": "tea", "webhook": f"{url}/paid"}
            invoice, *_ = call("/api/v1/payments", order, seller["inkey"])
            before = len(calls)
            _, responded, waited = call(
                "/api/v1/payments", {"out": True, "bolt11": invoice["bolt11"]}, buyer["adminkey"]
            )
            assert waited < SLOW, number
            assert len(calls) > before, "the environment was frozen before the webhook was sent"
            assert all(at > responded for at in calls[before:])

    assert not shop.said("greenlet")
    assert not shop.said("not done when its invoke is over")
    assert not shop.said("lambda_punch")


def give(database: Path, wallet: str) -> None:
    """Put money into a wallet, as a payment that came earlier."""
    names = (
        "checking_id, payment_hash, amount, fee, wallet_id, status, bolt11, memo, time, created_at, updated_at, extra"
    )
    now = time.time()
    values = ("seed", "seed", 1_000_000, 0, wallet, "success", "seed", "seed", now, now, now, "{}")
    with sqlite3.connect(database) as connection:
        connection.execute(f"insert into apipayments ({names}) values ({', '.join('?' * len(values))})", values)
    connection.close()


WAGTAIL = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "site_settings"
import django
django.setup()
from django.core.management import call_command
if not os.path.exists(os.environ["NOTES"] + ".sqlite3"):
    call_command("migrate", verbosity=0)
    from django.contrib.auth import get_user_model
    get_user_model().objects.create_superuser("ada", "ada@example.com", "secret")
from django.core.wsgi import get_wsgi_application
from apig_wsgi import make_lambda_handler
from lambda_punch.integrations.wsgi import PunchMiddleware

@punch.around_job
def seen(job): note(job.name)

handler = make_lambda_handler(PunchMiddleware(get_wsgi_application()))
"""
SETTINGS = """
import os
from shop.settings.dev import *
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["NOTES"] + ".sqlite3"}}
TASKS = {"default": {"BACKEND": "lambda_punch.integrations.django.PunchBackend"}}
ALLOWED_HOSTS = ["*"]
"""


def test_wagtail_updates_its_indexes_behind_the_response(
    function: Make, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A content management system of Django's, the project that ``wagtail start`` makes, and TASKS set to our backend."""
    import subprocess

    path = fetched(tmp_path_factory.mktemp("packages"), "wagtail==8.0.1", "apig-wsgi")
    project = tmp_path / "project"
    project.mkdir()
    made = subprocess.run(
        [sys.executable, "-m", "wagtail.bin.wagtail", "start", "shop", str(project)],
        capture_output=True, text=True, check=False, env={"PYTHONPATH": path, "PATH": ""},
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    (project / "site_settings.py").write_text(SETTINGS)
    site = function(WAGTAIL, timeout=20, init_timeout=120, env={"PYTHONPATH": f"{path}:{project}"})
    cookies: dict[str, str] = {}

    def call(method: str, path: str, **form: str) -> tuple[int, str, float]:
        if form:
            form["csrfmiddlewaretoken"] = cookies["csrftoken"]
        headers = {
            "cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
            "content-type": "application/x-www-form-urlencoded", "referer": "http://example.com/", "x-forwarded-proto": "http",
            "x-forwarded-port": "80",
        }  # fmt: skip
        event = asked(method, path, body=urllib.parse.urlencode(form).encode(), headers=headers)
        invocation = site.invoke(event)
        site.wait_idle(timeout=30)
        answer = invocation.json()
        cookies.update(
            re.findall(r"(csrftoken|sessionid)=([^;]*)", json.dumps([answer.get("cookies"), answer.get("headers")]))
        )
        return answer["statusCode"], str(answer.get("body")), invocation.responded_at

    assert call("GET", "/admin/login/")[0] == 200
    assert call("POST", "/admin/login/", username="ada", password="secret", next="/admin/")[0] == 302
    page = re.search(r"/admin/pages/([2-9])/", call("GET", "/admin/")[1])  # 1 is the root, above all sites
    assert page
    form = Form.of(call("GET", f"/admin/pages/{page[1]}/edit/")[1])
    before = len(site.notes)
    form |= {"title": "A shop for tea", "action-publish": "action-publish"}
    status, body, responded = call("POST", f"/admin/pages/{page[1]}/edit/", **form)

    assert status == 302, re.sub(r"<[^>]+>", "", body)[:2000]
    tasks = [note for note in site.notes[before:] if "task" in note.text]
    assert "wagtail.tasks.update_reference_index_task" in {note.text for note in tasks}
    assert all(note.at > responded for note in tasks)
    assert "A shop for tea" in call("GET", "/admin/")[1]
    assert not site.said("ERROR")


class Form(HTMLParser):
    """What a browser would send of the fields on a page."""

    @classmethod
    def of(cls, page: str) -> dict[str, str]:
        parser = cls()
        parser.feed(page)
        return parser.fields

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        name = found.get("name")
        if tag in ("input", "textarea") and name and found.get("type") not in ("checkbox", "submit", "file"):
            self.fields[name] = found.get("value") or ""
