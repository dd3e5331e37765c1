"""A function of a template, from its properties: its code, its configuration, its layers, and what calls it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from lambda_punch.local.errors import TemplateError

if TYPE_CHECKING:
    from pathlib import Path

_COMMAND = re.compile(r"^\s*CMD\s+(\[.*\]|\S+)\s*$", re.MULTILINE | re.IGNORECASE)
_WORD = re.compile(r"[\w./-]+")


class QueueSource(NamedTuple):
    """A queue, by its ARN, whose messages come to a function; ``most``: environments side by side."""

    arn: str
    batch_size: int = 10
    window: float = 0.0
    partial: bool = False
    most: int = 1


class ScheduleSource(NamedTuple):
    """A schedule: ``rate(...)`` or ``cron(...)``, in a time zone. ``input``: the event, as JSON, if it is given."""

    name: str
    expression: str
    timezone: str = "UTC"
    input: str | None = None


class RouteSource(NamedTuple):
    """A way by HTTP: ``api`` (REST API), ``httpapi`` or ``url``. Path and method ``None`` take everything."""

    kind: str
    method: str | None = None
    path: str | None = None


class FunctionDefinition(NamedTuple):
    """One function. Times are in seconds, memory is in MB. ``layers`` are names and ARNs of layers."""

    logical: str
    name: str
    handler: str
    code: Path
    timeout: float = 3.0
    memory: int = 128
    variables: dict[str, str] = {}  # noqa: RUF012 - never changed
    layers: tuple[str, ...] = ()
    reserved: int | None = None
    queues: tuple[QueueSource, ...] = ()
    schedules: tuple[ScheduleSource, ...] = ()
    routes: tuple[RouteSource, ...] = ()


class FunctionReader:
    """Reads the functions of one template, whose paths begin at ``base``; ``notes`` gets what is left out."""

    def __init__(self, base: Path, notes: list[str]) -> None:
        self._base = base
        self._notes = notes

    def read(
        self, logical: str, name: str, properties: dict[str, Any], metadata: dict[str, Any]
    ) -> FunctionDefinition | None:
        """Return the function of resolved properties, None for one that is not Python's. Raises TemplateError."""
        runtime = str(properties.get("Runtime", ""))
        if properties.get("PackageType") == "Image":
            code, handler = self._of_image(logical, properties, metadata)
        elif not runtime.startswith("python"):
            self._notes.append(f"{logical} is left out: its runtime {runtime or '(none)'} is not Python's")
            return None
        else:
            code, handler = self._code(logical, properties), str(properties.get("Handler") or "")
        if not handler:
            raise TemplateError(f"{logical} has no Handler")
        queues, schedules, routes = self._events(logical, properties.get("Events") or {})
        if "FunctionUrlConfig" in properties:
            routes.append(RouteSource("url"))
        variables = (properties.get("Environment") or {}).get("Variables") or {}
        return FunctionDefinition(
            logical=logical,
            name=name,
            handler=handler,
            code=code,
            timeout=_number(logical, "Timeout", properties.get("Timeout", 3)),
            memory=int(_number(logical, "MemorySize", properties.get("MemorySize", 128))),
            variables={str(key): _text(value) for key, value in variables.items()},
            layers=tuple(str(each) for each in properties.get("Layers") or ()),
            reserved=properties.get("ReservedConcurrentExecutions"),
            queues=tuple(queues),
            schedules=tuple(schedules),
            routes=tuple(routes),
        )

    def _code(self, logical: str, properties: dict[str, Any]) -> Path:
        if "InlineCode" in properties:
            raise TemplateError(f"{logical}: InlineCode is not run here; put the code into a file and name its CodeUri")
        given = properties.get("CodeUri", properties.get("Code", "."))
        if not isinstance(given, str) or given.startswith("s3://"):
            raise TemplateError(
                f"{logical}: its code is not on this machine; CodeUri has to be a directory beside the template"
            )
        code = self._base / given
        if not code.is_dir():
            raise TemplateError(f"{logical}: CodeUri {given} is not a directory beside the template")
        return code

    def _of_image(self, logical: str, properties: dict[str, Any], metadata: dict[str, Any]) -> tuple[Path, str]:
        """Return the code of an image and its handler, as its Dockerfile names it. The image itself is not built."""
        context = metadata.get("DockerContext")
        if context is None:
            raise TemplateError(
                f"{logical}: an image is run by: lambda-punch local --image; here its Metadata has to name the DockerContext"
            )
        code = self._base / str(context)
        command = (properties.get("ImageConfig") or {}).get("Command")
        if not command:
            dockerfile = code / str(metadata.get("Dockerfile", "Dockerfile"))
            try:
                found = _COMMAND.findall(dockerfile.read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError) as error:
                raise TemplateError(f"{logical}: cannot read its Dockerfile {dockerfile}: {error}") from error
            command = _WORD.findall(found[-1]) if found else []
        if not command:
            raise TemplateError(f"{logical}: neither ImageConfig nor its Dockerfile has a CMD, which names the handler")
        self._notes.append(f"{logical}: its image is not built; the code in {context} is run with this Python")
        return code, str(command[0])

    def _events(
        self, logical: str, events: dict[str, Any]
    ) -> tuple[list[QueueSource], list[ScheduleSource], list[RouteSource]]:
        queues, schedules, routes = [], [], []
        for name, event in events.items():
            kind, given = str(event.get("Type")), event.get("Properties") or {}
            where = f"{logical}.Events.{name}"
            if given.get("Enabled") in (False, "false") or given.get("State") == "DISABLED":
                self._notes.append(f"{where} is left out: it is disabled")
            elif kind == "SQS":
                queues.append(_queue_source(where, given))
            elif kind in {"Schedule", "ScheduleV2"}:
                schedules.append(_schedule_source(where, given))
            elif kind in {"Api", "HttpApi"}:
                routes.append(_route(where, kind, given))
            else:
                self._notes.append(f"{where} is left out: events of type {kind} do not come here; send one by hand")
        return queues, schedules, routes


