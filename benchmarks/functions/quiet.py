"""One small web application of FastAPI (KIND=fastapi) or Flask (flask) whose requests leave nothing behind their response.

WAY: plain, without our middleware; quiet, with it; open, with it and with something that may do work at the end of each
request; job, with it and with a job that does nothing.
"""

import os

KIND, WAY = os.environ["KIND"], os.environ["WAY"]

if WAY != "plain":
    import lambda_punch as punch


def nothing():
    pass


def fastapi():
    from fastapi import FastAPI
    from mangum import Mangum

    app = FastAPI()

    @app.get("/")
    async def view():
        if WAY == "job":
            punch.push(nothing)
        return {"hello": "world"}

    if WAY == "plain":
        return Mangum(app, lifespan="off")
    from lambda_punch.integrations.asgi import PunchMiddleware

    async def unknown(scope, receive, send):
        await app(scope, receive, send)

    return Mangum(PunchMiddleware(unknown if WAY == "open" else app), lifespan="off")


def flask():
    from apig_wsgi import make_lambda_handler
    from flask import Flask, make_response

    app = Flask("shop")

    @app.get("/")
    def view():
        if WAY == "job":
            punch.push(nothing)
        response = make_response("hello")
        if WAY == "open":
            response.call_on_close(nothing)
        return response

    if WAY == "plain":
        return make_lambda_handler(app)
    from lambda_punch.integrations.wsgi import PunchMiddleware

    return make_lambda_handler(PunchMiddleware(app))


handler = {"fastapi": fastapi, "flask": flask}[KIND]()
