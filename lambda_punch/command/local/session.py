"""One run of ``lambda-punch local``, from its arguments to its exit status."""

from __future__ import annotations

import itertools
import signal
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambda_punch.command.page.sender import Sender
from lambda_punch.errors import LambdaPunchError
from lambda_punch.local import LocalLambda, Timeline
from lambda_punch.local.hosts.share import is_possible

from . import page as pages
from . import queues, reloading
from .arguments import (
    UsageError,
    check_handler,
    check_image_alone,
    check_template_alone,
    check_values,
    events_to_send,
    is_template,
    variables_of,
)
from .console import Console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lambda_punch.local import Event
    from lambda_punch.local.hosts.output import LogCallback
    from lambda_punch.local.queues.event_source import EventSource

_INVOKES_FAILED = 1
_USAGE = 2
_MEMORY = 128  # MB


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; return its exit status.

    That is 0 if every invoke succeeded, 1 if one failed or the function could not run, and 2 for arguments that do not
    make sense.
    """
    console = Console(plain=arguments.plain, as_json=arguments.json)
    try:
        check_values(arguments)
        events = events_to_send(arguments)
        variables_of(arguments)  # refused before anything is started
        if is_template(arguments):
            return _run_template(arguments, console)
        _check_function(arguments, console)
        with ExitStack() as stack:
            extensions = _extensions(arguments, stack)
            page = stack.enter_context(pages.opened(arguments)) if pages.is_wanted(arguments) else None
            if arguments.compare:
                return _compare(arguments, extensions, events, console)

            def make(variables: Mapping[str, str], name: str = "jobs") -> LocalLambda:
                return _function(arguments, extensions, console, variables, page=page, function_name=name)

            polled = stack.enter_context(queues.polled(arguments, make, console))

            def show(send: Callable[[bytes], Any]) -> None:
                if page is not None and arguments.ui is not None:
                    shown = pages.shown(page, arguments, Sender(send), polled.shown())
                    console.say(f"page at {stack.enter_context(shown)}")

            name = arguments.name or "function"
            if arguments.serve is not None:
                from .serving import serve

                variables = {**polled.variables, **reloading.variables_for(arguments)}

                def another(on_event: Callable[[Event], None]) -> LocalLambda:
                    return _function(
                        arguments, extensions, console, variables, page=page, also=on_event, function_name=name
                    )

                with _sigterm_as_interrupt():
                    return serve(another, arguments, console, show)
            function = make(polled.variables, name)
            show(function.submit)
            return _run(function, arguments, events, console, polled.sources)
    except UsageError as error:
        console.complain(str(error))
        return _USAGE
    except (LambdaPunchError, OSError) as error:
        console.complain(str(error))
        return _INVOKES_FAILED


def _check_function(arguments: argparse.Namespace, console: Console) -> None:
    if arguments.memory is not None and not is_possible():
        console.say("no control groups can be made here, so the function has whole cores, whatever its --memory")
    if arguments.parameter:
        raise UsageError("--parameter goes with a template")
    if arguments.image is None:
        check_handler(arguments.handler, Path(arguments.task_root or "."))
    else:
        check_image_alone(arguments)


def _run_template(arguments: argparse.Namespace, console: Console) -> int:
    from . import template

    check_template_alone(arguments)
    with ExitStack() as stack, _sigterm_as_interrupt():
        return template.run(arguments, console, _extensions(arguments, stack))


def _run(
    function: LocalLambda,
    arguments: argparse.Namespace,
    events: list[Any],
    console: Console,
    sources: Sequence[EventSource],
) -> int:
    """Start the function and use it; print the timeline in any case."""
    try:
        with _sigterm_as_interrupt(), function:
            status = _invoke_all(function, events, arguments.pause, console)
            queues.wait(sources, console, for_ever=not events)
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


def _compare(arguments: argparse.Namespace, extensions: list[Path], events: list[Any], console: Console) -> int:
    from .compare import ROUNDS, compare

    if arguments.image is not None or arguments.serve is not None or arguments.queue:
        raise UsageError(
            "--compare does not go with --image, --serve or --queue: it sends its own events to one function"
        )
    if arguments.count is None:
        events = list(itertools.islice(itertools.cycle(events), ROUNDS))
    if not events:
        raise UsageError("--compare needs at least one invoke; raise --count")
    with _sigterm_as_interrupt():
        found = compare(
            lambda command: _function(arguments, extensions, console, {}, runtime_command=command),
            arguments.handler,
            events,
        )
    console.show_comparison(found)
    return _INVOKES_FAILED if found.failed else 0


def _function(  # noqa: PLR0913, PLR0917 - what an environment is made of, and who is told
    arguments: argparse.Namespace,
    extensions: list[Path],
    console: Console,
    variables: Mapping[str, str],
    page: pages.Page | None = None,
    also: Callable[[Event], None] | None = None,
    **chosen: Any,
) -> LocalLambda:
    on_log: LogCallback = console.show_log

    def told(event: Event) -> None:
        if not arguments.json:
            console.show_platform(event)
        if also is not None:
            also(event)

    on_event: Callable[[Event], None] = told
    if page is not None:
        on_log, on_event = page.watching(on_log, on_event)
        if arguments.image is None:
            chosen["runtime_command"] = pages.runtime_command(arguments.handler)
            variables = {**variables, **page.variables}
    return LocalLambda(
        arguments.handler,
        image=arguments.image,
        task_root=arguments.task_root,
        extensions=extensions,
        timeout=arguments.timeout,
        init_timeout=arguments.init_timeout,
        freeze=not arguments.no_freeze,
        memory_size=arguments.memory or _MEMORY,
        share_cpu=arguments.memory is not None and is_possible(),
        env={**variables, **variables_of(arguments)},
        on_log=on_log,
        on_event=on_event,
        **chosen,
    )


def _extensions(arguments: argparse.Namespace, stack: ExitStack) -> list[Path]:
    extensions = [Path(path) for path in arguments.extension]
    for path in extensions:
        if not path.is_file():
            raise UsageError(f"no such extension: {path}; --extension names an executable file")
    if not arguments.no_extension and arguments.image is None:
        from lambda_punch.installer import staged

        extensions.append(stack.enter_context(staged()))
    return extensions


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Let SIGTERM end the command properly, as Ctrl-C does. Only the main thread can arrange that."""
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
