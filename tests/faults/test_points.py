"""The table of points is true. It is part of `make quick`: a rename is noticed at once, and not by the long matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from . import hooks
from .harness import Environment
from .points import MESSAGES, POINTS, POINTS_ALONE, Message, Point

if TYPE_CHECKING:
    from pathlib import Path

FUNCTIONS = sorted({each.where for each in (*POINTS, *POINTS_ALONE, *MESSAGES) if ":" in each.where})


@pytest.mark.parametrize("where", FUNCTIONS)
def test_every_function_of_the_table_exists(where: str) -> None:
    """Under this name, in this module."""
    _, _, function = hooks.find(where)

    assert callable(function)


@pytest.mark.parametrize(
    ("points", "messages"), [(POINTS, MESSAGES), (POINTS_ALONE, [])], ids=["with the extension", "alone"]
)
def test_every_point_is_passed(
    points: list[Point], messages: list[Message], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """In one life without a fault: two invokes, one whose jobs come too late for it, and the shutdown."""
    extension = request.getfixturevalue("extension") if points is POINTS else None
    traced = [as_traced(each) for each in points] + [f"{each.process} before {each.where}" for each in messages]
    life = Environment(tmp_path, extension, {"trace": ",".join(dict.fromkeys(traced))}, early=True)
    try:
        with life.function:
            for name, late in (("first", False), ("second", False), ("last", True)):
                life.invoke(name, 6, late=late)
                life.function.wait_idle(timeout=15)
        life.controller.hear_out()
        passed = life.controller.about("passed")

        assert [each.name for each in points if as_told(each) not in passed] == []
        assert [each.name for each in messages if passed.count(f"{each.process} before {each.where}") < each.hit] == []
    finally:
        life.function.shutdown(abandon=True)
        life.controller.close()


def as_traced(point: Point) -> str:
    return f"{point.process} {point.when} {point.where}"


def as_told(point: Point) -> str:
    """What the hooks tell of a point; one in the function's own code has no process of its own."""
    return as_traced(point) if ":" in point.where else f"here {point.where}"
