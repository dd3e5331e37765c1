"""One JSON message to one of the shop's services."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMEOUT = 2.0  # a job without one can hold the environment, and its bill, up to the function's own timeout


def post(url: str, message: Mapping[str, object]) -> None:
    """Send it; raise OSError if the service cannot be reached in time or answers with an error."""
    data, headers = json.dumps(message).encode(), {"Content-Type": "application/json"}
    request = Request(url, data, headers)  # noqa: S310 - the address is the function's own configuration
    with urlopen(request, timeout=_TIMEOUT):  # noqa: S310 - as above
        pass
