"""``@job(cron=...)`` and ``@job(every=...)``: what is declared, what is refused, and when such a job is due."""

from __future__ import annotations

import itertools
import json
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import lambda_punch as punch
from lambda_punch.errors import JobOptionError
from lambda_punch.jobs import registry
from lambda_punch.jobs.receiving.routing import jobs_handler


def declared(**options: Any) -> Any:
    @punch.job(name="report", **options)
    def report(day: str = "today") -> None: ...

    return registry._jobs["report"].schedule


def due(schedule: Any, begin: str, count: int) -> list[str]:
    after = datetime.fromisoformat(begin).replace(tzinfo=timezone.utc).timestamp()
    moments = itertools.islice(schedule.after(after), count)
    return [f"{datetime.fromtimestamp(each, timezone.utc):%m-%d %H:%M}" for each in moments]


def test_a_job_without_a_schedule_has_none() -> None:
    assert declared() is None


@pytest.mark.parametrize(
    ("every", "expression"),
    [
        (60, "rate(1 minute)"), (90 * 60, "rate(90 minutes)"), (3600.0, "rate(1 hour)"), (timedelta(hours=36), "rate(36 hours)"),
        (timedelta(days=1), "rate(1 day)"), (timedelta(weeks=1), "rate(7 days)"),
    ],
)  # fmt: skip
def test_every_is_a_rate_of_the_largest_unit(every: Any, expression: str) -> None:
    assert declared(every=every).expression == expression


def test_cron_is_kept_in_six_fields_with_its_zone() -> None:
    schedule = declared(cron="0 8 * * mon", timezone="Europe/Berlin")

    assert (schedule.expression, schedule.timezone) == ("cron(0 8 ? * 2 *)", "Europe/Berlin")
    assert declared(cron="0 8 * * ? *").timezone == "UTC"


def test_a_local_time_follows_the_zone_through_the_year() -> None:
    """Eight in Berlin is seven in Greenwich in winter, and six in summer."""
    schedule = declared(cron="0 8 * * ? *", timezone="Europe/Berlin")

    assert due(schedule, "2026-03-27T12:00", 3) == ["03-28 07:00", "03-29 06:00", "03-30 06:00"]


def test_a_time_that_does_not_exist_is_left_out() -> None:
    """Clocks in Berlin go from two to three on 29 March 2026."""
    schedule = declared(cron="30 2 * * ? *", timezone="Europe/Berlin")

    assert due(schedule, "2026-03-27T12:00", 3) == ["03-28 01:30", "03-30 00:30", "03-31 00:30"]


@pytest.mark.parametrize("begin", ["2026-10-24T12:00", "2026-10-25T00:10"])
def test_a_time_that_comes_twice_counts_once(begin: str) -> None:
    """Clocks in Berlin go back from three to two on 25 October 2026."""
    schedule = declared(cron="30 2 * * ? *", timezone="Europe/Berlin")

    assert due(schedule, begin, 2) == ["10-25 00:30", "10-26 01:30"]
    assert due(schedule, "2026-10-25T01:10", 1) == ["10-26 01:30"]  # 2:10 for the second time


def test_every_counts_from_the_beginning() -> None:
    assert due(declared(every=timedelta(hours=2)), "2026-03-27T12:07", 2) == ["03-27 14:07", "03-27 16:07"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"cron": "0 8 * * * *"}, "report: cron='0 8 * * * *': one of day-of-month and day-of-week has to be ?"),
        ({"cron": 5}, "report: cron must be a text like '0 8 * * ? *', not 5"),
        ({"every": 30}, "report: every must be whole minutes from one to a year, as seconds or a timedelta, not 30"),
        ({"every": 90}, "report: every must be whole minutes"),
        ({"every": True}, "report: every must be whole minutes"),
        ({"every": float("nan")}, "report: every must be whole minutes"),
        ({"every": timedelta(days=400)}, "report: every must be whole minutes"),
        ({"every": 60, "cron": "0 8 * * ? *"}, "report: cron and every both say when the job is run; give one of them"),
        ({"every": 60, "timezone": "Europe/Berlin"}, "report: timezone goes with cron"),
        ({"timezone": "Europe/Berlin"}, "report: timezone says where a cron expression applies; give cron, too"),
        ({"cron": "0 8 * * ? *", "timezone": "Berlin"}, "report: timezone must be a name of the tz database like"),
        ({"cron": "0 8 * * ? *", "timezone": "../etc"}, "report: timezone must be a name of the tz database like"),
        ({"cron": "0 8 * * ? *", "timezone": ZoneInfo("UTC")}, "report: timezone must be a name of the tz database like"),
        ({"cron": "0 8 * * ? *", "backend": "memory"}, "report: the backend memory cannot do cron or every"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_where_it_is_declared(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(JobOptionError) as raised:
        declared(**options)
    assert str(raised.value).startswith(reason)


def test_an_argument_that_a_schedule_does_not_send_is_refused_where_it_is_declared() -> None:
    with pytest.raises(
        JobOptionError, match="greet: a schedule sends no arguments, and name needs one; give it a default"
    ):

        @punch.job(name="greet", every=60)
        def greet(name: str) -> None: ...


def test_a_call_cannot_change_the_schedule() -> None:
    @punch.job(name="report", every=60)
    def report() -> None: ...

    with pytest.raises(JobOptionError, match="there is no option 'every'"):
        report.using(every=120)  # type: ignore[call-arg]


def test_the_short_message_of_a_schedule_runs_the_job(builder: Any) -> None:
    """From a queue, and as the payload of an invoke; its id is the message's."""
    seen = []

    @punch.job(name="report", cron="0 8 * * ? *")
    def report(day: str = "today") -> None:
        execution = punch.jobs.current()
        assert execution is not None
        seen.append((day, execution.id, execution.attempt))

    short = {"lambda_punch": 1, "job": "report"}
    assert jobs_handler({"Records": [builder.record(body=json.dumps(short))]}) == {"batchItemFailures": []}
    jobs_handler(short)

    assert seen == [("today", "message-1", 1), ("today", "", 1)]
