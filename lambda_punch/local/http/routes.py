"""Which function a request is for: by its name through AWS's API, or by method, path and host as a browser sends it."""

from __future__ import annotations

import re
import uuid
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from .gateway import http_answer, proxy_event
from .rest_api import rest_answer, rest_event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from lambda_punch.local.platform.invocation import Invocation, OnChunk

    from .gateway import HttpAnswer, HttpRequest

_PARAMETER = re.compile(r"\{([\w.-]+)(\+?)\}")


class Function(Protocol):
    """What is served: something that takes invokes, such as a local Lambda."""

    def submit(
        self,
        event: bytes,
        *,
        client_context: str | None = None,
        trace_id: str | None = None,
        on_chunk: OnChunk | None = None,
    ) -> Future[Invocation]:
        """Queue an invoke and return at once; raise EnvironmentClosedError if there is no environment."""


class Routed(NamedTuple):
    """The function of an HTTP request, the event that it gets, and how its answer is read."""

    function: Function
    event: dict[str, Any]
    answer: Callable[[Invocation], HttpAnswer]


class Functions(ABC):
    """All functions of a server."""

    @abstractmethod
    def called(self, name: str) -> Function | None:
        """Return the function of a name, or None."""

    @abstractmethod
    def known(self) -> str:
        """Return the names, for a message."""

    @abstractmethod
    def routed(self, request: HttpRequest) -> Routed | None:
        """Return what an HTTP request is for, or None."""


class OneFunction(Functions):
    """A single function, which any name calls unless it has one."""

    def __init__(self, function: Function, name: str | None = None) -> None:
        self._function = function
        self._name = name

    def called(self, name: str) -> Function | None:
        """Return it, if that is its name."""
        return self._function if self._name in {None, name} else None

    def known(self) -> str:
        """Return its name."""
        return self._name or "any name"

    def routed(self, request: HttpRequest) -> Routed:
        """Everything is for it, as from an HTTP API with one route."""
        return Routed(self._function, proxy_event(request, str(uuid.uuid4())), http_answer)


class Route(NamedTuple):
    """A way to a function: ``kind`` is ``api``, ``httpapi`` or ``url``. None: any method, or every path."""

    function: str
    kind: str
    method: str | None = None
    path: str | None = None

    def match(self, request: HttpRequest) -> dict[str, str] | None:
        """Return the parameters of the path if the request is for this route, else None."""
        if self.method not in {None, request.method}:
            return None
        if self.path is None:
            return {}
        found = _pattern(self.path).fullmatch(request.path)
        if found is None:
            return None
        names = [name for name, _ in _PARAMETER.findall(self.path)]
        return dict(zip(names, found.groups(), strict=True))

    @property
    def rank(self) -> tuple[bool, int, int, bool]:
        """What comes first of several that match: as API Gateway has it, the most specific path, then the method."""
        path = self.path or ""
        parameters = _PARAMETER.findall(path)
        return self.path is None, sum(bool(plus) for _, plus in parameters), len(parameters), self.method is None


class RoutedFunctions(Functions):
    """Several functions by their names, and routes to them.

    A function with a URL is reached at ``http://NAME.localhost:PORT/`` too; if it is the only one of those, it gets every
    request that no route is for.
    """

    def __init__(self, functions: Mapping[str, Function], routes: Sequence[Route]) -> None:
        self._functions = functions
        self._routes = sorted((each for each in routes if each.kind != "url"), key=lambda each: each.rank)
        self._urls = [each for each in routes if each.kind == "url"]

    def called(self, name: str) -> Function | None:
        """Return the function of a name."""
        return self._functions.get(name)

    def known(self) -> str:
        """Return all names."""
        return ", ".join(self._functions)

    def routed(self, request: HttpRequest) -> Routed | None:
        """Return what the request is for: a function's URL by its host, a route, or the only URL there is."""
        by_host = self._by_host(request)
        if by_host is not None:
            return self._to_url(by_host, request)
        for route in self._routes:
            parameters = route.match(request)
            if parameters is not None:
                return self._to_route(route, parameters, request)
        return self._to_url(self._urls[0].function, request) if len(self._urls) == 1 else None

    def _by_host(self, request: HttpRequest) -> str | None:
        host = next((value for name, value in request.headers if name.lower() == "host"), "")
        name, dot, rest = host.partition(".")
        if not dot or rest.partition(":")[0] != "localhost":
            return None
        return next((each.function for each in self._urls if each.function.lower() == name.lower()), None)

    def _to_url(self, name: str, request: HttpRequest) -> Routed:
        return Routed(self._functions[name], proxy_event(request, str(uuid.uuid4())), http_answer)

    def _to_route(self, route: Route, parameters: dict[str, str], request: HttpRequest) -> Routed:
        function = self._functions[route.function]
        if route.kind == "api":
            event = rest_event(request, route.path or "/{proxy+}", parameters, str(uuid.uuid4()))
            return Routed(function, event, rest_answer)
        event = proxy_event(request, str(uuid.uuid4()))
        key = "$default" if route.path is None else f"{route.method or 'ANY'} {route.path}"
        event["routeKey"] = event["requestContext"]["routeKey"] = key
        if parameters:
            event["pathParameters"] = parameters
        return Routed(function, event, http_answer)


def _pattern(path: str) -> re.Pattern[str]:
    parts, at = [], 0
    for found in _PARAMETER.finditer(path):
        parts += [re.escape(path[at : found.start()]), "(.+)" if found[2] else "([^/]+)"]
        at = found.end()
    parts.append(re.escape(path[at:]))
    text = "".join(parts)
    return re.compile(text if text == "/" else f"{text.removesuffix('/')}/?")
