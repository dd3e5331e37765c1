"""The logger ``lambda_punch``, made at the first line, because logging is slow to import."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from typing import Any

_level = "ERROR"
_logging: Any = (
    None  # once imported, also where a job has deleted the module and there is no descriptor to load it with
)


def set_level(level: str) -> None:
    """Set the level, by name, of the logger."""
    global _level  # noqa: PLW0603 - one setting for one logger
    _level = level.upper()


def logger() -> Log:
    """Return the logger; never raises. No handler is installed: Lambda's runtime client has one."""
    global _logging  # noqa: PLW0603 - one module
    try:
        if _logging is None:
            import logging

            _logging = logging
        found = _logging.getLogger("lambda_punch")
        found.disabled = False  # logging.config disables every logger that exists, by default; promised lines must come
        if found.level == _logging.NOTSET:
            found.setLevel(_level)
    except Exception:  # noqa: BLE001 - it cannot be imported
        return Log(None)
    return Log(found)


def text_of(error: BaseException) -> str:
    """Return ``str(error)``, or say that it cannot be shown: a user's error may raise when it is asked."""
    try:
        return str(error)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - a user's error
        return "(its text cannot be shown)"


class Log:
    """Writes to the logger and never raises, so the code after a line runs in any case.

    awslambdaric's log handler lets errors out. One is known: Python 3.13 imports a module to format a traceback, and
    cannot without a free descriptor. Then the line is written without the traceback.
    """

    __slots__ = ("_logger",)

    def __init__(self, to: logging.Logger | None) -> None:
        self._logger = to

    def info(self, message: str, *args: object) -> None:
        """Write a line of level INFO."""
        self._write(20, message, args, None)

    def warning(self, message: str, *args: object, exc_info: BaseException | None = None) -> None:
        """Write a line of level WARNING, with a traceback if an exception is given."""
        self._write(30, message, args, exc_info)

    def error(self, message: str, *args: object, exc_info: BaseException | None = None) -> None:
        """Write a line of level ERROR, with a traceback if an exception is given."""
        self._write(40, message, args, exc_info)

    def exception(self, message: str, *args: object) -> None:
        """Write a line of level ERROR with the traceback of the exception that is being handled."""
        import sys

        self._write(40, message, args, sys.exc_info()[1])

    def _write(self, level: int, message: str, args: tuple[object, ...], error: BaseException | None) -> None:
        try:
            if self._logger is None or (level >= 40 and self._logger.manager.disable >= level):
                if level >= 40:  # logging.disable(): promised lines must still come
                    _write_plainly(message, args)
                return
            self._logger.log(level, message, *args, exc_info=error, stacklevel=3)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - see above; a handler that calls sys.exit(), too
            if error is not None:
                self._write(level, f"{message}: %s", (*args, type(error).__name__), None)
            elif level >= 40:
                _write_plainly(message, args)


def _write_plainly(message: str, args: tuple[object, ...]) -> None:
    """Write a line of level ERROR without logging, which cannot: it is switched off, or a clock or a handler raises."""
    import sys
    from contextlib import suppress

    with suppress(Exception):  # there is no other way left
        sys.stderr.write(f"[ERROR] lambda_punch: {message % args if args else message}\n")
