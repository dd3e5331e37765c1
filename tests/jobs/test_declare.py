"""@job: what it takes, what it refuses, and what stays of the function."""

from __future__ import annotations

import asyncio
import functools
import inspect
import subprocess
import sys
from typing import Any

import pytest

import lambda_punch as punch
from lambda_punch.jobs import EnqueueError, JobOptionError, exponential
from lambda_punch.testing import enqueued


@punch.job(name="add")
def add(one: int, two: int = 2) -> int:
    """Add."""
    return one + two


def test_a_job_is_still_the_function() -> None:
    """Called as before, with its name, its docstring and its signature."""
    assert add(1) == 3
    assert add(1, two=5) == 6
    assert add.__doc__ == "Add."
    assert add.__name__ == "add"
    assert list(inspect.signature(add).parameters) == ["one", "two"]


def test_an_async_job_is_still_awaited() -> None:
    """Calling it gives the coroutine."""

    @punch.job(name="later")
    async def later(value: int) -> int:
        return value

    assert asyncio.run(later(3)) == 3


def test_a_job_is_registered_under_module_and_qualified_name() -> None:
    """So that consumer and sender, which both import the module, mean the same."""
    declared = punch.job(inspect.cleandoc)

    with enqueued() as jobs:
        declared.enqueue("text")
        assert [message.job for message in jobs] == ["inspect.cleandoc"]
        jobs.run()
    assert jobs.dead == []


def test_a_function_inside_a_function_needs_a_name() -> None:
    """A consumer that has not called the outer one would not know it."""

    def inner() -> None: ...

    with pytest.raises(JobOptionError, match=r"inside a function.*name="):
        punch.job(inner)
    assert punch.job(name="inner")(inner).name == "inner"


def test_two_functions_cannot_have_one_name(done: list[Any]) -> None:
    """The error names the other one; the same function again (a reload) replaces itself."""

    def one() -> None:
        done.append("one")

    def two() -> None: ...

    punch.job(name="one")(one)
    with pytest.raises(JobOptionError, match=r"<locals>\.one is already declared as job 'one'"):
        punch.job(name="one")(two)
    again = punch.job(name="one")(one)
    with enqueued() as jobs:
        again.enqueue()
        jobs.run()
    assert done == ["one"]


class Mailer:
    def send(self, to: str) -> None: ...

    async def asend(self, to: str) -> None: ...

    @classmethod
    def make(cls, to: str) -> None: ...

    @staticmethod
    def plain(to: str) -> None: ...

    @functools.lru_cache  # noqa: B019 - a decorator that leaves the function inside
    def wrapped(self, to: str) -> None: ...

    def __call__(self) -> None: ...


def generator() -> Any:
    yield 1


async def asynchronous_generator() -> Any:
    yield 1


@pytest.mark.parametrize(
    "function",
    [
        3, max, functools.partial(add), Mailer, Mailer.send, Mailer.asend, Mailer.__dict__["make"], Mailer.make,
        Mailer.wrapped, Mailer().send, Mailer(), generator, asynchronous_generator, None.__class__, [].append,
    ],
    ids=range(15),
)  # fmt: skip
def test_what_cannot_be_a_job_is_refused(function: Any) -> None:
    """Not a function, without a signature or a name, or called on an object that no message can carry."""
    with pytest.raises(JobOptionError):
        punch.job(function)


def test_a_method_is_refused_in_words_where_it_is_declared() -> None:
    with pytest.raises(JobOptionError, match=r"Mailer.send is a method, and a message cannot carry the object"):
        punch.job(name="send")(Mailer.send)


def test_a_function_in_a_class_can_be_a_job() -> None:
    """A static method is called on nothing."""
    assert punch.job(Mailer.plain).name.endswith("Mailer.plain")
    assert punch.job(name="static")(staticmethod(add)).name == "static"


