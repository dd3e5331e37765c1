"""The sub-command ``lambda-punch local``: arguments in, one run of the local Lambda, an exit status out."""

from __future__ import annotations

import importlib.util
import itertools
import json
import signal
import sys
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import queues_command
from .console import Console
from .errors import LocalLambdaError
from .function import LocalLambda
from .timeline import Timeline

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from .event_source import EventSource

_INVOKES_FAILED = 1
_USAGE = 2
_DESCRIPTION = """
Run a function on this machine as Lambda would: extensions first, then the runtime; the response as soon as it is
posted; everything frozen while nothing is due; Lambda's timeouts, crashes and shutdown. Prints a timeline.
"""


class UsageError(Exception):
    """Arguments that cannot be acted on; the text says why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``local``."""
    parser.description = _DESCRIPTION
    add = parser.add_argument
    add("handler", nargs="?", help="module.function, as in the function's configuration; an image may have its own")
    add("--image", metavar="IMAGE", help="run this container image of the function; needs Docker, and its extra")
    add(
        "--event",
        metavar="FILE",
        action="append",
        default=[],
        help="a JSON event, repeatable; - is stdin (default: {})",
    )
    add("--count", metavar="N", type=int, help="invoke N times in all, repeating the events")
    add("--timeout", metavar="S", type=float, default=3.0, help="the function's timeout in seconds (default: 3)")
    add("--init-timeout", metavar="S", type=float, default=10.0, help="limit of the init phase (default: 10)")
    add("--pause", metavar="S", type=float, default=0.0, help="seconds of rest between the invokes")
    add("--serve", metavar="PORT", type=int, help="answer HTTP on this port (0: any) instead of sending events")
    add("--compare", action="store_true", help="measure what callers save: jobs within the request, and after it")
    add("--task-root", metavar="DIR", help="where the function's code is (default: here)")
    add("--extension", metavar="PATH", action="append", default=[], help="an extension's executable, repeatable")
    add("--no-extension", action="store_true", help="leave out lambda-punch's own extension")
    add("--no-freeze", action="store_true", help="let everything run on between the invokes")
    add("--env", metavar="K=V", action="append", default=[], help="a variable of the function, repeatable")
    add("--plain", action="store_true", help="no colours")
    add("--json", action="store_true", help="print the timeline as JSON lines, everything else on stderr")
    queues_command.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command: 0 if every invoke succeeded, 1 if one failed or nothing could run, 2 for unusable arguments."""
    console = Console(plain=arguments.plain, as_json=arguments.json)
    try:
        events = _events(arguments)
        if arguments.image is None:
            _check_handler(arguments.handler, Path(arguments.task_root or "."))
        else:
            _check_image_alone(arguments)
        with ExitStack() as stack:
            extensions = _extensions(arguments, stack)
            if arguments.compare:
                return _compare(arguments, extensions, events, console)

            def make(variables: Mapping[str, str], name: str = "jobs") -> LocalLambda:
                return _function(arguments, extensions, console, variables, function_name=name)

            polling = stack.enter_context(queues_command.polled(arguments, make, console))
            return _run(make(polling[0], "function"), arguments, events, console, polling[1])
    except UsageError as error:
        console.complain(str(error))
        return _USAGE
    except (LocalLambdaError, OSError) as error:
        console.complain(str(error))
        return _INVOKES_FAILED


def _run(
    function: LocalLambda,
    arguments: argparse.Namespace,
    events: list[Any],
    console: Console,
    sources: list[EventSource],
) -> int:
    """Start the function, use it, and always end with the timeline."""
    try:
        with _sigterm_as_interrupt(), function:
            if arguments.serve is not None:
                return _serve(function, arguments.serve, console)
            status = _invoke_all(function, events, arguments.pause, console)
            queues_command.wait(sources, console)
            return status
    finally:
        console.show_timeline(Timeline.from_events(function.events))


def _invoke_all(function: LocalLambda, events: list[Any], pause: float, console: Console) -> int:
    failed = False
    for number, event in enumerate(events, 1):
        console.show_event(number, event)
        invocation = function.invoke(event)
        console.show_response(number, invocation)
        failed = failed or not invocation.ok
        function.wait_idle()
        if pause and number < len(events):
            threading.Event().wait(pause)
    return _INVOKES_FAILED if failed else 0


def _serve(function: LocalLambda, port: int, console: Console) -> int:
    from .serve import INVOKE_PATH, FunctionServer

    try:
        with FunctionServer(function, port) as server:
            console.say(f"serving {server.url}  (invoke: {server.url}{INVOKE_PATH}; Ctrl-C ends)")
            threading.Event().wait()
    except KeyboardInterrupt:
        console.say("shutting down")
        function.shutdown(abandon=True)
    return 0


def _compare(arguments: argparse.Namespace, extensions: list[Path], events: list[Any], console: Console) -> int:
    from .compare import ROUNDS, compare

    if arguments.image is not None or arguments.serve is not None or arguments.queue:
        raise UsageError("--compare is not for --image, --serve or --queue: it sends its own events to one function")
    if arguments.count is None:
        events = list(itertools.islice(itertools.cycle(events), ROUNDS))
    if not events:
        raise UsageError("--compare needs at least one invoke")
    with _sigterm_as_interrupt():
        found = compare(
            lambda command: _function(arguments, extensions, console, {}, runtime_command=command),
            arguments.handler,
            events,
        )
    console.show_comparison(found)
    return _INVOKES_FAILED if found.failed else 0


def _function(
    arguments: argparse.Namespace,
    extensions: list[Path],
    console: Console,
    variables: Mapping[str, str],
    **chosen: Any,
) -> LocalLambda:
    return LocalLambda(
        arguments.handler,
        image=arguments.image,
        task_root=arguments.task_root,
        extensions=extensions,
        timeout=arguments.timeout,
        init_timeout=arguments.init_timeout,
        freeze=not arguments.no_freeze,
        env={**variables, **_variables(arguments.env)},
        on_log=console.show_log,
        on_event=console.show_platform if not arguments.json else None,
        **chosen,
    )


def _extensions(arguments: argparse.Namespace, stack: ExitStack) -> list[Path]:
    extensions = [Path(path) for path in arguments.extension]
    for path in extensions:
        if not path.is_file():
            raise UsageError(f"no such extension: {path}")
    if not arguments.no_extension and arguments.image is None:
        from lambda_punch.installer import staged

        extensions.append(stack.enter_context(staged()))
    return extensions


def _events(arguments: argparse.Namespace) -> list[Any]:
    """Return the events to send, in order."""
    events = [_event(name) for name in arguments.event] or [{}]
    if arguments.queue and not arguments.event and arguments.count is None:
        return []  # only the queues' messages
    count = len(events) if arguments.count is None else arguments.count
    if count < 0:
        raise UsageError(f"--count must not be negative: {count}")
    return list(itertools.islice(itertools.cycle(events), count))


def _event(name: str) -> Any:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the event {name}: {error}") from error
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"the event {name} is not JSON: {error}") from error


def _check_image_alone(arguments: argparse.Namespace) -> None:
    """Refuse what an image brings with it."""
    for option, given in (
        ("--task-root", arguments.task_root),
        ("--extension", arguments.extension),
        ("--no-extension", arguments.no_extension),
    ):
        if given:
            raise UsageError(f"{option} is not for --image, which has its own code and its own extensions")


def _check_handler(handler: str | None, task_root: Path) -> None:
    """Say what is wrong before anything starts; the runtime's own message comes late and in a traceback."""
    if handler is None:
        raise UsageError("name a handler (module.function) or an --image")
    module, dot, function = handler.rpartition(".")
    if not dot or not module or not function:
        raise UsageError(f"the handler {handler!r} is not module.function")
    if not task_root.is_dir():
        raise UsageError(f"no such directory: {task_root}")
    path = task_root / module.replace(".", "/")
    top = module.replace("/", ".").split(".", 1)[0]
    if path.with_name(path.name + ".py").is_file() or path.is_dir() or _is_installed(top):
        return
    raise UsageError(f"no {module.replace('.', '/')}.py in {task_root.resolve()} for the handler {handler!r}")


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:  # a module without a spec, such as __main__
        return False


def _variables(pairs: list[str]) -> dict[str, str]:
    variables = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise UsageError(f"--env wants NAME=VALUE, not {pair!r}")
        variables[name] = value
    return variables


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Let SIGTERM end the command as Ctrl-C does, properly; only the main thread can arrange that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
