"""The functions and queues of a template, ready to be run on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lambda_punch.local.errors import TemplateError

from .documents import load
from .functions import FunctionReader
from .intrinsics import Intrinsics
from .names import FUNCTIONS, QUEUE, Names, pseudo_parameters
from .queues import queue_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .functions import FunctionDefinition
    from .queues import QueueDefinition

_LAYERS = ("AWS::Serverless::LayerVersion", "AWS::Lambda::LayerVersion")
# What a function has that nobody needs here, and that may say things which only AWS can resolve.
_OF_NO_USE = (
    "Policies", "Role", "VpcConfig", "Tags", "EventInvokeConfig", "DeploymentPreference", "Description", "Tracing", "KmsKeyArn",
    "AssumeRolePolicyDocument", "PermissionsBoundary", "FileSystemConfigs", "DeadLetterQueue", "LoggingConfig", "AutoPublishAlias",
)  # fmt: skip


class Application(NamedTuple):
    """``queues`` stand in the order in which they can be made; ``layers`` are paths by logical id; ``notes`` say what is left out."""

    functions: list[FunctionDefinition]
    queues: list[QueueDefinition]
    layers: dict[str, Path]
    notes: list[str]


def read(
    path: Path, parameters: Mapping[str, str], *, region: str, endpoint: str = "http://127.0.0.1:0"
) -> Application:
    """Return the application of a template. ``endpoint`` is the server of its queues, of which their URLs are made.

    Raises TemplateError, which names the place, for what cannot be run here.
    """
    return _Reading(path, parameters, region, endpoint).application()


class _Reading:
    def __init__(self, path: Path, parameters: Mapping[str, str], region: str, endpoint: str) -> None:
        self._path = path
        document = load(path)
        self._document = document
        declared: Mapping[str, Any] = document.get("Parameters") or {}
        unknown = sorted(set(parameters) - set(declared))
        if unknown:
            raise TemplateError(f"{path} has no parameter {unknown[0]}")
        defaults = {name: _listed(each, each["Default"]) for name, each in declared.items() if "Default" in each}
        given = {name: _listed(declared[name], value) for name, value in parameters.items()}
        self._names = Names(
            document["Resources"],
            region,
            endpoint,
            self._resolve,
        )
        self._values = Intrinsics(document, {**pseudo_parameters(region), **defaults, **given}, self._names)
        self._notes: list[str] = []

    def _resolve(self, value: Any, where: str) -> Any:
        return self._values.resolve(value, where)

    def application(self) -> Application:
        there = {
            logical: resource
            for logical, resource in self._document["Resources"].items()
            if "Condition" not in resource or self._values.holds(resource["Condition"], logical)
        }
        reader = FunctionReader(self._path.parent, self._notes)
        functions = []
        queues = []
        layers: dict[str, Path] = {}
        for logical, resource in there.items():
            kind = str(resource.get("Type"))
            if kind in FUNCTIONS:
                found = reader.read(
                    logical, self._names.name(logical), self._function(logical, resource),
                    self._values.resolve(resource.get("Metadata") or {}, f"{logical}.Metadata"),
                )  # fmt: skip
                if found is not None:
                    functions.append(found)
            elif kind == QUEUE:
                properties = self._values.resolve(resource.get("Properties") or {}, logical)
                queues.append(queue_of(logical, self._names.name(logical), properties))
            elif kind in _LAYERS:
                layers |= self._layer(logical, resource)
        if not functions:
            raise TemplateError(
                f"{self._path} has no function that can be run here{': ' if self._notes else ''}{'; '.join(self._notes)}"
            )
        return Application(functions, _in_order(queues), layers, self._notes)

    def _function(self, logical: str, resource: Mapping[str, Any]) -> dict[str, Any]:
        """Return a function's properties, with what Globals say for all of them."""
        shared: Mapping[str, Any] = {}
        if resource["Type"] == "AWS::Serverless::Function":
            shared = (self._document.get("Globals") or {}).get("Function") or {}
        own = resource.get("Properties") or {}
        merged = {name: value for name, value in {**shared, **own}.items() if name not in _OF_NO_USE}
        variables = {**_variables(shared), **_variables(own)}
        if variables:
            merged["Environment"] = {"Variables": variables}
        if "Layers" in shared and "Layers" in own:
            merged["Layers"] = [*shared["Layers"], *own["Layers"]]
        found: dict[str, Any] = self._values.resolve(merged, logical)
        return found

    def _layer(self, logical: str, resource: Mapping[str, Any]) -> dict[str, Path]:
        properties = resource.get("Properties") or {}
        given = self._values.resolve(properties.get("ContentUri", properties.get("Content")), f"{logical}.ContentUri")
        if not isinstance(given, str) or given.startswith("s3://"):
            self._notes.append(f"layer {logical} is left out: its content is not on this machine")
            return {}
        path = self._path.parent / given
        if not path.exists():
            self._notes.append(f"layer {logical} is left out: there is no {given} yet")
            return {}
        return {self._names.name(logical): path}


def _variables(properties: Mapping[str, Any]) -> dict[str, Any]:
    return (properties.get("Environment") or {}).get("Variables") or {}


def _listed(parameter: Mapping[str, Any], value: Any) -> Any:
    """Return a parameter's value; one of a list's type is written with commas."""
    kind = str(parameter.get("Type", "String"))
    if kind == "CommaDelimitedList" or kind.startswith("List<"):
        return [each.strip() for each in str(value).split(",")]
    return value


def _in_order(queues: list[QueueDefinition]) -> list[QueueDefinition]:
    """Put each dead-letter queue before those whose messages it takes."""
    targets = {each.dead_letters.rpartition(":")[2] for each in queues if each.dead_letters}
    return sorted(queues, key=lambda each: each.name not in targets)
