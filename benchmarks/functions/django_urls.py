"""The view and the task of the function with Django."""

import time

from django.http import HttpResponse
from django.urls import path
from django_tasks import task
from integrated import WAY, WORK, wait


@task()
def tail():
    wait()


def view(request):
    time.sleep(WORK)
    if WAY != "none":
        tail.enqueue()
    return HttpResponse("hello")


urlpatterns = [path("", view)]
