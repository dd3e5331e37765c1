"""The moment after the response: the runtime client asks for its next event.

AWS's runtime client (awslambdaric) has no hook for it (its issue 113 asks for one), so ``wait_next_invocation`` is
wrapped on the class, where the client looks it up at every call; Sentry's SDK patches the same class. Its arguments
are passed on as they come: they have changed between releases.
"""

from __future__ import annotations

import sys

from lambda_punch._log import logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_MODULE = "awslambdaric.lambda_runtime_client"
_BOOTSTRAP = "awslambdaric.bootstrap"
_METHOD = "wait_next_invocation"


def watch_runtime_client(before_next: Callable[[], None], after_next: Callable[[Any], None]) -> bool:
    """Have ``before_next()`` called when a response has been posted, ``after_next(request)`` at each new request.

    Both run on the runtime's main thread and may not raise; what they raise is logged. Returns False if the runtime client
    is not awslambdaric.
    """
    module = sys.modules.get(_MODULE)
    if module is None:
        return False
    owners = [each for each in vars(module).values() if isinstance(each, type) and _METHOD in vars(each)]
    for owner in owners:
        setattr(owner, _METHOD, _wrap(vars(owner)[_METHOD], before_next, after_next))
    return bool(owners)


def request_being_handled() -> tuple[str, int] | None:
    """Return id and deadline (epoch milliseconds) of the request in whose handler awslambdaric is, or None.

    Read from the frame of its ``handle_event_request`` on the main thread, because there is no other way. A deadline of 1,
    long past, stands for one that is not found there.
    """
    import threading

    frame = sys._current_frames().get(threading.main_thread().ident or 0)  # noqa: SLF001 - there is no public way
    while frame is not None:
        if frame.f_code.co_name == "handle_event_request" and frame.f_globals.get("__name__") == _BOOTSTRAP:
            found = frame.f_locals
            return str(found.get("invoke_id") or ""), int(found.get("epoch_deadline_time_in_ms") or 1)
        frame = frame.f_back
    return None


def _wrap(
    original: Callable[..., Any], before_next: Callable[[], None], after_next: Callable[[Any], None]
) -> Callable[..., Any]:
    def wait_next_invocation(*args: Any, **kwargs: Any) -> Any:
        try:
            before_next()
        except Exception:  # noqa: BLE001 - the function's own answers go out whatever happens to us
            logger().exception("the work after the response could not be announced")
        request = original(*args, **kwargs)
        try:
            after_next(request)
        except Exception:  # noqa: BLE001 - as above
            logger().exception("the request that has just come could not be noted")
        return request

    return wait_next_invocation
