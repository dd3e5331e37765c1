"""What cannot work is refused where it is written, in one sentence that names the cure."""

from __future__ import annotations

import functools
from typing import Any

import pytest

import lambda_punch as punch
from lambda_punch.errors import ConfigurationError, NotCallableError
from lambda_punch.integrations import asgi, telemetry, wsgi
from lambda_punch.jobs import JobOptionError, on_failure


def generator(job: Any) -> Any:
    yield


async def asynchronous(*_: Any) -> None: ...


@pytest.mark.parametrize("wrong", [None, 3, "text", []])
@pytest.mark.parametrize(
    "takes", [punch.error_handler, punch.on_lost, punch.around_job, punch.handler, punch.time_limit(1), punch.push]
)
def test_what_is_not_a_function_is_refused(takes: Any, wrong: Any) -> None:
    with pytest.raises(NotCallableError, match=r"takes a function"):
        takes(wrong)


@pytest.mark.parametrize("takes", [punch.error_handler, punch.on_lost])
@pytest.mark.parametrize("wrong", [generator, asynchronous])
def test_a_hook_that_nobody_would_await_is_refused(takes: Any, wrong: Any) -> None:
    with pytest.raises(NotCallableError, match="takes a plain function"):
        takes(wrong)


def test_a_hook_round_jobs_without_its_decorator_is_refused() -> None:
    with pytest.raises(NotCallableError, match="put @contextmanager above it"):
        punch.around_job(generator)


@pytest.mark.parametrize("wrong", [None, 3, on_failure])
def test_hooks_and_jobs_of_durable_jobs_are_functions(wrong: Any) -> None:
    if wrong is not on_failure:
        with pytest.raises(JobOptionError):
            on_failure(wrong)
        with pytest.raises(JobOptionError):
            punch.job()(wrong)


PRESETS = [
    telemetry.sentry,
    telemetry.opentelemetry,
    telemetry.new_relic,
    telemetry.langfuse,
    telemetry.powertools_metrics,
]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_without_parentheses_is_refused(preset: Any) -> None:
    with pytest.raises(ConfigurationError, match=rf"telemetry.{preset.__name__}\(\) returns; write the parentheses"):
        telemetry.flush_after(preset)


@pytest.mark.parametrize("flusher", [lambda client: None, functools.partial(divmod, 1), 3, None, generator])
def test_a_flusher_that_cannot_be_called_without_arguments_is_refused(flusher: Any) -> None:
    with pytest.raises(ConfigurationError, match="flush_after"):
        telemetry.flush_after(flusher)


class Mangum:
    def __call__(self, event: Any, context: Any) -> None: ...


async def asgi_application(scope: Any, receive: Any, send: Any) -> None: ...


def wsgi_application(environ: Any, start_response: Any) -> Any: ...


def test_the_adapter_inside_the_middleware_is_told_as_the_wrong_order() -> None:
    with pytest.raises(ConfigurationError, match=r"Mangum\(PunchMiddleware\(app\)\); not the other way round"):
        asgi.PunchMiddleware(Mangum())  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="not the other way round"):
        asgi.PunchMiddleware(lambda event, context: None)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="not the other way round"):
        wsgi.PunchMiddleware(lambda event, context: None)  # type: ignore[arg-type,return-value]


def test_an_application_of_the_other_kind_is_told_which_middleware_it_needs() -> None:
    flask = pytest.importorskip("flask").Flask("shop")
    fastapi = pytest.importorskip("fastapi").FastAPI()
    for app in (flask, wsgi_application):
        with pytest.raises(
            ConfigurationError, match=r"is a WSGI application: use the one in lambda_punch.integrations.wsgi"
        ):
            asgi.PunchMiddleware(app)  # type: ignore[arg-type]
    for app in (fastapi, asgi_application):
        with pytest.raises(
            ConfigurationError, match=r"is an ASGI application: use the one in lambda_punch.integrations.asgi"
        ):
            wsgi.PunchMiddleware(app)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [None, 3, "app", lambda: None, lambda a, b, c, d: None])
def test_what_is_not_an_application_is_refused(wrong: Any) -> None:
    for middleware in (asgi.PunchMiddleware, wsgi.PunchMiddleware):
        with pytest.raises(ConfigurationError, match="PunchMiddleware"):
            middleware(wrong)


def test_applications_of_every_make_are_taken() -> None:
    class Application:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    class Endpoint:
        def __init__(self, scope: Any, receive: Any, send: Any) -> None: ...

    for app in (asgi_application, Application(), Endpoint, functools.partial(asgi_application), lambda *args: None):
        asgi.PunchMiddleware(app)  # type: ignore[arg-type]
    for app in (wsgi_application, functools.partial(wsgi_application), lambda *args: []):
        wsgi.PunchMiddleware(app)  # type: ignore[arg-type]
