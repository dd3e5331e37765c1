"""When a recurring job is due: ``@job(cron=...)`` or ``@job(every=...)``, checked where it is declared."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from lambda_punch.errors import JobOptionError
from lambda_punch.jobs.schedules import cron as crons

if TYPE_CHECKING:
    import inspect
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

UTC = "UTC"
_MINUTE = 60
_UNITS = ((86_400, "day"), (3_600, "hour"), (_MINUTE, "minute"))  # the largest that fits is used
_LONGEST = 366 * 86_400


class Schedule(NamedTuple):
    """One job's schedule. ``seconds`` between two runs, or a ``cron`` expression in a time zone."""

    expression: str  # as EventBridge Scheduler takes it: cron(...) or rate(...)
    timezone: str
    seconds: int | None
    cron: crons.Cron | None

    def after(self, moment: float) -> Iterator[float]:
        """Yield the times after ``moment`` at which the job is due, all in epoch seconds.

        With ``every`` they are counted from ``moment``; on AWS, from the time when the schedule is made. A local time
        that does not exist, because clocks go forward, is left out. One that comes twice counts once. EventBridge
        Scheduler does the same. Raises JobOptionError if the zone is not known on this machine.
        """
        if self.cron is None:
            while True:
                moment += self.seconds or 0
                yield moment
        zone = _zone(self.timezone)
        for local in self.cron.after(datetime.fromtimestamp(moment, zone).replace(tzinfo=None)):
            due = local.replace(tzinfo=zone)
            at = due.timestamp()
            if at > moment and datetime.fromtimestamp(at, zone).replace(tzinfo=None) == local:
                yield at


def declare(name: str, cron: Any, every: Any, zone: Any, signature: inspect.Signature) -> Schedule:
    """Return the schedule that a job declares. Raises JobOptionError for one that cannot be."""
    needed = [
        each.name
        for each in signature.parameters.values()
        if each.default is each.empty and each.kind not in {each.VAR_POSITIONAL, each.VAR_KEYWORD}
    ]
    if needed:
        raise JobOptionError(f"{name}: a schedule sends no arguments, and {needed[0]} needs one; give it a default")
    if cron is not None and every is not None:
        raise JobOptionError(f"{name}: cron and every both say when the job is run; give one of them")
    if cron is None:
        if zone is not None:
            raise JobOptionError(f"{name}: timezone goes with cron; every counts from when the schedule is made")
        return _every(name, every)
    try:
        parsed = crons.parse(cron) if isinstance(cron, str) else None
    except crons.CronError as error:
        raise JobOptionError(f"{name}: cron={cron!r}: {error}") from None
    if parsed is None:
        raise JobOptionError(f"{name}: cron must be a text like '0 8 * * ? *', not {cron!r}")
    if zone is not None:
        _check_zone(name, zone)
    return Schedule(f"cron({parsed.text})", zone or UTC, None, parsed)


def read(expression: str, zone: str) -> Schedule:
    """Return the schedule that an expression of another process means. Raises ValueError for one that is not a schedule's."""
    if expression.startswith("cron("):
        return Schedule(expression, zone, None, crons.parse(expression))
    count, unit = expression.removeprefix("rate(").removesuffix(")").split()
    size = {name: seconds for seconds, name in _UNITS}[unit.removesuffix("s")]
    return Schedule(expression, zone, int(count) * size, None)


def _every(name: str, every: Any) -> Schedule:
    seconds = every.total_seconds() if isinstance(every, timedelta) else every
    fits = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not fits or not _MINUTE <= seconds <= _LONGEST or seconds % _MINUTE:
        raise JobOptionError(
            f"{name}: every must be whole minutes from one to a year, as seconds or a timedelta, not {every!r}"
        )
    size, unit = next((size, unit) for size, unit in _UNITS if not seconds % size)
    count = int(seconds // size)
    return Schedule(f"rate({count} {unit}{'' if count == 1 else 's'})", UTC, int(seconds), None)


def _check_zone(name: str, zone: Any) -> None:
    """Refuse a zone that is not known. Where no zone is known at all, as in a slim image, it cannot be checked."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    if isinstance(zone, str) and zone:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            try:
                ZoneInfo(UTC)
            except ZoneInfoNotFoundError:
                return
        else:
            return
    raise JobOptionError(f"{name}: timezone must be a name of the tz database like 'Europe/Berlin', not {zone!r}")


def _zone(name: str) -> ZoneInfo | timezone:
    if name == UTC:
        return timezone.utc
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise JobOptionError(f"the time zone {name} is not known on this machine; install tzdata") from None
