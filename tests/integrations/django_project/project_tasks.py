"""Tasks of the project under test."""

import os
from importlib import import_module

task = import_module(os.environ["TASKS_PACKAGE"]).task

ran = []


@task()
def add(a, b):
    return a + b


@task()
def fail(how):
    raise ValueError(how)


@task()
async def aadd(a, b):
    return a + b


@task(takes_context=True)
def attempts(context, name):
    return [name, context.attempt, context.task_result.id]


@task()
def not_json():
    return {1, 2}


@task()
def keep(word):
    ran.append(word)


@task()
def interrupt():
    raise KeyboardInterrupt


@task(backend="at-once")
def at_once(word):
    ran.append(word)


@task()
def count_tables():
    from django.db import connection

    with connection.cursor() as cursor:
        return len(connection.introspection.table_names(cursor))


@task()
async def acount_tables():
    from asgiref.sync import sync_to_async

    return await sync_to_async(count_tables.func)()
