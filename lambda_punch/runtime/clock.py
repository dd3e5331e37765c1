"""The clocks that runtime/ uses. They go on when code replaces those of the module ``time``.

A job may set them to functions that raise; freezegun, in a test, to ones that stand still. So they are bound when the library
is imported. Each is an object of its own, so freezegun does not take it for a clock.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

now: Callable[[], float] = getattr(time.time, "__call__")  # noqa: B004, B009 - not a test; mypy knows of no such attribute
monotonic: Callable[[], float] = getattr(time.monotonic, "__call__")  # noqa: B004, B009 - as above
