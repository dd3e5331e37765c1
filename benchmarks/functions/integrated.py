"""One small web function or traced function, without a tail (WAY=none), with it its framework's way (own), and ours.

KIND: fastapi, flask, django, opentelemetry or sentry. Each handler's own work takes 20 ms, as a query or two would; the
tail takes 80 ms, which for telemetry is the collector's time.
"""

import asyncio
import os
import time

KIND, WAY = os.environ["KIND"], os.environ["WAY"]
WORK, TAIL = 0.02, 0.08


def wait():
    time.sleep(TAIL)


async def await_():
    await asyncio.sleep(TAIL)


def fastapi():
    from fastapi import BackgroundTasks, FastAPI
    from mangum import Mangum

    app = FastAPI()

    @app.get("/")
    async def view(tasks: BackgroundTasks):
        await asyncio.sleep(WORK)
        if WAY != "none":
            tasks.add_task(await_)
        return {"hello": "world"}

    if WAY == "punch":
        from lambda_punch.integrations.asgi import PunchMiddleware

        return Mangum(PunchMiddleware(app), lifespan="off")
    return Mangum(app, lifespan="off")


def flask():
    from apig_wsgi import make_lambda_handler
    from flask import Flask, make_response

    app = Flask("shop")

    @app.get("/")
    def view():
        time.sleep(WORK)
        response = make_response("hello")
        if WAY != "none":
            response.call_on_close(wait)
        return response

    if WAY == "punch":
        from lambda_punch.integrations.wsgi import PunchMiddleware

        return make_lambda_handler(PunchMiddleware(app))
    return make_lambda_handler(app)


def django():
    import django
    from apig_wsgi import make_lambda_handler
    from django.conf import settings

    backend = "lambda_punch.integrations.django.PunchBackend"
    settings.configure(
        ROOT_URLCONF="django_urls",
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["django_tasks"],
        TASKS={
            "default": {"BACKEND": backend if WAY == "punch" else "django_tasks.backends.immediate.ImmediateBackend"}
        },
    )
    django.setup()
    from django.core.handlers.wsgi import WSGIHandler

    return make_lambda_handler(WSGIHandler())


def opentelemetry():
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    if WAY != "none":
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(provider)
    if WAY == "punch":
        from lambda_punch.integrations import telemetry

        telemetry.flush_after(telemetry.opentelemetry())
    tracer = provider.get_tracer("benchmark")

    def handler(event, context):
        with tracer.start_as_current_span("handle"):
            time.sleep(WORK)
        if WAY == "own":
            provider.force_flush(30_000)  # as AWS Lambda's instrumentation does
        return {"statusCode": 200}

    return handler


def sentry():
    if WAY != "none":
        import sentry_sdk
        from sentry_sdk.integrations.aws_lambda import AwsLambdaIntegration

        sentry_sdk.init(os.environ["SENTRY_DSN"], integrations=[AwsLambdaIntegration()])
    if WAY == "punch":
        from lambda_punch.integrations import telemetry

        telemetry.flush_after(telemetry.sentry())

    def handler(event, context):
        time.sleep(WORK)
        if WAY != "none":
            sentry_sdk.capture_message("handled")
        return {"statusCode": 200}

    return handler


handler = {"fastapi": fastapi, "flask": flask, "django": django, "opentelemetry": opentelemetry, "sentry": sentry}[
    KIND
]()
