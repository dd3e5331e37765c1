"""Type-checked, never run: right uses of the public API, and wrong ones with the error they must give."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from typing_extensions import assert_type

import lambda_punch as punch

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator


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
def iterated(event: str, context: object) -> Iterator[int]:
    yield 1


assert_type(iterated("event", None), int)


@punch.handler
async def iterated_later(event: str, context: object) -> AsyncIterator[int]:
    yield 1


assert_type(iterated_later("event", None), int)


@punch.job(queue="mails", retries=3)
def yearly(year: int) -> None: ...


yearly.using(delay=60).enqueue(2026)
yearly.using(dealy=60)  # type: ignore[call-arg]
yearly.using(delay="soon")  # type: ignore[arg-type]
yearly.enqueue("2026")  # type: ignore[arg-type]


@punch.handler
async def asynchronous(event: str, context: object) -> AsyncGenerator[int, None]:
    yield 1


assert_type(asynchronous("event", None), int)


@punch.error_handler
def report(error: BaseException, job: punch.Punch) -> None:
    assert_type(job.name, str)


@punch.error_handler  # type: ignore[type-var]
def wrong(error: int) -> None: ...


@punch.on_lost
def tell(jobs: list[punch.Punch], reason: str) -> None:
    assert_type(jobs[0].name, str)


@punch.on_lost  # type: ignore[type-var]
def tell_nothing() -> None: ...


assert_type(punch.remaining_time(), float)
punch.configure(workers=4, margin=0.5, log_level="debug")
punch.configure(worker=4)  # type: ignore[call-arg]
punch.handled(None)


@punch.job
def receipt(order: int, *, urgent: bool = False) -> str:
    return f"{order} {urgent}"


@punch.job(queue="emails.fifo", retries=5, group=str, retry_on=(OSError,), wait=lambda n: 2.0**n)
async def mail(order: int) -> None: ...


assert_type(receipt(42), str)
assert_type(receipt.enqueue(42, urgent=True).id, str)
receipt.enqueue("42")  # type: ignore[arg-type]
receipt.enqueue(42, urgency=True)  # type: ignore[call-arg]
receipt.using(delay=60).enqueue()  # type: ignore[call-arg]
assert_type(receipt.using(delay=60)(42), str)
punch.push(receipt, 42)
punch.push(receipt, "42")  # type: ignore[arg-type]
punch.enqueue_many([receipt.prepare(1), mail.prepare(2)])
receipt.prepare("1")  # type: ignore[arg-type]
punch.job(queue=3)  # type: ignore[call-overload]
punch.job(retry=3)  # type: ignore[call-overload]


@punch.job(
    queue="reports", cron="0 8 * * ? *", timezone="Europe/Berlin", keep_result=60, unique="arguments", unique_for=60
)
def monthly(month: int = 1) -> str:
    return str(month)


@punch.job(every=timedelta(hours=1), unique=lambda year: year, unique_until="started")
def hourly(year: int = 2026) -> None: ...


monthly.using(keep_result=timedelta(days=1), unique=None).enqueue(2)
monthly.using(every=60)  # type: ignore[call-arg]
punch.job(every="hourly")  # type: ignore[call-overload]
punch.job(keep_result="long")  # type: ignore[call-overload]
assert_type(monthly.enqueue().duplicate, bool)
assert_type(monthly.enqueue().result(10), Any)
known = monthly.result_of("id")
assert_type(known and known.status, "str | None")
monthly.enqueue().result()  # type: ignore[call-arg]


async def enqueue_later() -> None:
    assert_type((await mail.aenqueue(42)).message_id, "str | None")
    await mail.aenqueue("42")  # type: ignore[arg-type]


punch.configure(queues={"emails": {"url": "https://sqs.eu-west-1.amazonaws.com/1/emails"}}, metrics="all")
assert_type(punch.is_jobs_event({}), bool)