def _queue_source(where: str, given: dict[str, Any]) -> QueueSource:
    if "Queue" not in given:
        raise TemplateError(f"{where} has no Queue")
    scaling = given.get("ScalingConfig") or {}
    return QueueSource(
        arn=str(given["Queue"]),
        batch_size=int(_number(where, "BatchSize", given.get("BatchSize", 10))),
        window=_number(where, "MaximumBatchingWindowInSeconds", given.get("MaximumBatchingWindowInSeconds", 0)),
        partial="ReportBatchItemFailures" in (given.get("FunctionResponseTypes") or []),
        most=int(_number(where, "MaximumConcurrency", scaling.get("MaximumConcurrency", 2))),
    )


def _schedule_source(where: str, given: dict[str, Any]) -> ScheduleSource:
    expression = str(given.get("Schedule") or given.get("ScheduleExpression") or "")
    if not expression.startswith(("rate(", "cron(")):
        raise TemplateError(f"{where}: only rate(...) and cron(...) are run here, not {expression or 'nothing'}")
    zone = str(given.get("ScheduleExpressionTimezone") or "UTC")
    return ScheduleSource(where, expression, zone, None if given.get("Input") is None else str(given["Input"]))


def _route(where: str, kind: str, given: dict[str, Any]) -> RouteSource:
    path, method = given.get("Path"), given.get("Method")
    if kind == "Api" and (path is None or method is None):
        raise TemplateError(f"{where} needs a Path and a Method")
    if path is not None and not str(path).startswith("/"):
        raise TemplateError(f"{where}: the Path {path} does not begin with /")
    rest = kind == "Api" or str(given.get("PayloadFormatVersion", "2.0")) == "1.0"
    any_method = method is None or str(method).upper() in {"ANY", "X-AMAZON-APIGATEWAY-ANY-METHOD"}
    return RouteSource("api" if rest else "httpapi", None if any_method else str(method).upper(), path and str(path))


def _number(where: str, name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TemplateError(f"{where}: {name} must be a number, not {value!r}") from None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
