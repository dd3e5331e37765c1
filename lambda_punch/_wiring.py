"""start() and configure(): the only file that sees where the library runs and puts the pieces together."""

from __future__ import annotations

import os

from lambda_punch import _config, _contract, _log
from lambda_punch.runtime import Process, forget_in_children, no_entry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from lambda_punch._job_config import JobConfig, Sink
    from lambda_punch.runtime.handled import HandledFile
    from lambda_punch.runtime.process import Mode

_options: dict[str, object] = {}
_metrics: str | None = None  # as given to configure(); start() asks, and must not import what knows the rest


def configure(  # noqa: PLR0913 - one for each row of the two tables
    *,
    log_level: str | None = None,
    margin: float | None = None,
    workers: int | None = None,
    exit_timeout: float | None = None,
    queues: Mapping[str, Mapping[str, Any]] | None = None,
    backend: str | None = None,
    retries: int | None = None,
    concurrency: int | None = None,
    fifo_stop: str | None = None,
    spill_lead: float | None = None,
    metrics: str | None = None,
    metrics_namespace: str | None = None,
    metrics_app_name: str | None = None,
    metrics_arguments: bool | None = None,
    metrics_sink: Sink | None = None,
) -> None:
    """Set options in code; they win over the environment variables. Call it before start().

    ``log_level``: debug, info, warning, error (default) or critical. ``margin``: seconds before the function's
    deadline from which on no job is started and the environment is let go (0.2). ``workers``: how many jobs run at
    the same time (1, which keeps their order). ``exit_timeout``: seconds that an exiting process waits for its jobs
    when not on Lambda (30).

    For durable jobs: ``queues``, ``backend``, ``retries``, ``concurrency``, ``fifo_stop``, ``spill_lead``, and for
    metrics those that begin so; the table in docs/durable-jobs.md has them all.

    Raises ConfigurationError for a value that cannot be, and after start(), when it would come too late; nothing is
    changed then.
    """
    global _metrics  # noqa: PLW0603 - one setting for one process
    given = {"log_level": log_level, "margin": margin, "workers": workers, "exit_timeout": exit_timeout}
    for_jobs = {
        "queues": queues, "backend": backend, "retries": retries, "concurrency": concurrency, "fifo_stop": fifo_stop,
        "spill_lead": spill_lead, "metrics": metrics, "metrics_namespace": metrics_namespace,
        "metrics_app_name": metrics_app_name, "metrics_arguments": metrics_arguments, "metrics_sink": metrics_sink,
    }  # fmt: skip
    options = {name: value for name, value in given.items() if value is not None}
    job_options = {name: value for name, value in for_jobs.items() if value is not None}
    if process.config is not None:
        from lambda_punch.errors import ConfigurationError

        raise ConfigurationError("configure() was called after start(); call it first, at the top of the module")
    _config.Config(**options)  # type: ignore[arg-type]  # raises what is to be raised
    if job_options:
        from lambda_punch import _job_settings

        _job_settings.check(job_options)
        _job_settings.options.update(job_options)
    _options.update(options)
    _metrics = metrics or _metrics


def start() -> None:
    """Get ready, once per process; call it outside the handler, in module code. Further calls do nothing.

    The first push() or handled() calls it if nobody has. Called inside the handler it works, but the extension
    cannot wait for that one request, so the function itself does; a WARNING says so. About 1 ms; on Lambda it opens
    the handled-file, wraps the runtime client and watches for SIGTERM. Raises nothing: what cannot be had is one
    ERROR line and the next best way is taken.
    """
    if process.config is not None:
        return
    config, complaints = _config.read(os.environ, _options)
    process.config = config
    _log.set_level(config.log_level)
    for complaint in complaints:
        _log.logger().error(complaint)
    if (_metrics or os.environ.get("LAMBDA_PUNCH_METRICS")) == "all":
        job_config()
    if process.forked or "AWS_LAMBDA_RUNTIME_API" not in os.environ:
        _start_outside(config)
    else:
        on_lambda(config)


def job_config() -> JobConfig:
    """Return the settings for durable jobs and metrics, read at the first call; from then on metrics are written."""
    from lambda_punch import _job_settings

    return _job_settings.read(process)


process = Process(start)
forget_in_children(process)


def _start_outside(config: _config.Config) -> None:
    import atexit

    from lambda_punch.runtime.modes import Outside

    outside = Outside(process)
    process.mode, process.submit, process.handled = outside, outside.submit, _nothing
    process.enter = no_entry
    atexit.register(outside.finish, config.exit_timeout)


def _start_on_lambda(config: _config.Config) -> None:
    from lambda_punch.runtime.response import request_being_handled, watch_runtime_client

    late = request_being_handled()
    if late is not None:
        request_id, deadline_ms = late
        process.begin(request_id, max(1, _until(deadline_ms)))
        _log.logger().warning("start() was called inside the handler; call it in module code, as the module is loaded")
    watched = watch_runtime_client(_end, _begin)
    process.submit = process.queue.add
    process.handled = _note if watched else _announce
    if late is None and _wait_for_restore(lambda: _go_on_lambda(config, watched=watched, heard=True)):
        process.enter = no_entry
    else:
        _go_on_lambda(config, watched=watched, heard=late is None)


