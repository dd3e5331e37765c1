"""Fetch pip's wheel with the standard library alone.

Debian's python3 comes without pip and without ensurepip. This file makes `make demo` and `make test` work there, also
for somebody who may not install packages. Nothing in the standard library can fetch a wheel.

PIP_INDEX_URL, PIP_CERT, SSL_CERT_FILE and https_proxy are heeded. pip's other settings and its configuration files are
not: a machine that has them has pip.
"""

import hashlib
import os
import re
import ssl
import sys
import urllib.request
from html.parser import HTMLParser
from pathlib import Path
from typing import cast
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

DEFAULT_INDEX = "https://pypi.org/simple"  # pip's own default
TIMEOUT = 15.0  # seconds, as pip's
ADVICE = "install pip for this Python (Debian and Ubuntu: apt-get install python3-venv), or set PIP_INDEX_URL"


class Page(HTMLParser):
    """An index's page (PEP 503); collects version, address and SHA-256 of each wheel of pip for this Python."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.wheels: list[tuple[list[int], str, str]] = []

    def handle_starttag(self, tag: str, attrs: "list[tuple[str, str | None]]") -> None:
        """Look at one link; yanked files, pre-releases and files without a checksum are passed over."""
        attributes = {name: value or "" for name, value in attrs}
        url, checksum = urldefrag(urljoin(self.url, attributes.get("href", "")))
        version = re.search(r"/pip-([0-9.]+)-py3-none-any\.whl$", unquote(url))
        needed = re.search(r">=\s*3\.(\d+)", attributes.get("data-requires-python", ""))
        fits = needed is None or int(needed[1]) <= sys.version_info[1]
        if tag == "a" and version and checksum.startswith("sha256=") and fits and "data-yanked" not in attributes:
            self.wheels.append(([int(part) for part in version[1].split(".")], url, checksum[len("sha256=") :]))


def fetch(into: Path) -> Path:
    """Download the newest wheel of pip into a directory, compare its checksum, and return its path.

    Raises RuntimeError when the index cannot be reached, offers none, or serves other bytes than it promises.
    """
    index = urlsplit((os.environ.get("PIP_INDEX_URL") or DEFAULT_INDEX).rstrip("/") + "/pip/")
    index_without_password = index._replace(netloc=index.netloc.rpartition("@")[2])
    page = Page(index_without_password.geturl())
    passwords = urllib.request.HTTPPasswordMgrWithPriorAuth()
    if index.username:  # sent to the index's host alone, and shown nowhere
        host = index_without_password._replace(path="/").geturl()
        user, password = unquote(index.username), unquote(index.password or "")
        passwords.add_password(None, host, user, password, is_authenticated=True)
    trust = ssl.create_default_context(cafile=os.environ.get("PIP_CERT"))
    opener = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=trust), urllib.request.HTTPBasicAuthHandler(passwords)
    )
    page.feed(download(opener, page.url).decode("utf-8", "replace"))
    if not page.wheels:
        raise RuntimeError(f"{page.url} offers no pip for this Python; {ADVICE}")
    _, url, sha256 = max(page.wheels)
    content = download(opener, url)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise RuntimeError(f"{url} is not what the index promises: its SHA-256 differs")
    wheel = into / url.rpartition("/")[2]
    wheel.write_bytes(content)
    return wheel


def download(opener: urllib.request.OpenerDirector, url: str) -> bytes:
    """Return what is at an address; raise RuntimeError if it cannot be fetched."""
    try:
        with opener.open(url, timeout=TIMEOUT) as answer:
            return cast("bytes", answer.read())
    except OSError as fault:  # urllib's and ssl's errors are OSErrors
        raise RuntimeError(f"cannot fetch pip from {url}: {fault}; {ADVICE}") from fault
