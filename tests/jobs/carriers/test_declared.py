"""What annotations do to a job: refused where nothing can carry them, carried by each way, and told where they do not fit."""

# ruff: noqa: UP007, UP045 - both ways to write a union have to work
from __future__ import annotations

import dataclasses
import enum
import io
import json
import subprocess
import sys
from datetime import date, datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, TypedDict, Union

import msgspec
import pydantic
import pytest

import lambda_punch as punch
from lambda_punch.jobs import JobArgumentsError, JobOptionError, jobs_handler
from lambda_punch.testing import enqueued

if TYPE_CHECKING:
    from fractions import Fraction

    from lambda_punch.testing import EnqueuedJobs

ROOT = Path(__file__).parents[3]
WHEN = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


class Currency(enum.Enum):
    EUR = "EUR"


@dataclasses.dataclass
class Money:
    amount: int
    currency: Currency = Currency.EUR


@dataclasses.dataclass
class Loan(Money):
    until: date = date.min


@dataclasses.dataclass
class Handle:
    file: io.StringIO


class Account(TypedDict):
    owner: str
    since: date


class Secret(pydantic.BaseModel):
    key: pydantic.SecretStr


class Point(msgspec.Struct):
    x: float


def declare(function: Any, name: str = "pay") -> Any:
    return punch.job(name=name, queue="jobs")(function)


@pytest.fixture
def jobs() -> Any:
    with enqueued() as found:
        yield found


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (io.StringIO, r"pay: parameter it is annotated as StringIO, which no message can carry; .*one of: datetime"),
        ("io.StringIO", r"parameter it is annotated as StringIO"),
        (list[Handle], r"parameter it\.file is annotated as StringIO"),
        (dict[Money, int], "has keys of type Money"),
        (Union[set[int], frozenset[int], Any], "a union with Any"),
        (Union[list[date], list[datetime]], "could not say which of the types it is"),
        (complex, "annotated as complex"),
    ],
)
def test_an_annotation_that_nothing_can_carry_is_refused_when_it_is_declared(annotation: Any, message: str) -> None:
    """The error names the job, the parameter and what can be used."""

    def pay(it: Any) -> None: ...

    pay.__annotations__["it"] = annotation
    with pytest.raises(JobOptionError, match=message):
        declare(pay)


def test_a_job_gets_what_was_given_to_enqueue_also_at_a_retry(jobs: EnqueuedJobs) -> None:
    """Through the memory backend, which converts as SQS does, and though the first attempt spoils its own."""
    seen: list[Any] = []

    def pay(what: Money, *dates: date, account: Account, tags: list[str]) -> None:
        seen.append((dataclasses.replace(what), dates, account, list(tags)))
        what.amount = 0
        tags.append("seen")
        if len(seen) == 1:
            raise ConnectionError

    job = declare(pay)
    given = Money(5), date.max, date.min
    account: Account = {"owner": "Ann", "since": date(2020, 1, 1)}
    job.enqueue(*given, account=account, tags=["a"])
    assert next(iter(jobs)).args == [{"amount": 5, "currency": "EUR"}, "9999-12-31", "0001-01-01"]
    jobs.run()

    assert seen == [(Money(5), (date.max, date.min), account, ["a"])] * 2


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (datetime, "2026-03-01", "argument 1 is a str, not a datetime"),
        (date, WHEN, "argument 1 is a datetime.datetime, not a date"),
        (Money, Loan(1), r"argument 1 is a .*Loan, not a Money"),
        (Money, Money("5"), r"argument 1\.amount is a str, not a int"),  # type: ignore[arg-type]
        (list[Money], [Money(1), Money(2, "EUR")], r"argument 1\[1\]\.currency is a str, not a Currency"),  # type: ignore[arg-type]
        (Account, {"owner": "Ann"}, "argument 1 lacks 'since', which Account needs"),
        (Account, {"owner": "Ann", "since": date.min, "x": 1}, "argument 1 has 'x', which Account does not have"),
        (Secret, Secret(key=pydantic.SecretStr("k")), "argument 1 would arrive as another Secret"),
        (Point, Point(float("nan")), r"argument 1\['x'\] is nan, which JSON does not have"),
    ],
)
def test_a_value_that_would_not_arrive_as_it_was_sent_is_refused(annotation: Any, value: Any, message: str) -> None:
    """When it is sent, with the place of what is wrong."""

    def pay(it: Any) -> None: ...

    pay.__annotations__["it"] = annotation
    with pytest.raises(JobArgumentsError, match=message):
        declare(pay).prepare(value)


