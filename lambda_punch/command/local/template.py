"""``lambda-punch local template.yaml``: all functions of a SAM template, their queues, schedules and routes."""

from __future__ import annotations

import json
import os
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambda_punch.command.page.sender import Sender
from lambda_punch.local import LocalLambda, Timeline
from lambda_punch.local.errors import TemplateError
from lambda_punch.local.http.function_server import FunctionServer
from lambda_punch.local.http.gateway import HttpRequest
from lambda_punch.local.http.routes import Route, RoutedFunctions
from lambda_punch.local.pool import Pool
from lambda_punch.local.queues.event_source import EventSource, EventSourceMapping
from lambda_punch.local.queues.sqs_server import REGION, SqsServer
from lambda_punch.local.templates.application import read

from . import page as pages
from . import queues
from .arguments import UsageError, check_handler, events_to_send, parameters_of, variables_of
from .serving import RequestLines
from .template_layers import brought, unpacked
from .template_schedules import TemplateSchedules, due

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from lambda_punch.local import Event
    from lambda_punch.local.templates.application import Application
    from lambda_punch.local.templates.functions import FunctionDefinition

    from .console import Console

_MOST_POLLERS = 4  # of one queue, whatever MaximumConcurrency says
_INVOKES_FAILED = 1


def run(arguments: argparse.Namespace, console: Console, extensions: list[Path]) -> int:
    """Run it; return the exit status. Raises UsageError, TemplateError and what starting things raises."""
    path, parameters = Path(arguments.handler), parameters_of(arguments)
    application = read(path, parameters, region=REGION)
    for each in application.functions:
        check_handler(each.handler, each.code)
    for note in application.notes:
        console.say(note)
    with ExitStack() as stack:
        page = stack.enter_context(pages.opened(arguments)) if pages.is_wanted(arguments) else None
        server = stack.enter_context(SqsServer(arguments.sqs_endpoint)) if application.queues else None
        if server is not None:
            application = read(path, parameters, region=REGION, endpoint=server.endpoint)
            console.say(f"SQS at {server.endpoint}: {', '.join(each.name for each in application.queues)}")
            for queue in application.queues:
                server.create(queue.name, queue.attributes)
        running = _Running(arguments, console, application, server, page, extensions, stack)
        try:
            return running.serve(stack) if arguments.serve is not None else running.invoke()
        except KeyboardInterrupt:
            console.say("shutting down")
            return 0
        finally:
            running.end()


