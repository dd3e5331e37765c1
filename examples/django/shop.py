"""Views and tasks of the shop."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from django.db import connection
from django.http import JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django_tasks import task  # Django 6.0 and later: from django.tasks import task

if TYPE_CHECKING:
    from django.http import HttpRequest

TABLES = (
    "create table if not exists orders (id integer primary key, item text, email text)",
    "create table if not exists mails (to_address text, item text)",
)


@task()
def confirm(order_id: int) -> None:
    """Send a mail about an order, which is committed by now."""
    time.sleep(1)  # a slow mail gateway
    with connection.cursor() as cursor:
        cursor.execute("insert into mails select email, item from orders where id = %s", [order_id])


@csrf_exempt
def orders(request: HttpRequest) -> JsonResponse:
    order = json.loads(request.body)
    with connection.cursor() as cursor:
        cursor.execute("insert into orders (item, email) values (%s, %s)", [order["item"], order["email"]])
        order["id"] = cursor.lastrowid
    confirm.enqueue(order["id"])
    return JsonResponse(order, status=201)


def mails(_request: HttpRequest) -> JsonResponse:
    with connection.cursor() as cursor:
        cursor.execute("select to_address, item from mails")
        return JsonResponse([list(row) for row in cursor.fetchall()], safe=False)


urlpatterns = [path("orders", orders), path("mails", mails)]
