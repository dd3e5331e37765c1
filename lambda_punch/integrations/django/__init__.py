"""Backends for Django's Tasks framework: ``django.tasks`` (6.0 and later) and its backport ``django_tasks``.

TASKS = {"default": {"BACKEND": "lambda_punch.integrations.django.PunchBackend"}}
"""

from __future__ import annotations

from lambda_punch.integrations.django.punch_backend import PunchBackend

__all__ = ["PunchBackend"]
