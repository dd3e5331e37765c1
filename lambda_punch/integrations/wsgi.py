"""WSGI applications (Flask, and others except Django) whose closing work no longer keeps the caller waiting.

    handler = make_lambda_handler(PunchMiddleware(app))        # apig-wsgi; serverless-wsgi and aws-wsgi likewise

By PEP 3333 the server calls ``close()`` on what the application returned, once, when it is done with it. Flask's and
Werkzeug's ``call_on_close`` functions run in it. apig-wsgi calls it before it returns the response; serverless-wsgi and
aws-wsgi never do.
"""

from __future__ import annotations

from types import GeneratorType
from typing import TYPE_CHECKING, Any

from lambda_punch.errors import ShutDownError
from lambda_punch.integrations import _django, _flask
from lambda_punch.integrations._interface import begin
from lambda_punch.integrations._place import defers
from lambda_punch.integrations._view import as_view
from lambda_punch.integrations._werkzeug import closes_nothing
from lambda_punch.runtime.start import process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class PunchMiddleware:
    """Close after the response, exactly once, on Lambda and under AWS's runtime client; elsewhere do nothing.

    The response's ``close()`` runs on the drain's thread, with the request's context variables. An error in it goes to
    the error handler, or else into the log. A plain generator is passed on as it is, and so is what the adapter made
    itself (``wsgi.file_wrapper``), and a response of Flask or Werkzeug on whose close nothing is called.

    What is pushed in a view of Flask's runs in an application context of its own.

    Django is the exception: its ``close()`` sends request_finished, whose receivers close the database connections of
    the thread that they run on. So it is called on the request's own thread as soon as the body is complete, also under
    adapters that never would. Use lambda_punch.push() for what is to run after the response.
    """

    def __init__(self, app: WSGIApplication) -> None:
        """Call start() on Lambda; make it in module code, so that the extension hears of it in time.

        Raises ConfigurationError for what is not a WSGI application.
        """
        begin(self, app, takes=2, adapters="make_lambda_handler(PunchMiddleware(app)), of apig-wsgi")
        self.app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        if not defers():
            return self.app(environ, start_response)
        _django.watch()
        _flask.watch()
        view: list[object] = []

        def started(*args: Any) -> Any:
            view.append(_view_of(environ, self.app))  # now: Flask forgets the request when it has returned
            return start_response(*args)

        body = self.app(environ, started)
        close = getattr(body, "close", None)
        if close is None or isinstance(body, (GeneratorType, *_file_wrapper(environ))) or closes_nothing(body):
            return body
        closed = close if environ.get(_django.SERVES) else _pushed(close, _named_like(view, environ, self.app))
        return (_SizedBody if hasattr(body, "__len__") else _Body)(body, closed)


class _Body:
    """The application's body, closed when it is complete or when the adapter says so, whichever is first."""

    def __init__(self, body: Iterable[bytes], close: Callable[[], object]) -> None:
        self._body = body
        self._close: Callable[[], object] | None = close

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        finally:
            self.close()

    def close(self) -> None:
        """Close the application's body; the second call does nothing."""
        close, self._close = self._close, None
        if close is not None:
            close()


class _SizedBody(_Body):
    """A body with a known number of parts, from which a server may tell the length of the response."""

    def __len__(self) -> int:
        return len(self._body)  # type: ignore[arg-type]  # it is made for bodies that have one


def _pushed(
    close: Callable[[], object], name: Callable[[Callable[[], None]], Callable[[], None]]
) -> Callable[[], object]:
    def later() -> None:
        def rest() -> None:
            close()

        try:
            process.push(name(rest))
        except ShutDownError:
            close()

    return later


def _view_of(environ: WSGIEnvironment, app: Any) -> object:
    """Return the function that serves a request of Flask; None for another framework's."""
    endpoint = getattr(environ.get("werkzeug.request"), "endpoint", None)
    return getattr(app, "view_functions", {}).get(endpoint) if endpoint else None


def _named_like(
    view: list[object], environ: WSGIEnvironment, app: object
) -> Callable[[Callable[[], None]], Callable[[], None]]:
    def name(rest: Callable[[], None]) -> Callable[[], None]:
        request = f"{environ.get('REQUEST_METHOD', '')} {environ.get('PATH_INFO', '')}"
        return as_view(rest, view[-1] if view else None, app, request)

    return name


def _file_wrapper(environ: WSGIEnvironment) -> tuple[type, ...]:
    wrapper: Any = environ.get("wsgi.file_wrapper")
    return (wrapper,) if isinstance(wrapper, type) else ()
