"""start(): where are we, and which mode follows? The layers above reach the process's state through this file only.

| where                                          | found by                                        | mode                      |
| ---------------------------------------------- | ----------------------------------------------- | ------------------------- |
| not on Lambda                                  | no AWS_LAMBDA_RUNTIME_API                       | Outside                   |
| a child forked by a started process on Lambda  | the fork                                        | Within                    |
| Lambda, a SnapStart snapshot is still to come  | AWS_LAMBDA_INITIALIZATION_TYPE=snap-start       | BeforeRestore, then as below |
| Lambda with the extension                      | its handled-file                                | WithExtension             |
| Managed Instances                              | AWS_LAMBDA_INITIALIZATION_TYPE=lambda-managed-instances | Unheld            |
| Lambda without the extension                   | awslambdaric's client is there and watched      | Alone                     |
| the same under another runtime client          | -                                               | Unheld, which can freeze  |
"""

from __future__ import annotations

import os

from lambda_punch import _contract, _log, _settings
from lambda_punch.runtime.clock import now
from lambda_punch.runtime.modes import Starting, until_ms
from lambda_punch.runtime.process import Mode, Process

_WHOLE_CORE = 1769  # MB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lambda_punch._settings import Settings
    from lambda_punch.runtime.handled import HandledFile
    from lambda_punch.runtime.modes import OnLambda
    from lambda_punch.runtime.shutdown import Shutdown
    from lambda_punch.runtime.signals import Sigterm


def start() -> None:
    """Do what lambda_punch.start() says."""
    process.mode.start()


def settings() -> Settings:
    """Return the settings, in force from now on; complain once of variables that cannot be used."""
    found, complaints = _settings.freeze()
    if complaints:
        _log.set_level(found.log_level)
        for complaint in complaints:
            _log.logger().error(complaint)
    return found


def job_settings() -> Settings:
    """Return the settings, in force from now on; from the first durable job on, metrics are written."""
    found = settings()
    measure(found)
    return found


def _begin(process: Process) -> Mode:
    """Find out where this process is, and return the mode for it. Raises nothing."""
    try:
        found = settings()
        _log.set_level(found.log_level)
        if found.metrics == "all":
            measure(found)
        if "AWS_LAMBDA_RUNTIME_API" not in os.environ:
            return _outside(process, found)
        if process.forked:
            return _within(process)
        return _on_lambda(process, found)
    except Exception:  # noqa: BLE001 - the function must start, whatever has been overlooked here
        _log.logger().exception("lambda-punch could not start; jobs run at once, on a thread, as if not on Lambda")
        return _outside(process, _settings.current())


def measure(found: Settings) -> None:
    """Have metrics written, unless they are off; outside Lambda only if an option asks for them. Idempotent."""
    global _measured  # noqa: PLW0603 - once per process
    if _measured:
        return
    _measured = True
    asked = _settings.is_given("metrics") or _settings.is_given("metrics_sink")
    if found.metrics != "off" and (asked or "AWS_LAMBDA_FUNCTION_NAME" in os.environ):
        from lambda_punch import _events
        from lambda_punch.metrics import Metrics

        app_name = found.metrics_app_name or os.environ.get("AWS_LAMBDA_FUNCTION_NAME") or "function"
        punches = found.metrics == "all"
        _events.subscribe(Metrics(found, app_name, after_response).hear, punches=punches)
        if punches:
            process.measure()


def after_response(function: Any) -> None:
    """Run a function of the library after the response of the request now being handled; at once if there is none."""
    if process.sequence > process.queue.released:
        process.push(function)
    else:
        function()


def _outside(process: Process, found: Settings) -> Mode:
    from lambda_punch.runtime.at_exit import at_exit
    from lambda_punch.runtime.rare_modes import Outside

    outside = Outside(process)
    at_exit(lambda: outside.finish(found.exit_timeout), forked=process.forked)
    return outside


def _within(process: Process) -> Mode:
    """Run a job before push() returns: a child may end without Python's exit, and would lose jobs without a line."""
    from lambda_punch.runtime.rare_modes import Within

    return Within(process)


class _Client:
    """Hears from awslambdaric when a response is out and when a request has come, on its main thread."""

    def __init__(self) -> None:
        self.sigterm: Sigterm | None = None
        self._told = False

    def before_next(self) -> None:
        """Note that the client asks for its next event, so the response of the last one, if any, is out."""
        if self.sigterm is not None:
            self.sigterm.check()
        if process.sequence:
            process.respond()
        elif process.mode.defers and _has_less_than_a_core():
            from lambda_punch.runtime import ahead

            ahead.load(process)

    def after_next(self, request: Any) -> None:
        """Note a request as ``wait_next_invocation`` returns it."""
        deadline_ms = int(getattr(request, "deadline_time_in_ms", None) or 0)
        process.begin(getattr(request, "invoke_id", None) or "", self._until_ms(deadline_ms))

    def _until_ms(self, deadline_ms: int) -> int:
        """Return when the margin begins; after half of the request's time, if it leaves none, or nothing would ever run.

        The first request does not count: AWS's emulator takes the time of the init off it.
        """
        until, now_ms = until_ms(deadline_ms), int(now() * 1000)
        if until > now_ms or deadline_ms <= now_ms or process.sequence < 1:
            return until
        half = now_ms + (deadline_ms - now_ms) // 2
        if not self._told:
            self._told = True
            _log.logger().error(
                "the margin of %g s leaves no time for jobs in a timeout of %.2g s, so %.2g s are kept free; set margin, or "
                "LAMBDA_PUNCH_MARGIN, to less", _settings.current().margin, (deadline_ms - now_ms) / 1000,
                (deadline_ms - half) / 1000,
            )  # fmt: skip
        return half


