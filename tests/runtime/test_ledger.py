"""The ledger: what another process reads there when this one has died."""

from __future__ import annotations

import functools
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lambda_punch import _contract
from lambda_punch.runtime.ledger import Ledger

if TYPE_CHECKING:
    from pathlib import Path

SLOTS = (_contract.LEDGER_SIZE - _contract.LEDGER_SLOTS) // 2


def read(directory: Path) -> dict[str, int]:
    jobs = _contract.parse_ledger((directory / f"jobs-{os.getpid()}").read_bytes())
    assert jobs is not None
    return jobs


def job() -> None: ...


class Callee:
    def __call__(self) -> None: ...

    def method(self) -> None: ...


def test_jobs_are_counted_by_name_until_they_are_settled(tmp_path: Path) -> None:
    """Functions, methods, partials and objects that can be called."""
    ledger = Ledger(str(tmp_path))
    functions = [job, job, Callee().method, functools.partial(job), Callee(), print]
    numbers = [ledger.enter(function) for function in functions]

    names = {name.rpartition(".")[2]: count for name, count in read(tmp_path).items()}
    assert names == {"job": 3, "method": 1, "Callee": 1, "print": 1}
    for number in numbers:
        ledger.settle(number)
    assert read(tmp_path) == {}


def test_what_finds_no_room_is_counted_as_others_or_not_at_all(tmp_path: Path) -> None:
    """Names beyond 16 KB are counted as others; jobs beyond the slots are not counted, so no entry is overwritten."""
    ledger = Ledger(str(tmp_path))

    def named(number: int) -> Any:
        def function() -> None: ...

        function.__qualname__ = f"{number:05}" * 50
        return function

    numbers = [ledger.enter(named(number)) for number in range(SLOTS)]
    found = read(tmp_path)
    assert sum(found.values()) == SLOTS
    assert found["(others)"] > SLOTS - 100

    assert ledger.enter(job) == 0
    ledger.settle(0)
    ledger.settle(numbers[1])
    assert sum(read(tmp_path).values()) == SLOTS - 1


@pytest.mark.parametrize("name", [None, 7, "new\nline", "nul\0", "ümlaut", "x" * 5000])
def test_no_name_makes_a_push_fail(tmp_path: Path, name: Any) -> None:
    """Whatever an object says its name is."""

    class Odd:
        __qualname__ = "Odd"

        def __call__(self) -> None: ...

    odd = Odd()
    odd.__qualname__ = name
    odd.__module__ = name
    ledger = Ledger(str(tmp_path))

    ledger.enter(odd)
    ledger.enter(job)

    found = read(tmp_path)
    assert sum(found.values()) == 2
    assert all(text.isprintable() and len(text) <= 300 for text in found)


def test_threads_lose_no_entry(tmp_path: Path) -> None:
    """Eight push and settle at the same time."""
    ledger = Ledger(str(tmp_path))

    def work() -> None:
        for number in [ledger.enter(job) for _ in range(500)][1:]:
            ledger.settle(number)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert list(read(tmp_path).values()) == [8]


def test_a_second_ledger_of_one_process_is_refused(tmp_path: Path) -> None:
    """And a link put in its place is not followed."""
    (tmp_path / f"jobs-{os.getpid()}").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(FileExistsError):
        Ledger(str(tmp_path))
    assert not (tmp_path / "elsewhere").exists()


@given(st.binary(max_size=200), st.integers(0, _contract.LEDGER_SIZE - 200))
def test_other_bytes_are_read_without_harm(data: bytes, place: int) -> None:
    """Whatever a ledger holds: names are printable and bounded, and there are at most as many jobs as slots."""
    ledger = bytearray(_contract.LEDGER_SIZE)
    ledger[: len(_contract.LEDGER_GREETING)] = _contract.LEDGER_GREETING
    ledger[place : place + len(data)] = data

    found = _contract.parse_ledger(bytes(ledger))

    for name, count in (found or {}).items():
        assert name.isprintable()
        assert len(name) <= 4 * _contract.LEDGER_NAME_SIZE + 2
        assert 0 < count <= SLOTS
    assert _contract.parse_ledger(data) is None


class LedgerMachine(RuleBasedStateMachine):
    """Jobs are entered and settled in any order, and a reader sees those that are open."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile
        from pathlib import Path

        self.home = tempfile.TemporaryDirectory()
        self.directory = Path(self.home.name)
        self.ledger = Ledger(self.home.name)
        self.open: list[int] = []

    @rule()
    def enter(self) -> None:
        self.open.append(self.ledger.enter(job))

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        self.ledger.settle(self.open.pop(data.draw(st.integers(0, len(self.open) - 1))))

    @invariant()
    def it_tells_what_is_open(self) -> None:
        assert sum(read(self.directory).values()) == len(self.open)

    def teardown(self) -> None:
        self.home.cleanup()


test_the_ledger_tells_what_is_open = LedgerMachine.TestCase
