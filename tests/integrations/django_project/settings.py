"""A project with a database file and this backend, under Django's own framework or the backport (``TASKS_PACKAGE``)."""

import os

SECRET_KEY = "test"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["DATABASE"],
        "TEST": {"NAME": os.environ["DATABASE"] + ".test"},
    }
}
INSTALLED_APPS = ["django_tasks"] if os.environ["TASKS_PACKAGE"] == "django_tasks" else []
TASKS = {
    "default": {"BACKEND": "lambda_punch.integrations.django.PunchBackend", "QUEUES": []},
    "at-once": {
        "BACKEND": "lambda_punch.integrations.django.PunchBackend",
        "OPTIONS": {"enqueue_on_commit": False},
    },
}
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "settings"
urlpatterns = []
ALLOWED_HOSTS = ["*"]
