"""Cron expressions in the six fields of EventBridge Scheduler: minutes hours day-of-month month day-of-week year.

They are checked here, because AWS checks them only at a deployment. Five fields are those of Unix; they are translated.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
"""

from __future__ import annotations

import calendar
import re
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_FIRST_YEAR, _LAST_YEAR = 1970, 2199
_NAMES = {
    "month": ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
    "day-of-week": ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"),
}
_BOUNDS = {
    "minutes": (0, 59), "hours": (0, 23), "day-of-month": (1, 31), "month": (1, 12), "day-of-week": (1, 7),
    "year": (_FIRST_YEAR, _LAST_YEAR),
}  # fmt: skip
_FIELDS = tuple(_BOUNDS)
_UNIX = len(_FIELDS) - 1
_UNIX_WEEK = "day-of-week of Unix"
_BOUNDS[_UNIX_WEEK] = (0, 7)
_LAST_OF_MONTH = re.compile(r"L\Z")
_LAST_WORKING_DAY = re.compile(r"LW\Z")
_WORKING_DAY_NEAR = re.compile(r"(\d+)W\Z")
_LAST_WEEKDAY = re.compile(r"(\w+)L\Z")
_NUMBERED_WEEKDAY = re.compile(r"(\w+)#(\d)\Z")
_WORKING_DAYS_END = 5  # date.weekday() of Saturday
_MOST_OF_A_WEEKDAY = 5  # in a month


class CronError(ValueError):
    """The expression is not one that EventBridge Scheduler takes; the text says why."""


