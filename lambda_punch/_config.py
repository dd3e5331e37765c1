"""What can be set, with defaults and reasons; the only file that reads the environment for it.

| configure()    | environment variable      | default | meaning                                                     |
| -------------- | ------------------------- | ------- | ----------------------------------------------------------- |
| `log_level`    | LAMBDA_PUNCH_LOG_LEVEL    | error   | level of the logger `lambda_punch` and of the extension     |
| `margin`       | LAMBDA_PUNCH_MARGIN       | 0.2     | seconds before the function's deadline: no job starts later |
| `workers`      | LAMBDA_PUNCH_WORKERS      | 1       | jobs run at the same time; 1 keeps the order pushed         |
| `exit_timeout` | LAMBDA_PUNCH_EXIT_TIMEOUT | 30      | seconds an exiting process waits for its jobs, off Lambda   |
| -              | LAMBDA_PUNCH_DIR          | in /tmp | directory in which the function and the extension meet      |
"""

from __future__ import annotations

from lambda_punch import _contract

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lambda_punch.errors import ConfigurationError

_LEVELS = ("debug", "info", "warning", "error", "critical")


class Config:
    """Checked settings, not to be changed once made."""

    __slots__ = ("directory", "exit_timeout", "log_level", "margin", "workers")

    def __init__(
        self,
        *,
        log_level: str = "error",
        margin: float = _contract.MARGIN,
        workers: int = 1,
        exit_timeout: float = 30.0,
        directory: str = "",
    ) -> None:
        self.log_level = _level(log_level)
        self.margin = _seconds("margin", margin, least=0.01)  # with none the function would time out with its job
        self.workers = _count("workers", workers)
        self.exit_timeout = _seconds("exit_timeout", exit_timeout, least=0)
        self.directory = directory


def read(environ: Mapping[str, str], options: Mapping[str, object]) -> tuple[Config, list[str]]:
    """Return the settings and a complaint for each variable that could not be used.

    ``options`` (from configure(), checked before) win over ``environ``. A wrong variable is left out and its
    default used: it must not keep the function from starting.
    """
    found, complaints = read_variables(environ, _CONVERSIONS, Config)
    found["directory"] = environ.get("LAMBDA_PUNCH_DIR", "")
    found.update(options)
    return Config(**found), complaints  # type: ignore[arg-type]  # each was checked by the constructor


def read_variables(
    environ: Mapping[str, str], conversions: Mapping[str, Callable[[str], object]], check: Callable[..., object]
) -> tuple[dict[str, object], list[str]]:
    """Return what ``environ`` sets, by option, and a complaint for each variable that ``check`` does not take."""
    found: dict[str, object] = {}
    complaints = []
    for name, convert in conversions.items():
        variable = f"LAMBDA_PUNCH_{name.upper()}"
        if text := environ.get(variable):
            try:
                value = convert(text)
                check(**{name: value})
            except ValueError as error:
                complaints.append(f"{variable}={text!r} is not used: {error}")
            else:
                found[name] = value
    return found, complaints


_CONVERSIONS: dict[str, Callable[[str], object]] = {
    "log_level": str,
    "margin": float,
    "workers": int,
    "exit_timeout": float,
}


def _level(value: object) -> str:
    if not isinstance(value, str) or value.lower() not in _LEVELS:
        raise _wrong(f"log_level must be one of {', '.join(_LEVELS)}, not {value!r}")
    return value.lower()


def _seconds(name: str, value: object, *, least: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= 900:
        raise _wrong(f"{name} must be a number of seconds from {least:g} to 900, not {value!r}")
    return float(value)


def _count(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1000:
        raise _wrong(f"{name} must be a whole number from 1 to 1000, not {value!r}")
    return value


def _wrong(message: str) -> ConfigurationError:
    from lambda_punch.errors import ConfigurationError

    return ConfigurationError(message)
