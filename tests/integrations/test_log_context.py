"""The logging fields of a request are on the lines of its failed jobs: structlog, asgi-correlation-id, Powertools."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import http_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function

    Make = Callable[..., Function]

JOBS = """
import logging, sys
import lambda_punch as punch

def fail(): raise ValueError("broken")
async def fail_later(): raise ValueError("broken")

"""
VIEW = """
@app.get("/{order}")
async def view(order: str, tasks: BackgroundTasks):
    BIND
    tasks.add_task(fail)
    punch.push(fail)
    punch.push(fail_later)
"""
STRUCTLOG = """
import structlog
merge = structlog.contextvars.merge_contextvars
formatter = structlog.stdlib.ProcessorFormatter(
    foreign_pre_chain=[merge],
    processors=[
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ],
)
output = logging.StreamHandler(sys.stdout)
output.setFormatter(formatter)
logging.getLogger().handlers = [output]
"""
CORRELATION = """
from asgi_correlation_id import CorrelationIdFilter, CorrelationIdMiddleware
app.add_middleware(CorrelationIdMiddleware)
output = logging.StreamHandler(sys.stdout)
output.addFilter(CorrelationIdFilter(uuid_length=32, default_value="none"))
output.setFormatter(logging.Formatter("[%(correlation_id)s] %(message)s"))
logging.getLogger().handlers = [output]
"""
POWERTOOLS = """
from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging import utils
logging.getLogger("lambda_punch")
logger = Logger(service="shop")
utils.copy_config_to_registered_loggers(source_logger=logger, include={"lambda_punch"})

@logger.inject_lambda_context(clear_state=True)
def handler(event, context):
    logger.append_keys(order=event)
    logger.thread_safe_append_keys(customer=event)
    punch.push(fail)
    punch.push(fail_later)
"""


def lines_of(shop: Function) -> list[dict[str, Any]]:
    """The lines of failed jobs that are JSON."""
    return [json.loads(line) for line in shop.said(" failed") if line.startswith("{")]


def test_what_is_bound_in_structlog_is_on_the_line_of_a_failed_job(fastapi_function: Make) -> None:
    """Of a background task, a plain job and an async one; each request has its own."""
    pytest.importorskip("structlog")
    bind = "structlog.contextvars.clear_contextvars(); structlog.contextvars.bind_contextvars(order=order)"
    shop = fastapi_function(JOBS + STRUCTLOG + VIEW.replace("BIND", bind), init_timeout=30)

    shop.call(http_event("/a7"))
    shop.call(http_event("/b8"))

    lines = lines_of(shop)
    assert [line["order"] for line in lines] == ["a7"] * 3 + ["b8"] * 3
    assert {line["event"].split(" of ")[0] for line in lines} == {"job app.fail", "job app.fail_later"}
    assert all("ValueError: broken" in line["exception"] for line in lines)


def test_the_correlation_id_of_a_request_is_on_the_line_of_a_failed_job(fastapi_function: Make) -> None:
    pytest.importorskip("asgi_correlation_id")
    shop = fastapi_function(JOBS + CORRELATION + VIEW.replace("BIND", "pass"), init_timeout=30)

    identifiers = [shop.call(http_event(path))["headers"]["x-request-id"] for path in ("/a7", "/b8")]

    lines = [line for line in shop.said(" failed") if line.startswith("[")]
    assert [line[1:33] for line in lines] == [identifiers[0]] * 3 + [identifiers[1]] * 3


def test_powertools_keys_are_on_the_line_of_a_failed_job(function: Make) -> None:
    """The request's own id, and the keys that the handler has appended."""
    pytest.importorskip("aws_lambda_powertools")
    shop = function(JOBS + POWERTOOLS, init_timeout=30)

    first, second = shop.invoke("a7"), None
    shop.wait_idle(timeout=15)
    second = shop.invoke("b8")
    shop.wait_idle(timeout=15)

    lines = lines_of(shop)
    ids = [first.request_id] * 2 + [second.request_id] * 2
    assert [line["function_request_id"] for line in lines] == ids
    assert [(line["order"], line["customer"]) for line in lines] == [("a7", "a7")] * 2 + [("b8", "b8")] * 2
    assert {line["exception_name"] for line in lines} == {"ValueError"}
