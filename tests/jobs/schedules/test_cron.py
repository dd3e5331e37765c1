"""Cron expressions as EventBridge Scheduler understands them, compared with dates that were worked out by hand."""

from __future__ import annotations

import itertools
from datetime import datetime

import pytest

from lambda_punch.jobs.schedules.cron import CronError, parse

BEGIN = datetime(2026, 1, 30, 10, 7)  # noqa: DTZ001 - a local time, on a Friday


def runs(expression: str, count: int = 4) -> list[str]:
    return [f"{each:%Y-%m-%d %H:%M}" for each in itertools.islice(parse(expression).after(BEGIN), count)]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 8 * * ? *", ["2026-01-31 08:00", "2026-02-01 08:00", "2026-02-02 08:00", "2026-02-03 08:00"]),
        ("0/15 * * * ? *", ["2026-01-30 10:15", "2026-01-30 10:30", "2026-01-30 10:45", "2026-01-30 11:00"]),
        ("5,10 8-17/3 * * ? *", ["2026-01-30 11:05", "2026-01-30 11:10", "2026-01-30 14:05", "2026-01-30 14:10"]),
        ("0 10 L * ? *", ["2026-01-31 10:00", "2026-02-28 10:00", "2026-03-31 10:00", "2026-04-30 10:00"]),
        ("0 10 LW * ? *", ["2026-02-27 10:00", "2026-03-31 10:00", "2026-04-30 10:00", "2026-05-29 10:00"]),
        ("0 7 1W * ? *", ["2026-02-02 07:00", "2026-03-02 07:00", "2026-04-01 07:00", "2026-05-01 07:00"]),
        ("0 7 15W * ? *", ["2026-02-16 07:00", "2026-03-16 07:00", "2026-04-15 07:00", "2026-05-15 07:00"]),
        ("0 7 31W * ? *", ["2026-01-30 07:00", "2026-03-31 07:00", "2026-05-29 07:00", "2026-07-31 07:00"][1:]),
        ("0 0 ? * MON-FRI *", ["2026-02-02 00:00", "2026-02-03 00:00", "2026-02-04 00:00", "2026-02-05 00:00"]),
        ("0 0 ? * L *", ["2026-01-31 00:00", "2026-02-07 00:00", "2026-02-14 00:00", "2026-02-21 00:00"]),
        ("0 0 ? * 6L *", ["2026-02-27 00:00", "2026-03-27 00:00", "2026-04-24 00:00", "2026-05-29 00:00"]),
        ("0 0 ? * MON#1 *", ["2026-02-02 00:00", "2026-03-02 00:00", "2026-04-06 00:00", "2026-05-04 00:00"]),
        ("0 0 ? * 3#5 *", ["2026-03-31 00:00", "2026-06-30 00:00", "2026-09-29 00:00", "2026-12-29 00:00"]),
        ("0 0 29 2 ? *", ["2028-02-29 00:00", "2032-02-29 00:00", "2036-02-29 00:00", "2040-02-29 00:00"]),
        ("0 0 1 JAN,jul ? 2026-2027", ["2026-07-01 00:00", "2027-01-01 00:00", "2027-07-01 00:00"]),
        ("cron(0 0 1 1 ? 2020)", []),
    ],
)
def test_the_days_and_times_that_are_meant(expression: str, expected: list[str]) -> None:
    assert runs(expression, max(1, len(expected))) == expected


@pytest.mark.parametrize(
    ("unix", "six"),
    [
        ("0 8 * * *", "0 8 * * ? *"),
        ("*/5 * * * *", "0/5 * * * ? *"),
        ("0 0 */2 */3 *", "0 0 1/2 1/3 ? *"),
        ("30 6 * * 1-5", "30 6 ? * 2,3,4,5,6 *"),
        ("30 6 * * mon,SUN", "30 6 ? * 1,2 *"),
        ("30 6 * * 5-7", "30 6 ? * 1,6,7 *"),
        ("30 6 * * */2", "30 6 ? * 1,3,5,7 *"),
        ("0 0 1 * *", "0 0 1 * ? *"),
    ],
)
def test_the_five_fields_of_unix_are_translated(unix: str, six: str) -> None:
    """There Sunday is 0 or 7, and here it is 1."""
    assert parse(unix).text == six


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("0 8 * *", "it has 4 fields, not the six of EventBridge"),
        ("@daily", "it has 1 fields, not the six of EventBridge"),
        ("0 8 * * * *", "one of day-of-month and day-of-week has to be ?"),
        ("0 8 ? * ? *", "one of day-of-month and day-of-week has to be ?"),
        ("0 8 13 * 5", "EventBridge cannot take both days of the month and days of the week; declare two jobs"),
        ("60 8 * * ? *", "minutes: 60 is not a number from 0 to 59"),
        ("0 24 * * ? *", "hours: 24 is not a number from 0 to 23"),
        ("0 8 0 * ? *", "day-of-month: 0 is not a number from 1 to 31"),
        ("0 8 * MARCH ? *", "month: MARCH is not a number from 1 to 12, or JAN to DEC"),
        ("0 8 ? * 0 *", "day-of-week: 0 is not a number from 1 to 7, or SUN to SAT"),
        ("0 8 ? * FRI-MON *", "day-of-week: FRI-MON ends before it begins; write two ranges"),
        ("0 8 ? * 2/2 *", "day-of-week cannot have a step"),
        ("0 8 ? * 2#6 *", "day-of-week: 2#6 has no number from 1 to 5 behind its #"),
        ("0/0 8 * * ? *", "minutes: 0/0 has no whole number from 1 behind its /"),
        ("1,, 8 * * ? *", "minutes: nothing is not a number"),
        ("0 8 30 FEB ? *", "there is no such day"),
        ("0 8 29 2 ? 2027", "there is no such day"),
        ("² 8 * * ? *", "minutes: ² is not a number"),
        ("0 8 * * ? 2200", "year: 2200 is not a number from 1970 to 2199"),
        ("0 8 {x} * *", "day-of-month: {X} is not a number"),
    ],
)
def test_what_cannot_be_is_refused_with_the_field_and_the_reason(expression: str, reason: str) -> None:
    with pytest.raises(CronError) as raised:
        parse(expression)
    assert str(raised.value).startswith(reason)
