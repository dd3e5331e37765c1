"""User code's acts on its own process: the caller has its answer, and the job behind the act runs once per request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.acts import ACTS, IMPORTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Function

# These few are part of `make test`; all of them are part of `make test-faults`.
QUICK = {
    "process pool",
    "excepthooks raise",
    "error whose attributes raise",
    "modules deleted",
    "thread start refused",
    "clocks raise",
}


def _acts() -> list[object]:
    return [
        pytest.param(act, id=name, marks=[] if name in QUICK else [pytest.mark.faults]) for name, act in ACTS.items()
    ]


@pytest.mark.parametrize("with_extension", [True, False], ids=["extension", "alone"])
@pytest.mark.parametrize("act", _acts())
def test_an_act_of_a_job_harms_no_other_job_and_no_answer(
    function: Callable[..., Function], extension: Path, with_extension: bool, act: str
) -> None:
    """The act is done once; the two requests after it have their answers and their jobs as well, in the same process."""
    shop = function(
        f"""
        {IMPORTS}
        from pathlib import Path
        told = os.open(os.environ["NOTES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

        def say(word, write=os.write, told=told):
            write(told, word.encode())

        ACT = {act!r}
        space = dict(globals())
        exec("def act():\\n    " + ACT, space)

        @punch.handler
        def handler(event, context):
            punch.push(say, "before ")
            if event:
                punch.push(space["act"])
            punch.push(say, "after ")
            return "ok"
        """,
        extensions=[extension] if with_extension else [],
        timeout=10,
    )
    assert [shop.call(1), shop.call(0), shop.call(0)] == ["ok"] * 3
    assert shop.notes_file.read_text().split() == ["before", "after"] * 3
    assert shop.started.count("runtime") == 1
