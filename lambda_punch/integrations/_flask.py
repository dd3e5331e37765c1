"""Gives each job that is pushed in a Flask application an application context of its own.

A job has a copy of its request's context variables, so ``current_app`` and ``request`` are there. But the application context
in them has come to its end with the request. What a job would open in it, nobody would ever close: Flask-SQLAlchemy, for
one, would keep a database connection for each request that pushes. So each job has a new one, as Flask gives one to a
function under copy_current_request_context in a thread. ``g`` is empty in it, and the application's teardown functions are
called behind the job.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from lambda_punch.runtime.start import process

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


def watch() -> None:
    """Do so for all jobs from now on; does nothing without Flask."""
    if "flask" in sys.modules:
        process.around(application_context)


def application_context(_job: object = None) -> AbstractContextManager[Any] | None:
    """Return a new context of the application in whose request the job was pushed; None outside of one."""
    flask: Any = sys.modules["flask"]
    if not flask.has_app_context():
        return None
    manager: AbstractContextManager[Any] = flask.current_app.app_context()
    return manager
