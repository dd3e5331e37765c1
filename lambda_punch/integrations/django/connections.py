"""Looks after Django's database connections round each job, as Django does round each request.

Connections belong to the thread that opened them. No request ends on the threads that run jobs, so nothing there would
close a connection that is too old (CONN_MAX_AGE) or replace one that the server, a proxy or a freeze has cut. Code in
``async def`` jobs uses the ORM on a thread of asgiref's, so connections are looked after there as well.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

_NO_DATABASE = ("", "django.db.backends.dummy")


def fresh_connections(_job: object = None) -> AbstractContextManager[Any] | None:
    """Close old and broken connections before and after each job: ``punch.around_job(fresh_connections)``.

    PunchBackend, SQSBackend, LambdaEventBackend and both PunchMiddlewares register it by themselves. It does nothing
    in a project without a database.
    """
    forget_request()
    return Connections() if "django.db" in sys.modules and has_database() else None


def has_database(alias: str | None = None) -> bool:
    """Tell whether a database is configured: this one, or any. Django puts a dummy where none is."""
    from django.conf import settings

    if not settings.configured:
        return False
    databases = settings.DATABASES
    chosen = [databases.get(alias, {})] if alias is not None else databases.values()
    return any(database.get("ENGINE", "") not in _NO_DATABASE for database in chosen)


def forget_request() -> None:
    """Drop threads that asgiref has put into the context of a request: a job has a copy, and they end with the request.

    In a job, ``sync_to_async`` would wait for the request's thread, which takes no more work.
    """
    module: Any = sys.modules.get("asgiref.sync")
    if module is None:
        return
    module.AsyncToSync.executors.current = None
    for variable in (module.SyncToAsync.thread_sensitive_context, module.SyncToAsync.deadlock_context):
        if variable.get(None) is not None:
            variable.set(None)


class Connections:
    """Entered on the thread of a job, and on the loop: there it works on the thread that asynchronous code uses."""

    def __enter__(self) -> None:
        _close_old()

    def __exit__(self, *_: object) -> None:
        _close_old()

    async def __aenter__(self) -> None:
        await _close_old_async()

    async def __aexit__(self, *_: object) -> None:
        await _close_old_async()


def _close_old() -> None:
    from django.db import close_old_connections

    close_old_connections()


async def _close_old_async() -> None:
    from asgiref.sync import sync_to_async

    await sync_to_async(_close_old)()