def _wait_for_restore(then: Callable[[], None]) -> bool:
    """With SnapStart, have ``then`` called when the snapshot has been restored; return False without.

    What is made before the snapshot is in every environment that comes from it, so there is to be no thread, no open
    file and no signal handler of ours by then.
    """
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "snap-start":
        return False
    try:
        from snapshot_restore_py import register_after_restore  # type: ignore[import-untyped]  # Lambda has it
    except ImportError:
        _log.logger().error("SnapStart without snapshot_restore_py: what is made now is in every environment")
        return False
    register_after_restore(then)
    return True


def _go_on_lambda(config: _config.Config, *, watched: bool, heard: bool) -> None:
    file = None
    if not _managed():
        file = _open_handled_file(config)
    process.mode = _mode(file, config, watched=watched, heard=heard)
    process.enter = _open_ledger if file is not None or (_managed() and _meeting_place(config)) else no_entry
    process.freezes = not _managed()
    _watch_sigterm(file)


on_lambda: Callable[[_config.Config], None] = _start_on_lambda
"""What start() does on Lambda; the local Lambda puts its own here to compare."""


def _mode(file: HandledFile | None, config: _config.Config, *, watched: bool, heard: bool) -> Mode:
    from lambda_punch.runtime.modes import Alone, Unheld, WithExtension

    if file is not None:
        return WithExtension(process, file, _directory(config), heard=heard)
    if _managed():
        return Unheld(process)
    if watched:
        _log.logger().info("no extension: jobs run after the response, before the function asks for its next event")
        return Alone(process)
    _log.logger().error("neither the extension nor awslambdaric is there: jobs can be frozen before they are done")
    return Unheld(process)


def _meeting_place(config: _config.Config) -> bool:
    """Tell whether the extension has made the directory for the ledgers of Managed Instances, which have no file."""
    from lambda_punch.runtime.handled import NoExtensionError, check_directory

    try:
        check_directory(_directory(config))
    except (OSError, NoExtensionError):
        return False
    return True


def _managed() -> bool:
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "lambda-managed-instances"


def _open_ledger(function: Callable[..., Any]) -> int:
    """Make the ledger at the first push: a function that pushes nothing does not pay for it."""
    from lambda_punch.runtime import lost  # noqa: F401 - the shutdown, which needs it, may have no descriptor to load it
    from lambda_punch.runtime.ledger import Ledger

    with process.making:
        if process.enter is _open_ledger:
            try:
                ledger = Ledger(_directory(process.config or _config.Config()))
            except (OSError, AttributeError) as error:  # no room, or a system without posix_fallocate
                _log.logger().error("jobs that are lost by a kill will not be named: no ledger: %s", error)
                ledger = Ledger(None)
            process.keep(ledger)
    return process.enter(function)


def _directory(config: _config.Config) -> str:
    return _contract.rendezvous(config.directory, os.environ["AWS_LAMBDA_RUNTIME_API"], os.getuid())


def _open_handled_file(config: _config.Config) -> HandledFile | None:
    from lambda_punch.runtime.handled import HandledFile, NoExtensionError

    try:
        return HandledFile(_directory(config))
    except NoExtensionError as error:
        if str(error):
            _log.logger().error("jobs run without the extension: %s", error)
        return None


def _watch_sigterm(file: HandledFile | None) -> None:
    from lambda_punch.runtime.shutdown import Shutdown

    try:
        shutdown = Shutdown(process, file)
        shutdown.install()
        process.stay_first = shutdown.stay_first
    except ValueError:
        _log.logger().warning("start() was not called on the main thread: no jobs will be run at the shutdown")


def _begin(request: Any) -> None:
    """Note a request as awslambdaric's ``wait_next_invocation`` returns it."""
    deadline_ms = int(getattr(request, "deadline_time_in_ms", None) or 0)
    process.begin(getattr(request, "invoke_id", None) or "", _until(deadline_ms))


def _end() -> None:
    """Note that awslambdaric asks for its next event: the response of the last one is out, if there was one."""
    if process.stay_first is not None:
        process.stay_first()
    if process.sequence:
        process.respond()


def _until(deadline_ms: int) -> int:
    margin = _contract.MARGIN if process.config is None else process.config.margin
    return max(0, deadline_ms - int(margin * 1000))


def _note(context: Any) -> None:
    """With awslambdaric: its next call announces the request; here only a mistake is told."""
    if getattr(context, "aws_request_id", None) is None:
        _log.logger().warning("handled(%r): pass the context that Lambda gave to the handler", context)


def _announce(context: Any) -> None:
    """Without awslambdaric: the handler is done, which is all that can be known."""
    import time

    try:
        remaining_ms = context.get_remaining_time_in_millis()
        process.until_ms = _until(int(time.time() * 1000) + int(remaining_ms))
    except Exception:  # noqa: BLE001 - a context of any make; the extension knows the deadline too
        process.until_ms = 0
    process.request_id = str(getattr(context, "aws_request_id", None) or "")
    if not process.request_id:
        _log.logger().warning("handled(%r): pass the context that Lambda gave to the handler", context)
    process.respond()


def _nothing(context: Any) -> None:
    """Not on Lambda: what was pushed runs already."""
