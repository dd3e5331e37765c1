"""Writes the log: one line for each fact on standard output, which Lambda takes as the extension's log."""

import posix
import time

LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "WARN": 30, "ERROR": 40, "CRITICAL": 50, "FATAL": 50}


def environment(name: str) -> str:
    """Return an environment variable, or an empty string; ``os`` is not imported yet."""
    return posix.environ.get(name.encode(), b"").decode("utf-8", "surrogateescape")


def debug(message: str) -> None:
    """Write ``message`` if LAMBDA_PUNCH_LOG_LEVEL is debug."""
    _write("DEBUG", message)


def error(message: str) -> None:
    """Write ``message`` unless LAMBDA_PUNCH_LOG_LEVEL is above error. Never raises."""
    _write("ERROR", message)


def _write(level: str, message: str) -> None:
    wanted = environment("LAMBDA_PUNCH_LOG_LEVEL").upper()
    if LEVELS[level] < LEVELS.get(wanted, LEVELS["ERROR"]):
        return
    try:
        print(_line(level, message), flush=True)
    except (OSError, ValueError):
        pass  # a closed standard output must not end the process


def _line(level: str, message: str) -> str:
    if environment("AWS_LAMBDA_LOG_FORMAT").upper() != "JSON":
        return f"[{level}] lambda-punch extension: {message}"
    import json

    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return json.dumps({"timestamp": now, "level": level, "logger": "lambda-punch.extension", "message": message})


def describe(fault: BaseException) -> str:
    """Return an exception's type, message and place in the code, on one line."""
    trace, place = fault.__traceback__, ""
    while trace is not None:
        place = f" ({trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno})"
        trace = trace.tb_next
    return f"{type(fault).__name__}: {fault}{place}".replace("\n", " ")
