"""How the bootstrap gets pip on a machine that has none: from an index on this machine."""

from __future__ import annotations

import ast
import base64
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WHEEL = b"a wheel"
SHA256 = hashlib.sha256(WHEEL).hexdigest()


class Index(ThreadingHTTPServer):
    """An index with the links it is given; it notes what it is asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.links: list[str] = []
        self.asked: list[tuple[str, str | None]] = []
        self.url = f"http://127.0.0.1:{self.server_port}/simple"


class _Handler(BaseHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Authorization"]))
        body = "".join(self.server.links).encode() if self.path == "/simple/pip/" else WHEEL
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """Yield an index that pip's settings name."""
    with Index() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        monkeypatch.setenv("PIP_INDEX_URL", server.url)
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def pip_wheel() -> Any:
    """Return scripts/pip_wheel.py as a module."""
    spec = spec_from_file_location("pip_wheel", REPOSITORY / "scripts/pip_wheel.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def link(version: str, sha256: str = SHA256, attributes: str = "") -> str:
    return f'<a href="../../files/pip-{version}-py3-none-any.whl#sha256={sha256}" {attributes}>pip</a>'


def test_the_newest_that_fits(pip_wheel: Any, index: Index, tmp_path: Path) -> None:
    """It takes the highest version that is not yanked, no pre-release, and made for this Python."""
    index.links += [
        link("9.0"),
        link("25.1", attributes='data-requires-python="&gt;=3.9"'),
        link("25.2", attributes='data-requires-python="&gt;=3.99"'),
        link("25.3", attributes='data-yanked="broken"'),
        link("26.0b1"),
        '<a href="pip-30.0.tar.gz#sha256=0">source</a>',
    ]

    wheel = pip_wheel.fetch(tmp_path)

    assert wheel == tmp_path / "pip-25.1-py3-none-any.whl"
    assert wheel.read_bytes() == WHEEL
    assert [path for path, _ in index.asked] == ["/simple/pip/", "/files/pip-25.1-py3-none-any.whl"]


def test_other_bytes_than_promised(pip_wheel: Any, index: Index, tmp_path: Path) -> None:
    """A wheel whose checksum differs is refused."""
    index.links.append(link("25.1", sha256="0" * 64))

    with pytest.raises(RuntimeError, match="its SHA-256 differs"):
        pip_wheel.fetch(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_no_checksum(pip_wheel: Any, index: Index, tmp_path: Path) -> None:
    """A link without a checksum is not taken at all."""
    index.links.append('<a href="pip-25.1-py3-none-any.whl">pip</a>')

    with pytest.raises(RuntimeError, match="offers no pip for this Python; install pip"):
        pip_wheel.fetch(tmp_path)


def test_an_index_that_cannot_be_reached(pip_wheel: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the address, and what else can be done."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")

    with pytest.raises(RuntimeError, match="cannot fetch pip from http://127.0.0.1:9/simple/pip/: .*apt-get install"):
        pip_wheel.fetch(tmp_path)


def test_another_host_gets_no_password(
    pip_wheel: Any, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An index may keep its files elsewhere; the name and password are not sent there."""
    monkeypatch.setenv("PIP_INDEX_URL", index.url.replace("//127.0.0.1", "//me:secret@localhost"))
    files = index.url.replace("/simple", "/files")
    index.links.append(f'<a href="{files}/pip-25.1-py3-none-any.whl#sha256={SHA256}">pip</a>')

    pip_wheel.fetch(tmp_path)

    assert [secret is None for _, secret in index.asked] == [False, True]


def test_name_and_password(pip_wheel: Any, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those in the index's address are sent to it, and shown nowhere."""
    monkeypatch.setenv("PIP_INDEX_URL", index.url.replace("//", "//me:s%40cret@"))
    index.links.append(link("25.1", sha256="0" * 64))

    with pytest.raises(RuntimeError) as raised:
        pip_wheel.fetch(tmp_path)

    secret = "Basic " + base64.b64encode(b"me:s@cret").decode()
    assert index.asked == [("/simple/pip/", secret), ("/files/pip-25.1-py3-none-any.whl", secret)]
    assert "cret" not in str(raised.value)


def test_old_python_is_told_so() -> None:
    """The bootstrap reads as Python 3.6, so that an old interpreter gets as far as its message."""
    ast.parse((REPOSITORY / "scripts/bootstrap.py").read_text(), feature_version=(3, 6))
