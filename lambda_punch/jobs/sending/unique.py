"""Before and after the sending of jobs that are unique, or whose results are kept. Imported only for them.

A lock is taken before its job is sent. Without the lock the job is not sent, and the caller is told so, as when its queue does
not take it. So a table that cannot be reached makes no duplicates. A result is only noted; the job is sent without it, too.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from lambda_punch._log import logger
from lambda_punch.jobs import aws
from lambda_punch.jobs.store import locks, results
from lambda_punch.jobs.store.places import find
from lambda_punch.jobs.store.writing import write

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lambda_punch.errors import NotSent
    from lambda_punch.jobs.store.interface import Store


class Admitted(NamedTuple):
    """The items to send, who has the locks of the others, by their ids, and those whose locks could not be asked for."""

    items: list[Any]
    duplicates: dict[str, str]
    failed: list[NotSent]


def admit(items: Sequence[Any]) -> Admitted:
    """Take the locks, and note the jobs whose results are kept as queued. An item begins with its backend and its message."""
    admitted = Admitted([], {}, [])
    for item in items:
        outgoing = item[1]
        if outgoing.lock is not None:
            lock = outgoing.lock
            try:
                other = _store(item).take(locks.key(outgoing.job, lock.lock), outgoing.id, lock.expires)
            except Exception as error:  # noqa: BLE001 - botocore's, of any kind; the other jobs are sent
                reason = f"its lock could not be taken: {aws.cause(error) or repr(error)}"
                admitted.failed.append(outgoing.not_sent(reason, error=error))
                continue
            if other is not None:
                admitted.duplicates[outgoing.id] = other
                logger().info(
                    "%s %s is not sent, because it is unique and %s is under way", outgoing.job, outgoing.id, other
                )
                continue
        admitted.items.append(item)
    _note(admitted.items)
    return admitted


def give_back(items: Iterable[Any], failed: Iterable[NotSent]) -> None:
    """Free the locks of jobs that were certainly not sent, and drop what was noted of them."""
    not_sent = {each.id for each in failed if each.certain}
    for item in items:
        outgoing = item[1]
        if outgoing.id in not_sent:
            place = _store(item)
            if outgoing.lock is not None:
                key = locks.key(outgoing.job, outgoing.lock.lock)
                write(f"the lock of {outgoing.job} {outgoing.id} was not freed", partial(place.free, key, outgoing.id))
            if outgoing.keep is not None:
                write(f"{outgoing.job} {outgoing.id} stays queued", partial(place.remove, results.key(outgoing.id)))


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
