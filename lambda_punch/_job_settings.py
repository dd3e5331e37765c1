"""The settings of durable jobs and metrics in this process; imported, and read, when the first of them is needed.

From the moment they are read metrics are written, and options given later would come too late.
"""

from __future__ import annotations

import os

from lambda_punch import _events, _job_config, _log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lambda_punch._job_config import JobConfig
    from lambda_punch.runtime import Process

options: dict[str, object] = {}
config: JobConfig | None = None


def check(given: Mapping[str, object]) -> None:
    """Raise ConfigurationError if ``given`` cannot be, or comes too late."""
    if config is not None:
        from lambda_punch.errors import ConfigurationError

        raise ConfigurationError("configure() was called after the first durable job; call it first, in the module")
    _job_config.JobConfig(**given)  # type: ignore[arg-type]  # raises what is to be raised


def read(process: Process) -> JobConfig:
    """Return the settings, read at the first call; from then on metrics are written."""
    global config
    if config is None:
        config, complaints = _job_config.read(os.environ, options)
        for complaint in complaints:
            _log.logger().error(complaint)
        _write_metrics(config, process)
    return config


def _write_metrics(config: JobConfig, process: Process) -> None:
    """Have metrics written, unless they are off; off Lambda only if somebody asked for them."""
    asked = "metrics" in options or "metrics_sink" in options or "LAMBDA_PUNCH_METRICS" in os.environ
    if config.metrics != "off" and (asked or "AWS_LAMBDA_FUNCTION_NAME" in os.environ):
        from lambda_punch.metrics import Metrics

        app_name = config.metrics_app_name or os.environ.get("AWS_LAMBDA_FUNCTION_NAME") or "function"
        metrics = Metrics(config, app_name, lambda function: _after_response(function, process))
        process.measured = config.metrics == "all"
        _events.subscribe(metrics.hear, punches=process.measured)


def _after_response(function: Callable[[], None], process: Process) -> None:
    """Run a function of our own behind the response of the request now being handled; at once if there is none."""
    from contextvars import copy_context

    if process.sequence <= process.queue.released:
        function()
        return
    process.submit((process.sequence, process.request_id, function, (), None, copy_context(), process.enter(function)))
