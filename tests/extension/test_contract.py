"""The two copies of the contract, and the record against hostile bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension import contract

ROOT = Path(__file__).parent.parent.parent
REQUEST_IDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=128)
NUMBERS = st.integers(0, 10**19)


def test_both_sides_have_the_same_contract() -> None:
    """Byte for byte: change one, change both, and raise the version if the meaning changes."""
    assert (ROOT / "extension/contract.py").read_bytes() == (ROOT / "lambda_punch/_contract.py").read_bytes()
    assert (ROOT / "extension/zeromq.py").read_bytes() == (ROOT / "lambda_punch/runtime/zeromq.py").read_bytes()


@given(NUMBERS, st.sampled_from(contract.STATES), NUMBERS, NUMBERS, REQUEST_IDS)
def test_a_record_is_read_as_it_was_written(
    sequence: int, state: str, pid: int, until_ms: int, request_id: str
) -> None:
    """Whatever a longer record left behind it in the file."""
    data = contract.encode_record(sequence, state, pid, until_ms, request_id)
    assert len(data) <= contract.RECORD_SIZE

    record = contract.parse_record(data + b"remains of a longer record\n")

    assert record is not None
    assert (record.sequence, record.state, record.pid) == (sequence, state, pid)
    assert (record.until_ms, record.request_id) == (until_ms, request_id)


@given(st.binary(max_size=600))
def test_other_bytes_are_no_record(data: bytes) -> None:
    """Nothing raises, and only what has the shape of a record is one."""
    record = contract.parse_record(data)
    contract.parse_greeting(data)

    assert record is None or record.state in contract.STATES


@given(NUMBERS, st.integers(0, 200), st.binary(min_size=1, max_size=3))
def test_a_damaged_record_is_no_record_of_another_request(sequence: int, place: int, damage: bytes) -> None:
    """A torn read shows, because the number at its two ends differs."""
    data = contract.encode_record(sequence, contract.JOBS, 4711, 17, "request")
    torn = contract.encode_record(sequence + 1, contract.JOBS, 4711, 17, "another")
    place = min(place, len(data) - 1)

    mixed = contract.parse_record(torn[:place] + data[place:])
    damaged = contract.parse_record(data[:place] + damage + data[place + len(damage) :])

    assert mixed is None or mixed.sequence in (sequence, sequence + 1)
    assert damaged is None or damaged.state in contract.STATES


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"lambda-punch\n", b"lambda-punch 1\n", b"lambda-punch x 1\n", b"\xff" * 9]
)
def test_what_is_no_greeting(data: bytes) -> None:
    """The library does not take such a file for an extension's."""
    assert contract.parse_greeting(data) is None


def test_the_rendezvous_is_one_for_both_and_another_for_each_environment() -> None:
    """It is made from what both processes know; LAMBDA_PUNCH_DIR wins."""
    assert contract.rendezvous("", "127.0.0.1:9001", 993) == "/tmp/lambda-punch-993-127-0-0-1-9001"
    assert contract.rendezvous("", "127.0.0.1:9002", 993) != contract.rendezvous("", "127.0.0.1:9001", 993)
    assert contract.rendezvous("/tmp/mine", "127.0.0.1:9001", 993) == "/tmp/mine"
