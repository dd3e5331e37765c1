"""What can be set for durable jobs and for metrics; read when the first of them is needed.

| configure()         | environment variable             | default       | meaning                                             |
| ------------------- | -------------------------------- | ------------- | --------------------------------------------------- |
| `queues`            | LAMBDA_PUNCH_QUEUES (JSON)       | {}            | what is known of each queue, by its name in the code |
| `backend`           | LAMBDA_PUNCH_BACKEND             | each job's    | one backend for every job: memory off Lambda        |
| `retries`           | LAMBDA_PUNCH_RETRIES             | 12            | most retries of any job                             |
| `concurrency`       | LAMBDA_PUNCH_CONCURRENCY         | 1             | jobs of one batch at a time, standard queues only   |
| `fifo_stop`         | LAMBDA_PUNCH_FIFO_STOP           | group         | what stops at a failure: the group, or the batch    |
| `spill_lead`        | LAMBDA_PUNCH_SPILL_LEAD          | 1.0           | seconds before the margin at which jobs are spilled |
| `metrics`           | LAMBDA_PUNCH_METRICS             | jobs          | off, jobs, or all: punches too                      |
| `metrics_namespace` | LAMBDA_PUNCH_METRICS_NAMESPACE   | LambdaPunch   | CloudWatch namespace                                |
| `metrics_app_name`  | LAMBDA_PUNCH_METRICS_APP_NAME    | the function  | value of the dimension AppName                      |
| `metrics_arguments` | LAMBDA_PUNCH_METRICS_ARGUMENTS   | true          | whether a job's arguments are written as JobArgN    |
| `metrics_sink`      | -                                | one JSON line | a function that gets each document, as a dict       |

A queue's settings: ``url`` (then its name in the code and on AWS may differ), ``max_receive_count`` (of its redrive
policy; 0: it has none; left out: it is asked for). With both no call is made but to send and to delay. For an
asynchronous invoke: ``function``, its name or ARN.
"""

from __future__ import annotations

from lambda_punch._config import read_variables
from lambda_punch.errors import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Sink = Callable[[dict[str, Any]], object]

BACKENDS = ("sqs", "lambda_event", "memory")
METRICS = ("off", "jobs", "all")


class Queue:
    """What the configuration says of one queue; None for what it does not say."""

    __slots__ = ("function", "max_receive_count", "url")

    def __init__(
        self, *, url: str | None = None, max_receive_count: int | None = None, function: str | None = None
    ) -> None:
        self.url = url
        self.max_receive_count = max_receive_count
        self.function = function


class JobConfig:
    """Checked settings, not to be changed once made."""

    __slots__ = (
        "backend", "concurrency", "fifo_stop", "metrics", "metrics_app_name", "metrics_arguments", "metrics_namespace",
        "metrics_sink", "queues", "retries", "spill_lead",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913 - one for each row of the table above
        self,
        *,
        queues: Mapping[str, Mapping[str, Any]] | None = None,
        backend: str | None = None,
        retries: int = 12,
        concurrency: int = 1,
        fifo_stop: str = "group",
        spill_lead: float = 1.0,
        metrics: str = "jobs",
        metrics_namespace: str = "LambdaPunch",
        metrics_app_name: str | None = None,
        metrics_arguments: bool = True,
        metrics_sink: Sink | None = None,
    ) -> None:
        self.queues = _queues(queues or {})
        self.backend = None if backend is None else _one_of("backend", backend, BACKENDS)
        self.retries = _whole("retries", retries, 0, 12)
        self.concurrency = _whole("concurrency", concurrency, 1, 1000)
        self.fifo_stop = _one_of("fifo_stop", fifo_stop, ("group", "batch"))
        self.spill_lead = _seconds("spill_lead", spill_lead)
        self.metrics = _one_of("metrics", metrics, METRICS)
        self.metrics_namespace = _text("metrics_namespace", metrics_namespace, 255)
        self.metrics_app_name = None if metrics_app_name is None else _text("metrics_app_name", metrics_app_name, 1024)
        self.metrics_arguments = _flag("metrics_arguments", metrics_arguments)
        if metrics_sink is not None and not callable(metrics_sink):
            raise ConfigurationError(f"metrics_sink must be a function that takes a dict, not {metrics_sink!r}")
        self.metrics_sink = metrics_sink


def read(environ: Mapping[str, str], options: Mapping[str, object]) -> tuple[JobConfig, list[str]]:
    """Return the settings and a complaint for each variable that could not be used; ``options`` win."""
    found, complaints = read_variables(environ, _CONVERSIONS, JobConfig)
    found.update(options)
    return JobConfig(**found), complaints  # type: ignore[arg-type]  # each was checked by the constructor


def _json(text: str) -> object:
    import json

    return json.loads(text)


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise ConfigurationError("it must be true or false")
    return text.lower() in ("true", "1")


_CONVERSIONS: dict[str, Callable[[str], object]] = {
    "queues": _json,
    "backend": str,
    "retries": int,
    "concurrency": int,
    "fifo_stop": str,
    "spill_lead": float,
    "metrics": str,
    "metrics_namespace": str,
    "metrics_app_name": str,
    "metrics_arguments": _boolean,
}


def _queues(value: object) -> dict[str, Queue]:
    if not hasattr(value, "items"):
        raise ConfigurationError(f"queues must map each queue's name to its settings, not {value!r}")
    return {str(name): _queue(str(name), settings) for name, settings in value.items()}


def _queue(name: str, settings: object) -> Queue:
    if not isinstance(settings, dict) or not set(settings) <= {"url", "max_receive_count", "function"}:
        raise ConfigurationError(f"queue {name!r}: its settings are url, max_receive_count, function; not {settings!r}")
    url, count, function = (settings.get(key) for key in ("url", "max_receive_count", "function"))
    for key, text in (("url", url), ("function", function)):
        if text is not None and (not isinstance(text, str) or not text):
            raise ConfigurationError(f"queue {name!r}: its {key} must be a text, not {text!r}")
    if count is not None:
        _whole(f"max_receive_count of queue {name!r}", count, 0, 1000)
    if url is not None and url.endswith(".fifo") != name.endswith(".fifo"):
        raise ConfigurationError(f"queue {name!r} and its url {url!r}: both or none of them must end in .fifo")
    return Queue(url=url, max_receive_count=count, function=function)


def _one_of(name: str, value: object, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise ConfigurationError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
    return str(value)


def _whole(name: str, value: object, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ConfigurationError(f"{name} must be a whole number from {least} to {most}, not {value!r}")
    return value


def _seconds(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 900:
        raise ConfigurationError(f"{name} must be a number of seconds from 0 to 900, not {value!r}")
    return float(value)


def _text(name: str, value: object, longest: int) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isascii() or not value.isprintable():
        raise ConfigurationError(f"{name} must be 1 to {longest} printable ASCII characters, not {value!r}")
    return value


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name} must be True or False, not {value!r}")
    return value
