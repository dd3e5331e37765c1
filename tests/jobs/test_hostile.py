"""Whatever an event holds: no crash, the good records are done, the bad ones are reported."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambda_punch.jobs import is_jobs_event, jobs_handler
from lambda_punch.jobs.message import Message, Poison, decode, encode, size_of
from lambda_punch.jobs.receiving import record
from lambda_punch.jobs.receiving.routing import run_batch

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    "messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfBody", "eventSource",
    "eventSourceARN", "awsRegion",
]  # fmt: skip
ATTRIBUTES = ["ApproximateReceiveCount", "SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"]
QUICK = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    import logging

    logging.getLogger("lambda_punch").setLevel("CRITICAL")
    yield
    logging.getLogger("lambda_punch").setLevel("ERROR")


@QUICK
@given(data=st.data())
def test_malformed_records_do_not_disturb_the_good_ones(
    data: st.DataObject, builder: Any, note: Any, done: Any, deliveries: Any
) -> None:
    """On top of the documented shape anything may be missing, or of any other kind."""
    done.clear()
    deliveries.changes.clear()
    records: list[Any] = [builder.record(note.prepare(number)) for number in range(3)]
    good = [each["messageId"] for each in records]
    bad = []
    for index in range(data.draw(st.integers(1, 3))):
        broken = builder.record(note.prepare("bad"))
        for field in data.draw(st.lists(st.sampled_from(FIELDS[1:]), min_size=1, unique=True)):
            if field == "attributes" and data.draw(st.booleans()):
                broken["attributes"][data.draw(st.sampled_from(ATTRIBUTES))] = data.draw(JSON)
            else:
                broken[field] = data.draw(JSON)
        broken["body"] = data.draw(st.text() | JSON.map(json.dumps) | JSON)
        bad.append(broken["messageId"])
        records.insert(data.draw(st.integers(1, len(records))), broken)
        assert index < 3

    response = run_batch({"Records": records}, None, deliveries)

    reported = [failure["itemIdentifier"] for failure in response["batchItemFailures"]]
    assert sorted(reported) == sorted(bad)
    assert done == [0, 1, 2]
    assert not set(good) & set(deliveries.changes)


@QUICK
@given(
    event=JSON
    | st.fixed_dictionaries(
        {"Records": st.lists(JSON | st.fixed_dictionaries({"eventSource": st.just("aws:sqs"), "body": JSON}))}
    )
)
def test_any_event_can_be_asked_about(event: Any) -> None:
    """And an SQS event can be handled; every record of it is reported, since none is a job."""
    assert is_jobs_event(event) in (True, False)
    records = record.records_of(event)
    if records:
        assert len(jobs_handler(event)["batchItemFailures"]) >= 1


@QUICK
@given(body=JSON | JSON.map(json.dumps) | st.text())
def test_a_body_is_read_or_poison(body: Any) -> None:
    """Never an exception."""
    assert isinstance(decode(body), Poison)


@QUICK
@given(
    st.builds(
        Message, st.text(), st.text(), st.lists(JSON, max_size=3), st.dictionaries(st.text(), JSON, max_size=3),
        st.integers(0, 2**50), st.integers(1, 100), st.integers(0, 900), st.none() | st.text(min_size=1),
        st.integers(0, 2**50), st.none() | st.text(min_size=1), st.none() | st.text(min_size=1),
        st.none() | st.integers(0, 12), st.none() | st.floats(0.001, 5400),
        *[st.none() | st.text(min_size=1)] * 4, st.none() | st.integers(0, 2**50), st.none() | st.text(min_size=1),
    )
)  # fmt: skip
def test_what_is_encoded_is_decoded(message: Message) -> None:
    """The same, with only characters that SQS takes, and each of them as few bytes as it is in UTF-8."""

    body = encode(message)

    assert decode(body) == message
    assert not re.search("[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", body)
    assert size_of(body) == len(body.encode())