def test_a_default_of_none_allows_none(jobs: EnqueuedJobs) -> None:
    """As type checkers used to."""
    seen: list[Any] = []

    def pay(at: datetime = None) -> None:  # type: ignore[assignment]  # noqa: RUF013 - people write it
        seen.append(at)

    job = declare(pay)
    for each in ((), (None,), (WHEN,)):
        job.enqueue(*each)
    jobs.run()

    assert seen == [None, None, WHEN]


@pytest.mark.parametrize(
    ("annotation", "args", "reason"),
    [
        (datetime, ["yesterday"], "at is not a date and time in ISO 8601"),
        (Money, [{"amount": 1, "cents": 2}], "at has 'cents', which Money does not have"),
        (Money, [{"currency": "EUR"}], "at lacks 'amount', which Money needs"),
        (Money, [{"amount": 1, "currency": "USD"}], r"at.currency is not the str of a Currency"),
        (list[Point], [[{"x": "1"}]], r"at[0] does not fit Point: Expected `float`, got `str` - at `$.x`"),
        (Secret, [{"key": 1}], "at.key does not fit Secret: Input should be a valid string"),
        (Optional[date], [5], "at is a int, not a date in ISO 8601"),
        (datetime, [], "missing a required argument: 'at'"),
    ],
)
def test_a_message_that_does_not_fit_its_function_any_more_is_dead_with_the_reason(
    run: Any, builder: Any, deliveries: Any, caplog: Any, annotation: Any, args: list[Any], reason: str
) -> None:
    """It is never run, and not retried: like any message that cannot be run, it is moved at its third receive."""

    def pay(at: Any) -> None:
        raise AssertionError

    pay.__annotations__["at"] = annotation
    declare(pay)
    body = json.dumps({"lambda_punch": 1, "job": "pay", "args": args})
    run(builder.record(body=body, receives=1))
    assert (deliveries.dead, deliveries.sent) == ([], [])  # a release that is going out may have sent it
    run(builder.record(body=body, receives=3))

    assert [copy.attributes["Reason"] for copy in deliveries.dead] == [
        f"poison: its arguments do not fit pay: {reason}"
    ]
    assert "yesterday" not in caplog.text


def test_an_asynchronous_invoke_brings_the_same(context: Any) -> None:
    """Its event is the message."""
    seen: list[Any] = []

    def pay(at: datetime) -> None:
        seen.append(at)

    body = punch.job(name="pay", backend="lambda_event")(pay).prepare(WHEN).outgoing.body
    jobs_handler(json.loads(body), context)

    assert seen == [WHEN]


def test_a_name_that_is_defined_later_is_looked_up_when_the_job_is_sent() -> None:
    """It is refused then, if nothing can carry it."""
    names: dict[str, Any] = {"punch": punch, "__name__": "later"}
    code = "from __future__ import annotations\n@punch.job(name='later')\ndef later(it: Later): ..."
    exec(code, names)
    job = names["later"]
    with pytest.raises(
        JobArgumentsError, match=r"argument 1 is a .*Money, which JSON .*name 'Later' is not defined; import it"
    ):
        job.prepare(Money(1))
    names["Later"] = Money
    assert json.loads(job.prepare(Money(1)).outgoing.body)["args"] == [{"amount": 1, "currency": "EUR"}]


def test_a_name_that_only_type_checkers_know_takes_what_json_has() -> None:
    """The error for anything else says why."""

    def pay(it: Fraction) -> None: ...

    job = declare(pay)
    job.prepare("1/2")
    with pytest.raises(JobArgumentsError, match="name 'Fraction' is not defined; import it where the program runs"):
        job.prepare({1, 2})


def test_plain_annotations_import_nothing() -> None:
    """Neither what finds carriers nor a package of models."""
    code = """
import sys, lambda_punch as punch
def plain(a: int, b: "str", c: list, d=5, *e, f: bool = True, **g) -> None: ...
punch.job(plain).prepare(1, "", [])
print([name for name in sys.modules if "carriers" in name or name.split(".")[0] in ("pydantic", "msgspec")])
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)

    assert ran.stdout.strip() == str(
        ["lambda_punch.jobs.carriers", "lambda_punch.jobs.carriers.carrier", "lambda_punch.jobs.carriers.arguments"]
    )


def test_a_call_that_has_fitted_once_says_nothing_of_another() -> None:
    """What is remembered is the number of arguments and their names."""

    @punch.job(name="add")
    def add(a: int, b: int = 0, *, c: int = 0) -> None: ...

    for args, kwargs in (((1,), {}), ((1, 2), {}), ((1,), {"c": 3})):
        for _ in range(2):
            add.prepare(*args, **kwargs)
    for args, kwargs in (((), {}), ((1, 2, 3), {}), ((1,), {"d": 3}), ((1,), {"a": 1}), ((), {"c": 3})):
        for _ in range(2):
            with pytest.raises(JobArgumentsError):
                add.prepare(*args, **kwargs)
