"""gevent and eventlet put green threads in the place of real ones: the function answers, and jobs run."""

from __future__ import annotations

import importlib.util
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Function

PATCHES = {
    "gevent": "from gevent import monkey; monkey.patch_all()",
    "gevent without threads": "from gevent import monkey; monkey.patch_all(thread=False)",
    "eventlet": "import eventlet; eventlet.monkey_patch()",
}


@pytest.mark.parametrize("with_extension", [True, False], ids=["extension", "alone"])
@pytest.mark.parametrize("when", ["before start()", "after start()", "in the handler"])
@pytest.mark.parametrize("library", PATCHES)
def test_the_function_answers_and_its_jobs_run(
    function: Callable[..., Function], extension: Path, with_extension: bool, when: str, library: str
) -> None:
    """Plain and async jobs, after the response; one ERROR line says what this means."""
    if importlib.util.find_spec(library.partition(" ")[0]) is None:
        pytest.skip(f"{library} is not installed")
    patch = PATCHES[library]
    shop = function(
        "\n".join([
            "import asyncio",
            "import os",
            patch if when == "before start()" else "",
            "import threading, time",
            "import lambda_punch as punch",
            "punch.start()",
            patch if when == "after start()" else "",
            "def note(*words):",
            "    with open(os.environ['NOTES'], 'a') as notes:",
            "        notes.write(' '.join(map(str, (time.monotonic(), *words))) + chr(10))",
            "async def later(number):",
            "    await asyncio.sleep(0)",
            "    note('async', number)",
            "@punch.handler",
            "def handler(event, context):",
            f"    if event == 1 and {when == 'in the handler'}:",
            f"        {patch}",
            "    time.sleep(0.01)",
            "    punch.push(note, event)",
            "    punch.push(later, event)",
            "    return event",
        ]),
        prelude="",
        extensions=[extension] if with_extension else [],
        timeout=5,
    )  # fmt: skip

    began = time.monotonic()
    assert [shop.call(number) for number in (0, 1, 2)] == [0, 1, 2]
    late = library == "eventlet" and when == "in the handler"  # its patch breaks locks in use: one request is held
    assert time.monotonic() - began < (9 if late else 4)
    assert shop.told == ["0", "async 0", "1", "async 1", "2", "async 2"]
    replaced = library != "gevent without threads"
    assert len(shop.said("has replaced threads, so jobs run on the main thread")) == replaced
