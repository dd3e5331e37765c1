"""One run of ``lambda-punch timeline``: read, draw, write."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lambda_punch.command.local.chart import length, render
from lambda_punch.command.page.document import saved
from lambda_punch.command.page.trace import trace_of

from .invokes import invokes_in
from .replay import Replay
from .sources import LogsError, from_file, from_group

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from .invokes import Invoke


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand and return its exit status. Raises LogsError."""
    if arguments.log_group is None:
        if arguments.since or arguments.endpoint:
            raise LogsError("--since and --endpoint go with --log-group: a file is read whole")
        lines = from_file(arguments.file)
    else:
        lines = from_group(arguments.log_group, arguments.since or "1h", arguments.endpoint)
    found = invokes_in(lines)
    invokes = [each for each in found if each.duration is not None]
    if not invokes:
        raise LogsError(
            f"no invoke in {len(lines)} lines: there is no START with its REPORT, and no platform.start with its "
            "platform.report; the function's system log level must be INFO or DEBUG, and --since may reach further back"
        )
    replay = Replay(invokes)
    if arguments.html:
        about = {"title": arguments.log_group or arguments.file}
        Path(arguments.html).write_text(saved(replay, about), encoding="utf-8")
    if arguments.trace:
        Path(arguments.trace).write_text(json.dumps(trace_of(replay)), encoding="utf-8")
    if arguments.json:
        for invoke in invokes:
            print(json.dumps(_facts(invoke)))
        return 0
    _draw(replay, plain=arguments.plain)
    for sentence in _sums(invokes, len(found) - len(invokes)):
        print(sentence)
    return 0


def _draw(replay: Replay, *, plain: bool) -> None:
    timelines = replay.timelines
    color = not plain and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    width = shutil.get_terminal_size().columns
    for number, timeline in enumerate(timelines, 1):
        if len(timelines) > 1:
            print(f"environment {number}")
        print(render(timeline.rows, scale=timeline.scale, width=width, color=color).rstrip("\n") + "\n")


def _sums(invokes: Sequence[Invoke], cut: int) -> list[str]:
    told = [each for each in invokes if each.response is not None]
    figures = f"{len(invokes)} invokes: billed {length(sum(each.billed for each in invokes))}"
    if told:
        response = sum(each.response or 0.0 for each in told)
        behind = sum((each.duration or 0.0) - (each.response or 0.0) for each in told)
        figures += f", response {length(response)}, behind it {length(behind)}"
    sentences = [figures]
    if len(told) < len(invokes):
        sentences.append(
            f"For {len(invokes) - len(told)} of them the log does not say when the response was sent, so what ran behind "
            "it counts as response. Lambda logs it with the JSON format at the system log level DEBUG."
        )
    if cut:
        sentences.append(f"{cut} invokes were left out: their end is not in the log.")
    return sentences


def _facts(invoke: Invoke) -> dict[str, object]:
    duration = invoke.duration or 0.0
    return {
        "request_id": invoke.request_id,
        "stream": invoke.stream,
        "begun": invoke.begun,
        "init": invoke.init,
        "response": invoke.response,
        "background": None if invoke.response is None else round(max(0.0, duration - invoke.response), 6),
        "duration": duration,
        "billed": invoke.billed,
        "error_type": invoke.error,
        "failed_jobs": [name for name, _ in invoke.failed_jobs],
    }