class _Running:
    """The functions of a template while they run."""

    def __init__(  # noqa: PLR0913, PLR0917 - what they are made of
        self,
        arguments: argparse.Namespace,
        console: Console,
        application: Application,
        server: SqsServer | None,
        page: pages.Page | None,
        extensions: list[Path],
        stack: ExitStack,
    ) -> None:
        self._arguments = arguments
        self._console = console
        self._server = server
        self._page = page
        self._extensions = extensions
        self._layers = unpacked(application.layers, stack)
        self._definitions = {each.logical: each for each in application.functions}
        self.pools = {each.logical: self._pool(each) for each in application.functions}
        names = {each.name: self.pools[each.logical] for each in application.functions}
        routes = [Route(each.logical, *route) for each in application.functions for route in each.routes]
        self._functions = RoutedFunctions({**names, **self.pools}, routes)
        self._routes = routes
        self._sources: list[EventSource] = []
        for definition in application.functions:
            self._poll(definition)
        scheduled = [
            due(each, self.pools[definition.logical].submit)
            for definition in application.functions
            for each in definition.schedules
        ]
        if scheduled:
            stack.enter_context(TemplateSchedules(scheduled, console))
        if page is not None and arguments.ui is not None:
            shown = queues.Polled(server, {}, self._sources).shown()
            names_shown = list(self.pools)
            address = pages.shown(page, arguments, _ToFunctions(self), shown, functions=names_shown)
            console.say(f"page at {stack.enter_context(address)}")

    # -- what they are asked ------------------------------------------------------------------------------------------

    def serve(self, stack: ExitStack) -> int:
        """Serve until Ctrl-C."""
        server = stack.enter_context(FunctionServer(self._functions, self._arguments.serve))
        for route in self._routes:
            where = route.path or "/" if route.kind != "url" else f"(its URL: {self._url(server.url, route.function)})"
            self._console.say(f"{route.function}: {route.method or 'ANY'} {where}")
        self._console.say(
            f"serving {server.url}  {', '.join(self.pools)}; programs: endpoint_url of boto3's Lambda client; Ctrl-C ends"
        )
        threading.Event().wait()
        return 0

    def invoke(self) -> int:
        """Send the events to one function, and wait until all that follows is done."""
        failed = False
        events = events_to_send(self._arguments)
        if self._arguments.request is not None and self._arguments.name is None and events:
            pool, event = self._route_of(events[0])
            events = [event] * len(events)
        else:
            pool = self._meant()
        for number, event in enumerate(events, 1):
            self._console.show_event(number, event)
            invocation = pool.invoke(event)
            self._console.show_response(number, invocation)
            failed = failed or not invocation.ok
            for each in pool.environments:
                each.wait_idle()
        queues.wait(self._sources, self._console, for_ever=False)
        return _INVOKES_FAILED if failed else 0

    def send(self, event: bytes, function: str | None) -> None:
        """Send an event to a function; to the first one if none is named."""
        self.pools[function if function in self.pools else next(iter(self.pools))].submit(event)

    def request(self, method: str, path: str, body: str) -> None:
        """Send an HTTP request to the function that it is for. Raises TemplateError if there is none."""
        plain, _, query = path.partition("?")
        headers = [("host", "localhost"), ("content-type", "application/json")]
        routed = self._functions.routed(HttpRequest(method, plain, query, headers, body.encode()))
        if routed is None:
            raise TemplateError(f"no route of the template is for {method} {plain}")
        routed.function.submit(json.dumps(routed.event).encode())

    def end(self) -> None:
        """End everything, and show the timelines."""
        for source in self._sources:
            source.stop()
        for pool in self.pools.values():
            pool.shutdown(abandon=True)
        for name, pool in self.pools.items():
            for environment in pool.environments:
                self._console.say(f"\n{name}")
                self._console.show_timeline(Timeline.from_events(environment.events))

    # -- what they are made of ----------------------------------------------------------------------------------------

    def _pool(self, definition: FunctionDefinition) -> Pool:
        lines = RequestLines(self._console, definition.logical) if self._arguments.serve is not None else None

        def make(on_event: Callable[[Event], None]) -> LocalLambda:
            def told(event: Event) -> None:
                if not self._arguments.json:
                    self._console.show_platform(event)
                if lines is not None:
                    lines.on_event(event)
                on_event(event)

            return self._environment(definition, told)

        most = self._arguments.environments if definition.reserved is None else int(definition.reserved)
        return Pool(make, most)

    def _environment(self, definition: FunctionDefinition, on_event: Callable[[Event], None]) -> LocalLambda:
        arguments = self._arguments
        layers = brought(definition.layers, self._layers, without_ours=not arguments.no_extension)
        variables = {
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            **({} if self._server is None else self._server.variables),
            **({"PYTHONPATH": os.pathsep.join(layers.paths)} if layers.paths else {}),
            **definition.variables,
            **variables_of(arguments),
        }

        def on_log(source: str, line: str) -> None:
            self._console.show_log(f"{definition.logical} {source}", line)

        chosen: dict[str, Any] = {"on_log": on_log, "on_event": on_event}
        if self._page is not None:
            chosen["on_log"], chosen["on_event"] = self._page.watching(on_log, on_event, definition.logical)
            chosen["runtime_command"] = pages.runtime_command(definition.handler)
            variables.update(self._page.variables)
        return LocalLambda(
            definition.handler,
            task_root=definition.code,
            extensions=[*self._extensions, *layers.extensions],
            timeout=definition.timeout,
            init_timeout=arguments.init_timeout,
            freeze=not arguments.no_freeze,
            env=variables,
            memory_size=definition.memory,
            function_name=definition.name,
            **chosen,
        )

    def _poll(self, definition: FunctionDefinition) -> None:
        for each in definition.queues:
            queue = each.arn.rpartition(":")[2]
            if self._server is None:
                raise TemplateError(f"{definition.logical}: queue {queue} is not in the template; add it there")
            pollers = [self.pools[definition.logical]] * min(each.most, _MOST_POLLERS)
            mapping = EventSourceMapping(batch_size=each.batch_size, window=each.window, partial=each.partial)
            source = EventSource(
                self._server, queue, pollers, timeout=definition.timeout, mapping=mapping,
                on_batch=lambda delivered: queues.show(self._console, delivered),
            )  # fmt: skip
            self._sources.append(source)
            source.start()

    def _meant(self) -> Pool:
        """Return the function that is to be invoked: by --name, or the only one."""
        name = self._arguments.name
        if name is not None:
            if name not in self.pools:
                raise UsageError(f"--name {name} is not one of the template's functions: {', '.join(self.pools)}")
            return self.pools[name]
        if len(self.pools) == 1:
            return next(iter(self.pools.values()))
        raise UsageError(
            f"say which function with --name: {', '.join(self.pools)}; or serve all of them with --serve PORT"
        )

    def _route_of(self, event: Any) -> tuple[Pool, Any]:
        """Return whom the event of a --request is for, and the event as its route makes it."""
        http = event["requestContext"]["http"]
        headers = list(event["headers"].items())
        body = (event.get("body") or "").encode()
        request = HttpRequest(http["method"], event["rawPath"], event["rawQueryString"], headers, body)
        routed = self._functions.routed(request)
        for pool in self.pools.values():
            if routed is not None and routed.function is pool:
                return pool, routed.event
        raise UsageError(f"no route of the template is for {http['method']} {event['rawPath']}")

    def _url(self, server: str, function: str) -> str:
        alone = len([each for each in self._routes if each.kind == "url"]) == 1
        return f"{server}/" if alone else f"{server.replace('127.0.0.1', f'{function.lower()}.localhost')}/"


class _ToFunctions(Sender):
    """What the page sends goes to the function that is named, or that a route names."""

    def __init__(self, running: _Running) -> None:
        super().__init__(lambda event: running.send(event, None))
        self._running = running

    def event(self, event: bytes, function: str | None = None) -> None:
        self._running.send(event, function)

    def http(self, method: str, path: str, body: str) -> None:
        self._running.request(method, path, body)
