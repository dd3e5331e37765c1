"""PunchMiddleware as FastAPI, Starlette and Mangum type what they take."""

from __future__ import annotations

from fastapi import FastAPI
from mangum import Mangum
from starlette.applications import Starlette
from starlette.middleware import Middleware

from lambda_punch.integrations.asgi import PunchMiddleware

handler = Mangum(PunchMiddleware(FastAPI()))
other_handler = Mangum(PunchMiddleware(Starlette()), lifespan="off")
inside = Starlette(middleware=[Middleware(PunchMiddleware)])
FastAPI().add_middleware(PunchMiddleware)

PunchMiddleware()  # type: ignore[call-arg]  # it needs the application
PunchMiddleware("app:app")  # type: ignore[arg-type]  # as an object, not its name
