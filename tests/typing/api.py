"""Type-checked, never run: right uses of the public API, and wrong ones with the error they must give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import assert_type

import lambda_punch as punch

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator


def send(order: int, *, urgent: bool = False) -> str:
    return f"{order} {urgent}"


async def send_later(order: int) -> None: ...


punch.push(send, 42)
punch.push(send, 42, urgent=True)
punch.push(send_later, 42)
punch.push(send)  # type: ignore[call-arg]
punch.push(send, "42")  # type: ignore[arg-type]
punch.push(send, 42, urgency=True)  # type: ignore[call-arg]
punch.push(send_later(42))  # type: ignore[arg-type]
punch.push(42)  # type: ignore[arg-type]


@punch.push
def at_once() -> None: ...


@punch.handler
def plain(event: dict[str, Any], context: object) -> str:
    return "answer"


assert_type(plain({}, None), str)
plain("event", None)  # type: ignore[arg-type]


@punch.handler
def generator(event: str, context: object) -> Generator[int, None, None]:
    yield 1


assert_type(generator("event", None), int)


@punch.handler
async def asynchronous(event: str, context: object) -> AsyncGenerator[int, None]:
    yield 1


assert_type(asynchronous("event", None), int)


@punch.error_handler
def report(error: BaseException, job: punch.Job) -> None:
    assert_type(job.name, str)


@punch.error_handler  # type: ignore[type-var]
def wrong(error: int) -> None: ...


@punch.on_lost
def tell(jobs: list[punch.Job], reason: str) -> None:
    assert_type(jobs[0].name, str)


@punch.on_lost  # type: ignore[type-var]
def tell_nothing() -> None: ...


assert_type(punch.remaining_time(), float)
punch.configure(workers=4, margin=0.5, log_level="debug")
punch.configure(worker=4)  # type: ignore[call-arg]
punch.handled(None)
