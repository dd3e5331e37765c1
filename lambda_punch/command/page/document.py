"""The page as a document: with its parts beside it on the server, or all in one file that can be kept and sent on."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .feed import Feed

STATIC = Path(__file__).parent / "static"

_ENTRY = 'import "page/main.js";'
_SERVED_MODULES = json.dumps({"imports": {"page/": "/static/"}})
_SERVED_STYLE = '<link rel="stylesheet" href="/static/style.css">'


def served(token: str) -> str:
    """Return the page that asks the server for everything else."""
    return _filled(token=token, modules=_SERVED_MODULES, style=_SERVED_STYLE, saved="")


def saved(feed: Feed, about: dict[str, Any]) -> str:
    """Return the page with its parts and the whole feed inside it; it needs no server and asks nobody for anything."""
    modules = {
        f"page/{path.relative_to(STATIC).as_posix()}": _as_address(path) for path in sorted(STATIC.rglob("*.js"))
    }
    _, records = feed.changes(0)
    data = {
        "now": feed.now(),
        "records": records,
        "details": {each["id"]: feed.details(each["id"]) for each in records if each["kind"] == "request"},
        "about": {**about, "began": feed.epoch, "now": feed.now(), "sends": False, "saved": True},
    }
    return _filled(
        token="",
        modules=json.dumps({"imports": modules}),
        style=f"<style>{(STATIC / 'style.css').read_text(encoding='utf-8')}</style>",
        # whatever a log line or an event says, it cannot end the element that it stands in
        saved=f'<script type="application/json" id="saved">{json.dumps(data).replace("<", chr(92) + "u003c")}</script>\n',
    )


def script_hashes() -> str:
    """Return what a Content-Security-Policy has to allow of the served page's own inline scripts."""
    digests = (hashlib.sha256(text.encode()).digest() for text in (_SERVED_MODULES, _ENTRY))
    return " ".join(f"'sha256-{base64.b64encode(each).decode()}'" for each in digests)


def _filled(**parts: str) -> str:
    page = (STATIC / "index.html").read_text(encoding="utf-8").replace("{{entry}}", _ENTRY)
    for name in ("token", "modules", "style", "saved"):  # what was saved comes last: it may hold such a mark itself
        page = page.replace("{{" + name + "}}", parts[name])
    return page


def _as_address(path: Path) -> str:
    return f"data:text/javascript;base64,{base64.b64encode(path.read_bytes()).decode()}"
