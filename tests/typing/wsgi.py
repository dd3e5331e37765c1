"""PunchMiddleware as Flask, Django and apig-wsgi type what they give and take."""

from __future__ import annotations

from apig_wsgi import make_lambda_handler
from flask import Flask

from lambda_punch.integrations.wsgi import PunchMiddleware

app = Flask("shop")
app.wsgi_app = PunchMiddleware(app.wsgi_app)  # type: ignore[method-assign]  # as Flask's own documentation does it
handler = make_lambda_handler(PunchMiddleware(app))

PunchMiddleware()  # type: ignore[call-arg]  # it needs the application
