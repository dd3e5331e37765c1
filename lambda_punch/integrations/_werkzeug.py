"""Tells whether the close() of a response of Werkzeug's (Flask's, so) calls anything.

Each such response has one, and most have nothing to call. To wait with that until the response is out costs a drain, about
1 ms of billed time.
"""

from __future__ import annotations

import sys
from types import GeneratorType
from typing import Any


def closes_nothing(body: object) -> bool:
    """Tell whether it is a response of Werkzeug's that shows that its close() does nothing; False for all others."""
    module: Any = sys.modules.get("werkzeug.wrappers.response")
    return module is not None and type(body) is module.ClosingIterator and _is_idle(body, module)


def _is_idle(body: Any, module: Any) -> bool:
    if not hasattr(body, "close"):
        return True
    if isinstance(body, GeneratorType):  # the one that encodes what a response consists of
        return bool(body.gi_code.co_filename == module.__file__)
    if type(body) is module.ClosingIterator:
        return all(_is_idle_close(call, module) for call in getattr(body, "_callbacks", [None]))
    if isinstance(body, module.Response) and type(body).close is module.Response.close:
        return not getattr(body, "_on_close", True) and _is_idle(body.response, module)
    return False


def _is_idle_close(call: Any, module: Any) -> bool:
    owner = getattr(call, "__self__", None)
    return owner is not None and call == getattr(owner, "close", None) and _is_idle(owner, module)
