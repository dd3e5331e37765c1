"""Fixtures of the browser's tests, beside those of SQS."""

from __future__ import annotations

from tests.browser import browser, opened  # noqa: F401 - fixtures of the tests here
