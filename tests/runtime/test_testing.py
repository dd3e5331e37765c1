"""The helpers for users' own tests."""

from __future__ import annotations

import asyncio

import pytest

import lambda_punch as punch
from lambda_punch.testing import Recorded, inline, recorded

pytest_plugins = ["pytester"]


def test_inline_runs_each_job_before_push_returns() -> None:
    """Plain and async, in the order pushed."""
    done = []

    async def later(value: int) -> None:
        await asyncio.sleep(0)
        done.append(value)

    with inline():
        punch.push(done.append, 1)
        punch.push(later, 2)
        done.append(3)

    assert done == [1, 2, 3]


def test_inline_raises_what_the_job_raises() -> None:
    """A test sees the failure where it happens, and the mode ends with the block."""
    with pytest.raises(ZeroDivisionError), inline():
        punch.push(lambda: 1 / 0)

    with recorded() as jobs:
        punch.push(print)
    assert len(jobs) == 1


def test_recorded_keeps_jobs_and_runs_none() -> None:
    """Each with its function, arguments and name."""
    done: list[int] = []
    with recorded() as jobs:
        punch.push(done.append, 1)
        punch.push(sorted, [2, 1], reverse=True)

    assert done == []
    assert [(job.function, job.args, job.kwargs) for job in jobs] == [
        (done.append, (1,), {}),
        (sorted, ([2, 1],), {"reverse": True}),
    ]
    assert jobs[1].name == "builtins.sorted"


def test_recorded_jobs_can_be_run() -> None:
    """Also those that they push themselves."""
    done: list[str] = []

    def outer() -> None:
        done.append("outer")
        punch.push(done.append, "inner")

    with recorded() as jobs:
        punch.push(outer)
        jobs.run()

    assert done == ["outer", "inner"]
    assert jobs == []


def test_modes_nest_and_restore() -> None:
    """The inner one ends where its block ends."""
    done: list[int] = []
    with recorded() as jobs:
        with inline():
            punch.push(done.append, 1)
        punch.push(done.append, 2)

    assert (done, len(jobs)) == ([1], 1)


def test_the_fixtures_come_with_the_package(pytester: pytest.Pytester) -> None:
    """punch_recorded and punch_inline, for a user's test without any import."""
    pytester.makepyfile(
        """
        import lambda_punch as punch

        def test_recorded(punch_recorded):
            punch.push(print, 1)
            assert [job.args for job in punch_recorded] == [(1,)]

        def test_inline(punch_inline):
            done = []
            punch.push(done.append, 1)
            assert done == [1]
        """
    )
    arguments = [] if _plugin_is_installed() else ["-p", "lambda_punch.testing.pytest_plugin"]

    pytester.runpytest_subprocess("-q", *arguments).assert_outcomes(passed=2)


def _plugin_is_installed() -> bool:
    from importlib.metadata import entry_points

    return any(entry.value == "lambda_punch.testing.pytest_plugin" for entry in entry_points(group="pytest11"))


def test_recorded_is_a_list() -> None:
    """So every assertion on lists works."""
    assert issubclass(Recorded, list)