class Cron(NamedTuple):
    """A checked expression. ``text`` has six fields. The days are those of ``month_days`` or, if that is ?, of ``week_days``."""

    text: str
    minutes: Sequence[int]
    hours: Sequence[int]
    month_days: str
    months: Sequence[int]
    week_days: str
    years: Sequence[int]

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Yield the local times after ``moment``, in order, all without a zone and in whole minutes."""
        first = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        for day in self._days(first.date()):
            earliest = first.time() if day == first.date() else time.min
            for hour in self.hours:
                for minute in self.minutes:
                    if time(hour, minute) >= earliest:
                        yield datetime.combine(day, time(hour, minute))

    def _days(self, first: date) -> Iterator[date]:
        for year in self.years:
            for month in self.months if year >= first.year else ():
                if (year, month) >= (first.year, first.month):
                    for day in sorted(self._days_of(year, month)):
                        if (found := date(year, month, day)) >= first:
                            yield found

    def _days_of(self, year: int, month: int) -> set[int]:
        last = calendar.monthrange(year, month)[1]
        if self.month_days != "?":
            return _by_month(self.month_days, year, month, last)
        weekdays = [date(year, month, day).isoweekday() % 7 + 1 for day in range(1, last + 1)]  # 1 is Sunday
        return _by_week(self.week_days, weekdays)


def parse(text: str) -> Cron:
    """Check an expression, with or without ``cron(...)`` round it. Raises CronError, with what is wrong in it."""
    inner = re.sub(r"\A\s*cron\((.*)\)\s*\Z", r"\1", text, flags=re.DOTALL)
    fields = inner.upper().split()
    if len(fields) == _UNIX:
        fields = _from_unix(fields)
    if len(fields) != len(_FIELDS):
        raise CronError(f"it has {len(fields)} fields, not the six of EventBridge ({' '.join(_FIELDS)})")
    by_name = dict(zip(_FIELDS, fields, strict=True))
    month_days, week_days = by_name["day-of-month"], by_name["day-of-week"]
    if (month_days == "?") == (week_days == "?"):
        raise CronError("one of day-of-month and day-of-week has to be ?, and the other one says the days")
    _check_month_days(month_days)
    _check_week_days(week_days)
    cron = Cron(
        " ".join(fields), _values("minutes", by_name["minutes"]), _values("hours", by_name["hours"]), month_days,
        _values("month", by_name["month"]), week_days, _values("year", by_name["year"]),
    )  # fmt: skip
    if next(cron.after(datetime(_FIRST_YEAR, 1, 1) - timedelta(minutes=1)), None) is None:  # noqa: DTZ001 - a local time
        raise CronError("there is no such day")
    return cron


def _from_unix(fields: list[str]) -> list[str]:
    """Translate the five fields of Unix, where the days of a week are 0 to 7 and there is no ?."""
    minutes, hours, month_days, months, week_days = fields
    if week_days == "*":
        week_days = "?"
    elif month_days == "*":
        for number, name in enumerate(_NAMES["day-of-week"]):
            week_days = week_days.replace(name, str(number))
        month_days = "?"
        week_days = ",".join(map(str, sorted({day % 7 + 1 for day in _values(_UNIX_WEEK, week_days)})))
    else:
        raise CronError("EventBridge cannot take both days of the month and days of the week; declare two jobs")
    stepped = (
        re.sub(r"\A\*/", f"{first}/", field)
        for field, first in ((minutes, 0), (hours, 0), (month_days, 1), (months, 1))
    )
    return [*stepped, week_days, "*"]


def _values(name: str, field: str) -> list[int]:
    """Return the values that a field of numbers means, in order."""
    least, most = _BOUNDS[name]
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        if slash and (not step.isdecimal() or not int(step)):
            raise CronError(f"{name}: {part} has no whole number from 1 behind its /")
        first, dash, last = span.partition("-")
        begin = least if first == "*" and not dash else _value(name, first)
        end = _value(name, last) if dash else most if slash or first == "*" else begin
        if begin > end:
            raise CronError(f"{name}: {part} ends before it begins; write two ranges")
        found.update(range(begin, end + 1, int(step) if slash else 1))
    return sorted(found)


def _value(name: str, text: str) -> int:
    least, most = _BOUNDS[name]
    names = _NAMES.get(name, ())
    if text in names:
        return names.index(text) + 1
    if not (text.isascii() and text.isdecimal()) or not least <= int(text) <= most:
        known = f", or {names[0]} to {names[-1]}" if names else ""
        raise CronError(f"{name}: {text or 'nothing'} is not a number from {least} to {most}{known}")
    return int(text)


def _check_month_days(field: str) -> None:
    if field == "?" or _LAST_OF_MONTH.match(field) or _LAST_WORKING_DAY.match(field):
        return
    near = _WORKING_DAY_NEAR.match(field)
    _values("day-of-month", near[1] if near else field)


def _check_week_days(field: str) -> None:
    if field in {"?", "L"}:
        return
    if numbered := _NUMBERED_WEEKDAY.match(field):
        _value("day-of-week", numbered[1])
        if not 1 <= int(numbered[2]) <= _MOST_OF_A_WEEKDAY:
            raise CronError(f"day-of-week: {field} has no number from 1 to {_MOST_OF_A_WEEKDAY} behind its #")
        return
    if "/" in field:
        raise CronError("day-of-week cannot have a step; list the days")
    last = _LAST_WEEKDAY.match(field)
    _values("day-of-week", last[1] if last else field)


def _by_month(field: str, year: int, month: int, last: int) -> set[int]:
    if _LAST_OF_MONTH.match(field):
        return {last}
    if _LAST_WORKING_DAY.match(field):
        return {_working_day_near(year, month, last, last)}
    if near := _WORKING_DAY_NEAR.match(field):
        return {_working_day_near(year, month, int(near[1]), last)} if int(near[1]) <= last else set()
    return {day for day in _values("day-of-month", field) if day <= last}


def _working_day_near(year: int, month: int, day: int, last: int) -> int:
    """Return the day from Monday to Friday that is nearest, in the same month."""
    beyond = date(year, month, day).weekday() - _WORKING_DAYS_END
    if beyond < 0:
        return day
    if beyond == 0:  # Saturday
        return day - 1 if day > 1 else day + 2
    return day + 1 if day < last else day - 2


def _by_week(field: str, weekdays: Sequence[int]) -> set[int]:
    """Return the days of a month, of whose days these are the days of the week, 1 for Sunday."""
    if field == "L":
        field = "7"
    if numbered := _NUMBERED_WEEKDAY.match(field):
        days = [day for day, weekday in enumerate(weekdays, 1) if weekday == _value("day-of-week", numbered[1])]
        return set(days[int(numbered[2]) - 1 : int(numbered[2])])
    if last := _LAST_WEEKDAY.match(field):
        wanted = _value("day-of-week", last[1])
        return {max(day for day, weekday in enumerate(weekdays, 1) if weekday == wanted)}
    wanted_days = _values("day-of-week", field)
    return {day for day, weekday in enumerate(weekdays, 1) if weekday in wanted_days}
