"""Before and after the sending of jobs that are unique, or whose results are kept. Imported only for them.

A lock is taken before its job is sent, at first for a moment only, and for its whole time when the job has been sent. So a
process that dies in between locks nobody out, and no call is called a duplicate of a job that was never sent. Without the lock
the job is not sent, and the caller is told so, as when its queue does not take it. A result is only noted; the job is sent
without it, too.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from lambda_punch._log import logger
from lambda_punch.jobs import aws
from lambda_punch.jobs.store import locks, results
from lambda_punch.jobs.store.places import find
from lambda_punch.jobs.store.writing import write

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lambda_punch.errors import NotSent
    from lambda_punch.jobs.backends.outgoing import Outgoing
    from lambda_punch.jobs.store.interface import Store


_TO_SEND = 90  # seconds for which a lock is taken at first; aws.client("sqs") gives up sooner
_PATIENCE = 2.0  # seconds to wait for another call that is just sending the same job
_FIRST_PAUSE = 0.02  # seconds; each further one is twice as long
_UNDER_WAY = (
    "another call has taken its lock, and has not sent its job yet; try again, the lock is free in a minute and a half if that "
    "call has been killed"
)


class Admitted(NamedTuple):
    """The items to send, who has the locks of the others, by their ids, and those whose locks could not be asked for."""

    items: list[Any]
    duplicates: dict[str, str]
    failed: list[NotSent]


def admit(items: Sequence[Any]) -> Admitted:
    """Take the locks, and note the jobs whose results are kept as queued. An item begins with its backend and its message."""
    admitted = Admitted([], {}, [])
    mine: dict[str, str] = {}
    for item in items:
        outgoing = item[1]
        if outgoing.lock is not None:
            key = _key(outgoing)
            try:
                other = mine.get(key) or _take(_store(item), key, outgoing.id)
            except Exception as error:  # noqa: BLE001 - botocore's, of any kind; the other jobs are sent
                reason = f"its lock could not be taken: {aws.cause(error) or repr(error)}"
                admitted.failed.append(outgoing.not_sent(reason, error=error))
                _free(item)  # which may have been taken all the same
                continue
            if other is None:
                admitted.failed.append(outgoing.not_sent(_UNDER_WAY))
                continue
            if other != outgoing.id:
                admitted.duplicates[outgoing.id] = other
                logger().info(
                    "%s %s is not sent, because it is unique and %s is under way", outgoing.job, outgoing.id, other
                )
                continue
            mine[key] = outgoing.id
        admitted.items.append(item)
    _note(admitted.items)
    return admitted


def _take(place: Store, key: str, identity: str) -> str | None:
    """Take a lock; return who has it then. None: another call has it, and has not sent its job after a while."""
    until = time.monotonic() + _PATIENCE
    pause = _FIRST_PAUSE
    while True:
        held = place.take(key, identity, time.time() + _TO_SEND)
        if held is None:
            return identity
        if held.sent:
            return held.holder
        if time.monotonic() > until:
            return None
        time.sleep(pause)
        pause *= 2


def settle(items: Iterable[Any], sent: Mapping[str, str], failed: Iterable[NotSent]) -> None:
    """Keep the locks of the jobs that were sent. Free those of the others, and drop what was noted of them.

    A job whose queue may have taken it has its lock freed, too: its caller is told that it was not sent, and tries again.
    """
    certain = {each.id for each in failed if each.certain}
    for item in items:
        outgoing = item[1]
        if outgoing.id in sent:
            if outgoing.lock is not None:
                about = f"{outgoing.job} {outgoing.id} was sent, and may be sent again after {_TO_SEND} s, because its lock was not kept"
                write(
                    about,
                    partial(_store(item).confirm, _key(outgoing), outgoing.id, outgoing.lock.expires),
                    insist=True,
                )
            continue
        if outgoing.lock is not None:
            _free(item)
        if outgoing.keep is not None and outgoing.id in certain:
            remove = partial(_store(item).remove, results.key(outgoing.id))
            write(f"{outgoing.job} {outgoing.id} was not sent, and stays queued in the table", remove)


def _free(item: Any) -> None:
    outgoing = item[1]
    about = f"the lock of {outgoing.job} {outgoing.id} was not freed, and stays for up to {_TO_SEND} s"
    write(about, partial(_store(item).free, _key(outgoing), outgoing.id), insist=True)


def _key(outgoing: Outgoing) -> str:
    assert outgoing.lock is not None
    return locks.key(outgoing.job, outgoing.lock.lock)


def _note(items: Sequence[Any]) -> None:
    by_store: dict[bool, list[Any]] = {}
    for item in items:
        if item[1].keep is not None:
            by_store.setdefault(_is_local(item), []).append(item)
    for kept in by_store.values():
        queued = [results.queued(each.job, each.id, each.keep.expires, each.keep.call) for _, each, *_ in kept]
        write(f"{len(queued)} jobs are not noted as queued", partial(_store(kept[0]).add, queued))


def _is_local(item: Any) -> bool:
    return bool(item[0].name == "memory")


def _store(item: Any) -> Store:
    place = find(local=_is_local(item))
    assert place is not None, "prepare() has seen to it"
    return place