def test_only_a_declared_job_changes_where_events_go() -> None:
    """Importing the package does not: until the first declaration each event is the function's own."""
    code = """
import lambda_punch as punch, lambda_punch.jobs
handler = punch.handler(lambda event, context: "the function's own")
event = {"lambda_punch": 1, "job": "work", "id": "1", "enqueued_at": 0, "attempt": 1, "args": [], "kwargs": {}}
print(handler(event, None))
punch.job(name="work")(lambda: print("the job"))
print(handler(event, None))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout.splitlines() == ["the function's own", "the job", "None"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("retries", 13), ("retries", -1), ("retries", True), ("retries", "3"), ("delay", 315_360_001), ("delay", -1),
        ("delay", 1.5), ("timeout", 0), ("timeout", "1"), ("queue", "a b"), ("queue", "orders.fifo.x"), ("queue", 3),
        ("wait", 30), ("group", ""), ("group", "ä"), ("group", "g" * 129), ("deduplication_id", 7),
        ("retry_on", "ValueError"), ("discard_on", (ValueError, 1)), ("discard_on", ()), ("after_response", 1),
        ("spill", "no"), ("backend", "redis"),
    ],
)  # fmt: skip
def test_an_option_that_cannot_be_is_refused_at_the_declaration(option: str, value: Any) -> None:
    """With an error that names the option."""
    with pytest.raises(JobOptionError, match=option):
        punch.job(name="job", **{option: value})


def test_an_unknown_option_is_refused() -> None:
    """A misspelt one, say."""
    with pytest.raises(TypeError, match="retry"):
        punch.job(retry=3)  # type: ignore[call-overload]
    with pytest.raises(JobOptionError, match="retry"):
        punch.job(name="job")(add.function).using(retry=3)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("delay", 1), ("retries", 2), ("wait", exponential()), ("retry_on", ValueError), ("group", "g"),
        ("deduplication_id", "d"),
    ],
)  # fmt: skip
def test_what_an_asynchronous_invoke_cannot_do_is_refused_at_the_declaration(option: str, value: Any) -> None:
    """With an error that names option and backend; also where using() asks for it."""
    with pytest.raises(JobOptionError, match=rf"lambda_event cannot do {option}"):
        punch.job(name="job", backend="lambda_event", **{option: value})
    with pytest.raises(JobOptionError, match=rf"lambda_event cannot do {option}"):
        add.using(backend="lambda_event", **{option: value})


def test_a_standard_queue_has_no_deduplication() -> None:
    """And the error says which queue has it."""
    with pytest.raises(JobOptionError, match=r"sqs cannot do deduplication_id.*FIFO"):
        punch.job(name="job", queue="orders", deduplication_id="1")


def test_using_leaves_the_declared_job_as_it_is() -> None:
    """It returns another job of the same name, which can still be called."""
    other = add.using(queue="bulk", delay=60)

    assert (other.options.queue, other.options.delay) == ("bulk", 60)
    assert (add.options.queue, add.options.delay) == (None, None)
    assert other(1) == 3
    with pytest.raises(JobOptionError, match="retry"):
        add.using(retry=1)


def test_a_backend_may_be_an_object_of_ones_own() -> None:
    """A fourth backend is one class. What it raises comes out as an EnqueueError."""
    from lambda_punch.jobs.backends.outgoing import Outgoing, Sent

    class Pigeon:
        name = "pigeon"
        largest = 1000
        durable = True

        def __init__(self) -> None:
            self.refuses = {"delay": "pigeons fly at once"}
            self.sent: list[tuple[str | None, Outgoing]] = []

        def check(self, options: object) -> None: ...

        def send(self, queue: str | None, messages: Any) -> Sent:
            if queue == "hawks":
                raise OSError("eaten")
            self.sent += [(queue, each) for each in messages]
            return Sent({each.id: "feather" for each in messages}, [])

    pigeon = Pigeon()

    @punch.job(name="coo", backend=pigeon)
    def coo() -> None: ...

    assert coo.enqueue().message_id == "feather"
    assert [(queue, each.job) for queue, each in pigeon.sent] == [(None, "coo")]
    with pytest.raises(JobOptionError, match="pigeon cannot do delay: pigeons fly at once"):
        coo.using(delay=1)
    with pytest.raises(EnqueueError, match="1 of 2 jobs were not sent .coo.: eaten") as caught:
        punch.enqueue_many([coo.using(queue="hawks").prepare(), coo.prepare()])
    assert isinstance(caught.value.__cause__, OSError)
    assert [each.certain for each in caught.value.failed] == [False]
    assert len(pigeon.sent) == 2
