"""The Lambda handler of the shop."""

from __future__ import annotations

import os

import django
from apig_wsgi import make_lambda_handler
from django.core.wsgi import get_wsgi_application
from django.db import connection
from lambda_punch.integrations.wsgi import PunchMiddleware

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
django.setup()

from shop import TABLES  # noqa: E402 - Django first

with connection.cursor() as cursor:
    for table in TABLES:
        cursor.execute(table)
connection.close()

handler = make_lambda_handler(PunchMiddleware(get_wsgi_application()))
