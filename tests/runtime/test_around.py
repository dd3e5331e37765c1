"""@punch.around_job: what is entered round each job."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pytest

import lambda_punch as punch
from lambda_punch.runtime.modes import Alone
from lambda_punch.runtime.start import process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

pytestmark = pytest.mark.usefixtures("fresh")
tenant: ContextVar[str] = ContextVar("tenant", default="nobody")
seen: list[Any] = []


@pytest.fixture(autouse=True)
def _forget() -> None:
    seen.clear()


def run(*functions: Any) -> None:
    """Push the functions in one request, and end its response."""
    process.become(Alone(process, watched=True))
    process.begin("request-1", 0)
    for function in functions:
        punch.push(function)
    process.respond()


@contextmanager
def noting(job: Any) -> Iterator[None]:
    seen.append(f"enter {job.name.rpartition('.')[2]}")
    token = tenant.set("mine")
    try:
        yield
    except BaseException as error:
        seen.append(type(error).__name__)
        raise
    finally:
        tenant.reset(token)
        seen.append("leave")


def look() -> None:
    seen.append(tenant.get())


def fail() -> None:
    raise ValueError


async def look_later() -> None:
    await asyncio.sleep(0)
    seen.append(tenant.get())


async def fail_later() -> None:
    raise ValueError


@pytest.mark.parametrize("job", [look, look_later])
def test_a_job_runs_inside_in_its_own_context(job: Any) -> None:
    """The job sees what the manager sets, and nothing else does."""
    punch.around_job(noting)
    run(job)

    assert seen == [f"enter {job.__name__}", "mine", "leave"]
    assert tenant.get() == "nobody"


@pytest.mark.parametrize("job", [fail, fail_later])
def test_a_failure_is_reported_inside(job: Any) -> None:
    """The error handler sees what the manager has set; then the manager gets the error."""
    punch.around_job(noting)

    @punch.error_handler
    def told(error: BaseException, failed: punch.Punch) -> None:
        seen.append((type(error).__name__, failed.name.rpartition(".")[2], tenant.get()))

    run(job)

    assert seen == [f"enter {job.__name__}", ("ValueError", job.__name__, "mine"), "ValueError", "leave"]


def test_an_asynchronous_manager_is_entered_on_the_loop_round_what_is_awaited() -> None:
    """In the task of the job; a failure is reported inside it, too."""

    @punch.around_job
    @asynccontextmanager
    async def noting_later(job: Any) -> AsyncIterator[None]:
        tenant.set("mine")
        seen.append(asyncio.get_running_loop())
        yield
        seen.append("leave")

    @punch.error_handler
    def told(error: BaseException, failed: punch.Punch) -> None:
        seen.append(tenant.get())

    run(look_later)

    assert seen == [process.loop.loop(), "mine", "leave"]


def test_a_plain_function_cannot_have_an_asynchronous_manager_which_is_said_once(errors: list[str]) -> None:
    """The job still runs."""

    @punch.around_job
    @asynccontextmanager
    async def noting_later(job: Any) -> AsyncIterator[None]:
        yield

    run(look, look)

    assert seen == ["nobody", "nobody"]
    assert [line for line in errors if "cannot be entered round" in line] == errors
    assert len(errors) == 1


@pytest.mark.parametrize("where", ["hook", "enter", "exit"])
def test_a_hook_that_fails_is_logged_and_the_job_runs(where: str, errors: list[str]) -> None:
    """And so does the next hook."""

    def broken(job: Any) -> Any:
        if where == "hook":
            raise KeyError(where)
        return Broken()

    class Broken:
        def __enter__(self) -> None:
            if where == "enter":
                raise KeyError(where)

        def __exit__(self, *_: object) -> None:
            if where == "exit":
                raise KeyError(where)

    punch.around_job(broken)
    punch.around_job(noting)
    run(look)

    assert seen == ["enter look", "mine", "leave"]
    assert len(errors) == 1
    assert "failed; the job itself is not affected" in errors[0]


def test_hooks_are_entered_in_order_and_left_in_the_opposite_one() -> None:
    """As nested with statements are. A hook that is added twice is entered once, and one may return None."""

    def named(name: str) -> Any:
        @contextmanager
        def hook(job: Any) -> Iterator[None]:
            seen.append(f"enter {name}")
            yield
            seen.append(f"leave {name}")

        return hook

    first, second = named("first"), named("second")
    for hook in (first, second, first, lambda job: None):
        punch.around_job(hook)
    run(look)

    assert seen == ["enter first", "enter second", "nobody", "leave second", "leave first"]


def test_what_a_manager_returns_does_not_hide_a_failure() -> None:
    """The failure has been reported by then."""

    class Hiding:
        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> bool:
            return True

    punch.around_job(lambda job: Hiding())
    punch.error_handler(lambda error, failed: seen.append(error))
    run(fail, look)

    assert [type(each).__name__ for each in seen] == ["ValueError", "str"]


def test_failed_jobs_leave_nothing_alive() -> None:
    """Neither the error nor what the job had is kept by a cycle."""
    import gc
    import weakref

    class Large: ...

    alive: list[Any] = []

    def fail_with_locals() -> None:
        large = Large()
        alive.append(weakref.ref(large))
        raise ValueError

    punch.error_handler(lambda error, failed: None)
    gc.disable()
    try:
        run(fail_with_locals)
        punch.around_job(noting)
        run(fail_with_locals)
    finally:
        gc.enable()

    assert [each() for each in alive] == [None, None]
