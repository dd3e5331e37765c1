"""The shop's settings; TASKS is where the tasks' backend stands."""

from __future__ import annotations

import os

SECRET_KEY = os.environ.get("SECRET_KEY", "not-for-production")
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "shop"
INSTALLED_APPS = ["django_tasks"]  # not with Django 6.0 or later, which has it
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DATABASE", "/tmp/shop.sqlite3"),  # noqa: S108 - what a Lambda function has
        "ATOMIC_REQUESTS": True,
    }
}
TASKS = {"default": {"BACKEND": "lambda_punch.integrations.django.PunchBackend"}}
USE_TZ = True
