"""Fetch pip's wheel with the standard library alone, from the package index that pip would use.

The settings are pip's own: PIP_INDEX_URL, PIP_CERT, PIP_PROXY, PIP_TRUSTED_HOST and PIP_DEFAULT_TIMEOUT, or the same
in pip's configuration files; SSL_CERT_FILE and https_proxy work as they do everywhere in Python.
"""

import base64
import configparser
import hashlib
import os
import re
import ssl
import sys
import urllib.request
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple, cast
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit

DEFAULT_INDEX = "https://pypi.org/simple"  # pip's own default
TRIES = 3
ADVICE = "or install pip for this Python (Debian and Ubuntu: apt-get install python3-venv)"


class Link(NamedTuple):
    """A file that the index offers."""

    version: "tuple[int, ...]"
    url: str
    sha256: str


class Page(HTMLParser):
    """An index's page (PEP 503): collects the links to wheels of pip that this Python can run."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self.links: list[Link] = []

    def handle_starttag(self, tag: str, attrs: "list[tuple[str, str | None]]") -> None:
        """Take note of one link; yanked files, pre-releases and files without a checksum are left out."""
        attributes = {name: value or "" for name, value in attrs}
        url, fragment = urldefrag(urljoin(self._url, attributes.get("href", "")))
        name = re.fullmatch(r"pip-([0-9.]+)-py3-none-any\.whl", unquote(urlsplit(url).path.rpartition("/")[2]))
        checksum = re.fullmatch(r"sha256=([0-9a-f]{64})", fragment)
        if tag != "a" or name is None or checksum is None or "data-yanked" in attributes:
            return
        needed = re.search(r">=\s*(\d+)\.(\d+)", attributes.get("data-requires-python", ""))
        if needed is None or tuple(map(int, needed.groups())) <= sys.version_info:
            self.links.append(Link(tuple(map(int, name.group(1).split("."))), url, checksum.group(1)))


def fetch(into: Path) -> Path:
    """Download the newest wheel of pip into a directory, compare its checksum, and return its path.

    Raises RuntimeError when the index cannot be reached, offers none, or serves other bytes than it promises.
    """
    index = setting("index-url") or DEFAULT_INDEX
    address = index.rstrip("/") + "/pip/"
    page = Page(without_credentials(address))
    page.feed(download(address).decode("utf-8", "replace"))
    if not page.links:
        raise RuntimeError(f"{without_credentials(address)} offers no pip for this Python; {ADVICE}")
    newest = max(page.links)
    content = download(newest.url, credentials_of=address)
    if hashlib.sha256(content).hexdigest() != newest.sha256:
        raise RuntimeError(f"{newest.url} is not what the index promises: its SHA-256 differs")
    wheel = into / unquote(urlsplit(newest.url).path.rpartition("/")[2])
    wheel.write_bytes(content)
    return wheel


def download(address: str, *, credentials_of: str = "") -> bytes:
    """Return what is at an address, tried three times; raises RuntimeError."""
    opener = urllib.request.build_opener(*handlers(urlsplit(address).hostname or ""))
    request = urllib.request.Request(without_credentials(address), headers=headers(address, credentials_of or address))
    timeout = float(setting("default-timeout") or setting("timeout") or 15)
    for attempt in range(1, TRIES + 1):
        try:
            with opener.open(request, timeout=timeout) as answer:
                return cast("bytes", answer.read())
        except OSError as fault:  # urllib's and ssl's errors are OSErrors
            if attempt == TRIES:
                raise RuntimeError(f"cannot fetch pip from {request.full_url}: {fault}; {ADVICE}") from fault
    raise AssertionError("unreachable")


def handlers(host: str) -> "list[urllib.request.BaseHandler]":
    """Return what makes urllib trust and route as pip would."""
    bundle = setting("cert") or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    trust = ssl.create_default_context(cafile=bundle if bundle and Path(bundle).is_file() else None)
    if host in (setting("trusted-host") or "").split():
        trust.check_hostname = False
        trust.verify_mode = ssl.CERT_NONE
    found: list[urllib.request.BaseHandler] = [urllib.request.HTTPSHandler(context=trust)]
    proxy = setting("proxy")
    if proxy:
        found.append(urllib.request.ProxyHandler({"http": proxy, "https": proxy}))
    return found


def headers(address: str, credentials_of: str) -> "dict[str, str]":
    """Return the headers of a request; the index's name and password go to the index's host only."""
    known = {"Accept": "text/html, */*;q=0.1", "User-Agent": "lambda-punch-bootstrap"}
    index = urlsplit(credentials_of)
    if index.username and index.hostname == urlsplit(address).hostname:
        secret = f"{unquote(index.username)}:{unquote(index.password or '')}".encode()
        known["Authorization"] = "Basic " + base64.b64encode(secret).decode()
    return known


def without_credentials(address: str) -> str:
    """Return an address without the name and password in it."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def setting(name: str) -> "str | None":
    """Return one of pip's settings: the environment's word first, then the configuration files', nearest first."""
    said = os.environ.get("PIP_" + name.upper().replace("-", "_"))
    if said:
        return said
    for file in configuration_files():
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read(str(file), encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue
        for section in ("install", "global"):
            said = parser.get(section, name, fallback="")
            if said:
                return said
    return None


def configuration_files() -> "list[Path]":
    """Return where pip looks for its settings on Linux, nearest first."""
    named = os.environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    home = Path(os.path.expanduser("~"))  # unlike Path.home it never raises
    personal = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
    return [*([Path(named)] if named else []), personal, home / ".pip" / "pip.conf", Path("/etc/pip.conf")]
