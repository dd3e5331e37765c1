"""Who may ask: only this page itself, opened on this machine.

A page of another origin can send requests to a port on loopback, and a host name of its own can be made to point there.
So the Host must be the server's own address, an Origin that is sent must be the same, and whatever changes something
needs the token that only the page knows. The headers keep the page from running or loading anything that is not its own.
"""

from __future__ import annotations

import hmac
import secrets

from .document import script_hashes

HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; script-src 'self' {script_hashes()}; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""What every answer carries."""

TOKEN_HEADER = "X-Lambda-Punch-Token"  # noqa: S105 - the header's name


class Guard:
    """Judges requests to the server on ``port`` of loopback."""

    def __init__(self, port: int) -> None:
        self.token = secrets.token_urlsafe(32)
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}

    def refuses(self, host: str | None, origin: str | None, token: str | None, *, changes: bool) -> str | None:
        """Return why a request is refused, or None. ``changes``: it asks for more than to be shown something."""
        if host not in self._hosts:
            return "the Host is not this page's own address; open the page by the address that was printed"
        if origin is not None and origin not in {f"http://{each}" for each in self._hosts}:
            return "another origin may not use this page"
        if changes and not hmac.compare_digest((token or "").encode("utf-8", "replace"), self.token.encode()):
            return "the token is missing or not of this run; reload the page"
        return None