def _has_less_than_a_core() -> bool:
    """Tell whether the function has a share of a core after the init: then the first job's modules are loaded in it.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
    """
    memory = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    return memory.isdecimal() and int(memory) < _WHOLE_CORE


def _on_lambda(process: Process, found: Settings) -> Mode:
    from lambda_punch.runtime import threads
    from lambda_punch.runtime.modes import on_main_thread
    from lambda_punch.runtime.response import request_being_handled, watch_runtime_client

    late = request_being_handled()
    if late is not None:
        request_id, deadline_ms = late
        process.begin(request_id, max(1, until_ms(deadline_ms)))
        _log.logger().error(
            "start() was called inside the handler, so the function itself waits for this request's jobs; call it in module code"
        )
    client = _Client()
    watched = watch_runtime_client(client.before_next, client.after_next)

    def go_on() -> OnLambda:
        if library := threads.replaced_by():
            return on_main_thread(process, library, watched=watched)
        file = None if _managed() else _open_handled_file(found)
        mode = _mode(process, file, found, watched=watched, heard=late is None)
        client.sigterm = _watch_sigterm(process, file)
        return mode

    if late is None and _has_snapshot():
        return _before_restore(process, go_on, watched=watched)
    return go_on()


def _has_snapshot() -> bool:
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"


def _before_restore(process: Process, go_on: Any, *, watched: bool) -> Mode:
    """Go on when the snapshot has been restored: every environment that comes from it has what is made before."""
    from lambda_punch.runtime.rare_modes import BeforeRestore

    try:
        from snapshot_restore_py import register_after_restore
    except ImportError:
        _log.logger().error(
            "SnapStart without the package snapshot_restore_py, so environments share the files and threads made now; "
            "install snapshot-restore-py with the function"
        )
        return go_on()  # type: ignore[no-any-return]  # it is a mode
    register_after_restore(lambda: process.become(go_on()))
    return BeforeRestore(process, watched=watched)


def _mode(process: Process, file: HandledFile | None, found: Settings, *, watched: bool, heard: bool) -> OnLambda:
    from lambda_punch.runtime.modes import Alone, WithExtension

    if file is not None:
        try:
            return WithExtension(process, file, _directory(found), watched=watched, heard=heard)
        except OSError as error:  # a full disk
            file.remove()
            _log.logger().error("jobs run without the extension: the handled-file cannot be written: %s", error)
    if watched and not _managed():
        _log.logger().info("no extension: jobs run after the response, before the function asks for its next event")
        return Alone(process, watched=watched)
    from lambda_punch.runtime.rare_modes import Unheld

    if _managed():
        return Unheld(process, watched=watched, directory=_directory(found) if _meeting_place(found) else "")
    _log.logger().error(
        "neither the extension nor AWS's runtime client is there, so the environment can freeze before jobs are done; "
        "install the extension with lambda-punch install"
    )
    return Unheld(process, watched=watched, freezes=True)


def _meeting_place(found: Settings) -> bool:
    """Tell whether the extension has made the directory for the ledgers of Managed Instances, which have no file."""
    from lambda_punch.runtime.handled import NoExtensionError, check_directory

    try:
        check_directory(_directory(found))
    except (OSError, NoExtensionError):
        return False
    return True


def _managed() -> bool:
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "lambda-managed-instances"


def _directory(found: Settings) -> str:
    return _contract.rendezvous(found.dir, os.environ["AWS_LAMBDA_RUNTIME_API"], os.getuid())


def _open_handled_file(found: Settings) -> HandledFile | None:
    from lambda_punch.runtime.handled import HandledFile, NoExtensionError

    try:
        return HandledFile(_directory(found))
    except NoExtensionError as error:
        if str(error):
            _log.logger().error("jobs run without the extension: %s", error)
        return None


def _watch_sigterm(process: Process, file: HandledFile | None) -> Sigterm | None:
    from lambda_punch.runtime.signals import Sigterm

    def shutdown() -> Shutdown:
        from lambda_punch.runtime.shutdown import Shutdown

        return Shutdown(process, file)

    def work_off(began: float) -> None:
        if process.pending:
            shutdown().work_off(began)

    process.ends_by(shutdown)
    try:
        sigterm = Sigterm(work_off)
        sigterm.install()
    except ValueError:
        _log.logger().error(
            "start() was not called on the main thread, so no jobs are run at the shutdown; call it in module code"
        )
        return None
    return sigterm


process = Process(lambda process: Starting(process, _begin))
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=process.fork)
_measured = False
