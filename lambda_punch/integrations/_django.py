"""Lets the middlewares notice that Django serves a request behind them."""

from __future__ import annotations

import sys
from typing import Any

from lambda_punch.runtime.start import process

SERVES = "lambda_punch.django"
"""Set in the environ of a WSGI request that Django serves."""


def watch() -> None:
    """Have Django report each request that it begins to serve, inside any middlewares; does nothing without Django."""
    signals = sys.modules.get("django.core.signals")
    if signals is not None:
        signals.request_started.connect(_begin, dispatch_uid=SERVES)


def _begin(environ: dict[str, Any] | None = None, **_: object) -> None:
    from lambda_punch.integrations.django.connections import fresh_connections

    process.around(fresh_connections)
    if environ is not None:
        environ[SERVES] = True
