"""What ``run``, ``drop`` and ``move`` have in common: they carry letters, tell of each, and can be stopped."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, NamedTuple

from . import output
from .arguments import connect, order
from .progress import progress, stoppable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from lambda_punch.jobs.operating.carrying import Carried, Order
    from lambda_punch.jobs.operating.places import Dead

    Start = Callable[[Dead, Order], Iterator[Carried]]

_FAILED = 1
_USAGE = 2
_STOPPING = "stopping when those that are under way are done; once more ends at once"


class Work(NamedTuple):
    """A subcommand's name, what it has done to a letter ("dropped", say), and what does it."""

    name: str
    done: str
    start: Start


def carry(arguments: argparse.Namespace, work: Work) -> int:
    """Do the work, say what became of each letter, and return the exit status.

    That is 0 if all that are meant were carried, 1 if some were not or an id is not there, 2 if nothing says which are
    meant, and what a shell reports for a signal if one has ended it.
    """
    connect(arguments)
    from lambda_punch.jobs.operating.places import dead_letters_of

    dead = dead_letters_of(arguments.queue, itself=arguments.itself)
    asked = order(arguments, dead)
    if asked is None:
        output.complain(work.name, "say which: give ids, --job, --error, --after, --before or --limit, or else --all")
        return _USAGE
    missing = set(arguments.ids)
    count = failed = 0
    total = int(min(sum(dead.queue.counts), asked.most))
    with stoppable(_STOPPING) as stop, progress(work.name, total, _nothing if arguments.json else print) as step:
        for each in work.start(dead, asked._replace(stop=stop)):
            missing = {identity for identity in missing if not each.letter.is_meant_by(identity)}
            if arguments.json:
                print(json.dumps({**each.letter.as_dict(), "to": each.to, "problem": each.problem, "dry": asked.dry}))
            if each.problem is None:
                count += 1
                step(_line(each, work, dry=asked.dry))
            else:
                failed += 1
                output.complain(work.name, f"{output.named(each.letter)} stays: {each.problem}")
    for identity in sorted(missing) if not stop() else ():
        output.complain(work.name, f"no dead letter {identity} in {dead.queue.name}")
    would = "would be " if asked.dry else ""
    left = f", {failed} not" if failed else ""
    stopped = "stopped: " if stop() else ""
    summary = f"{stopped}{count} of queue {dead.queue.name} {would}{work.done}{left}"
    print(summary, file=sys.stderr if arguments.json else sys.stdout)
    return stop.status or (_FAILED if failed or missing else 0)


def _line(each: Carried, work: Work, *, dry: bool) -> str:
    where = f" to {each.to}" if each.to else ""
    return f"{output.named(each.letter)} {'would be ' if dry else ''}{work.done}{where}"


def _nothing(_: str) -> None:
    """Print nothing: the lines of JSON say it."""
