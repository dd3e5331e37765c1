"""The logger ``lambda_punch``, made when there is first something to say: logging is slow to import."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging

_level = "ERROR"


def set_level(level: str) -> None:
    """Set the level, by name, of the logger."""
    global _level  # noqa: PLW0603 - one setting for one logger
    _level = level.upper()


def logger() -> logging.Logger:
    """Return the logger. No handler is installed: Lambda's runtime client has one."""
    import logging

    found = logging.getLogger("lambda_punch")
    if found.level == logging.NOTSET:
        found.setLevel(_level)
    return found
