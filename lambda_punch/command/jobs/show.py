"""``lambda-punch jobs show``: all that is known of some dead letters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .arguments import add_connection, add_queue, connect
from .output import clock, complain, printable

if TYPE_CHECKING:
    import argparse

    from lambda_punch.jobs.operating.letters import Letter


def declare(parser: argparse.ArgumentParser) -> None:
    """Describe ``show`` and add its arguments."""
    parser.description = "Show all that is known of some dead letters, with the messages themselves."
    add_queue(parser)
    parser.add_argument("ids", metavar="ID", nargs="+", help="ids of jobs or messages, or at least 8 characters of one")
    parser.add_argument("--json", action="store_true", help="print a line of JSON for each")
    add_connection(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print them. Return 1 if one of the ids is not there."""
    connect(arguments)
    from lambda_punch.jobs.operating.places import dead_letters_of
    from lambda_punch.jobs.operating.walk import Walk

    dead = dead_letters_of(arguments.queue, itself=arguments.itself)
    missing = set(arguments.ids)
    shown = 0
    with Walk(dead.queue) as walk:
        for letter in (each for received in walk.batches() for each in received):
            if meant := [identity for identity in arguments.ids if letter.is_meant_by(identity)]:
                missing -= set(meant)
                print(json.dumps(letter.as_dict()) if arguments.json else ("\n" if shown else "") + _facts(letter))
                shown += 1
            if not missing:
                break
    for identity in arguments.ids:
        if identity in missing:
            complain("show", f"no dead letter {identity} in {dead.queue.name}")
    return 1 if missing else 0


def _facts(letter: Letter) -> str:
    known = {
        "job": letter.job,
        "id": letter.id,
        "reason": letter.reason,
        "error": letter.error,
        "attempts": "" if letter.attempts is None else str(letter.attempts),
        "queue": letter.source,
        "died": clock(letter.died_at),
        "sent": clock(letter.sent_at),
        "message id": letter.message_id,
        "receives": str(letter.receives),
        "group": letter.group or "",
        "trace": letter.trace or "",
    }
    lines = [f"{name:11} {printable(text)}" for name, text in known.items() if text and text != "-"]
    return "\n".join([*lines, f"{'message':11} {_body(letter.body)}"])


def _body(body: str) -> str:
    try:
        return json.dumps(json.loads(body), indent=2)
    except (ValueError, RecursionError):
        return printable(body)
