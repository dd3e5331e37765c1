"""Handlers that call handled() by themselves, and generator handlers, whose first yield is the response.

The kind of a handler shows in what it returns, so partials and callable objects work too.
"""

from __future__ import annotations

import functools
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any

from lambda_punch._log import logger

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from concurrent.futures import Future

    from lambda_punch.runtime.process import Process

    Rest = Callable[[], None]


def make_handler(function: Callable[..., Any], process: Process) -> Callable[..., Any]:
    """Return ``function`` as a handler that is marked as handled when it is done."""

    @functools.wraps(function)
    def handler(*args: Any, **kwargs: Any) -> Any:
        try:
            target = function
            if process.route is not None:
                target = process.route(args[0] if args else kwargs.get("event")) or function
            return _answer(target(*args, **kwargs), function, process)
        finally:
            process.mode.handled(args[1] if len(args) > 1 else kwargs.get("context"))

    return handler


def _answer(result: Any, function: Callable[..., Any], process: Process) -> Any:
    """Return the response that a handler's result stands for; push what is left of it under the handler's name."""
    if isinstance(result, GeneratorType):
        response, rest = _first(result)
    elif isinstance(result, AsyncGeneratorType):
        response, rest = _first_async(result, process)
    elif isinstance(result, CoroutineType):
        return _awaited(result, process)
    else:
        return result
    if rest is not None:
        process.push(functools.update_wrapper(rest, function))
    return response


def _awaited(handler: CoroutineType[Any, Any, Any], process: Process) -> Any:
    """Run an async handler; what it has begun on the loop and left there is waited for after the response."""
    try:
        loop = process.loop.loop()
    except RuntimeError:  # the system refuses a thread
        return process.loop.run(handler)
    since = process.tasks.watch(loop, driven=False)
    try:
        return process.loop.run(handler)
    finally:
        if process.mode.defers:
            process.tasks.follow(since)


def _tell_of_yield(handler: object) -> None:
    """Say once for each handler that nobody gets what it yields after its response."""
    name = str(getattr(handler, "__qualname__", "handler"))
    if name not in _told:
        _told.add(name)
        logger().error(
            "the handler %s yielded again after its response, and that value is dropped: the first yield is the whole "
            "response", name,
        )  # fmt: skip


_told: set[str] = set()


def _first(handler: Generator[Any, Any, Any]) -> tuple[Any, Rest | None]:
    try:
        response = next(handler)
    except StopIteration as end:
        return end.value, None  # it returned its response, before any yield

    def rest() -> None:
        for _ in handler:
            _tell_of_yield(handler)

    return response, rest


def _first_async(handler: AsyncGenerator[Any, Any], process: Process) -> tuple[Any, Rest | None]:
    """Run the handler to its first yield; it waits there, in one task with one set of context variables."""
    import asyncio
    import concurrent.futures

    first: Future[Any] = concurrent.futures.Future()
    go_on: Future[None] = concurrent.futures.Future()

    async def drive() -> None:
        try:
            first.set_result(await handler.__anext__())
        except StopAsyncIteration:
            go_on.set_result(None)
            first.set_result(None)
        except BaseException as error:  # noqa: BLE001 - it is the handler's, and goes to its caller
            go_on.set_result(None)
            first.set_exception(error)
        await asyncio.wrap_future(go_on)
        async for _ in handler:
            _tell_of_yield(handler)

    since = process.tasks.watch(process.loop.loop(), driven=False)
    end = process.loop.submit(drive())

    def rest() -> None:
        go_on.set_result(None)
        try:
            end.result()
        finally:
            process.tasks.follow(since)

    concurrent.futures.wait([first, end.future], return_when=concurrent.futures.FIRST_COMPLETED)
    response = first.result() if first.done() else end.result()  # it ends before its response if the loop is closed
    return response, None if go_on.done() else rest
