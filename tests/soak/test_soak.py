"""Tens of thousands of invokes with random jobs, freezes, deadlines, crashes and re-inits: `make soak MINUTES=10`."""

from __future__ import annotations

import collections
import os
import random
import re
import signal
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from lambda_punch.local import LocalLambda
from tests.faults.harness import do_nothing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MINUTES = float(os.environ.get("SOAK_MINUTES", "10"))
SEED = int(os.environ.get("SOAK_SEED") or random.SystemRandom().randrange(1 << 32))
pytestmark = [pytest.mark.soak, pytest.mark.timeout(MINUTES * 60 + 120)]

TIMEOUT, MARGIN = 0.6, 0.2
WARM = 200  # invokes of a life after which nothing may grow any more
ROUND = 2000  # invokes in one environment, which then is shut down
APP = """
import json, os, signal, sys, time
import lambda_punch as punch
punch.start()
NOTES = os.open(os.environ["NOTES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

def tell(what, name):
    os.write(NOTES, f"{what} {name} {os.getpid()}\\n".encode())

def work(name, kind):
    tell("begin", name)
    if kind == "slow":
        time.sleep(0.05)
    elif kind == "frozen":
        for _ in range(60):
            time.sleep(0.01)
    elif kind == "kill":
        tell("killed", os.getpid())
        os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "fail":
        tell("end", name)
        raise ValueError("as it should")
    tell("end", name)

async def work_async(name, kind):
    work(name, "short")

@punch.error_handler
def quiet(error, job):
    pass

@punch.handler
def handler(event, context):
    for name, kind in event["jobs"]:
        tell("pushed", name)
        punch.push(work_async if kind == "async" else work, name, kind)
    if event["handler"] == "exit":
        tell("killed", os.getpid())
        os._exit(1)
    if event["handler"] == "timeout":
        time.sleep(60)
    time.sleep(event["seconds"])
    return event["number"]
"""
_LOST = re.compile(r"(\d+) jobs? lost \(")


class Footprint(NamedTuple):
    """What a process holds."""

    threads: int
    descriptors: int
    resident_kb: int


def footprint(pid: int) -> Footprint:
    with open(f"/proc/{pid}/status") as status:
        fields = dict(line.split(":", 1) for line in status)
    return Footprint(int(fields["Threads"]), len(os.listdir(f"/proc/{pid}/fd")), int(fields["VmRSS"].split()[0]))


class Life:
    """The two processes of one life, measured when warm and at the end."""

    def __init__(self, pids: tuple[int, ...]) -> None:
        self.pids = pids
        self.invokes = 0
        self.warm: list[Footprint] = []

    def grown(self) -> list[str]:
        found = []
        for pid, before, after in zip(self.pids, self.warm, map(footprint, self.pids), strict=True):
            more = after.resident_kb - before.resident_kb
            if after[:2] != before[:2] or more > 1024:
                found.append(f"process {pid}: {before} at {WARM} invokes of its life, {after} at {self.invokes}")
        return found


def events(chance: random.Random, first: int) -> Iterator[dict[str, Any]]:
    """What the callers send: mostly plain requests, now and then one that goes wrong."""
    number = first
    while True:
        number += 1
        kinds = chance.choices(
            ["short", "async", "fail", "slow", "frozen", "kill"],
            [60, 10, 5, 5, 0.4, 0.1],
            k=chance.choice([0, 1, 1, 2, 5]),
        )
        handler = chance.choices(["plain", "exit", "timeout"], [998, 1, 1])[0]
        seconds = chance.choices([0, 0.01, 0.38, 0.55], [950, 40, 8, 4])[0]
        jobs = [(f"{number}-{place}", kind) for place, kind in enumerate(kinds)]
        yield {"number": number, "jobs": jobs, "handler": handler, "seconds": seconds}


@pytest.mark.parametrize("alone", [False, True], ids=["extension", "alone"])
def test_nothing_is_lost_in_silence_and_nothing_grows(tmp_path: Path, extension: Path, alone: bool) -> None:
    """Each job once or reported; each answer as sent; threads, descriptors and memory level; every environment goes on."""
    chance = random.Random(SEED)
    ends = time.monotonic() + MINUTES * 60 / 2
    notes = tmp_path / "notes"
    (tmp_path / "app.py").write_text(APP)
    counts: collections.Counter[str] = collections.Counter()
    wrong: list[str] = []
    while time.monotonic() < ends and not wrong:
        with LocalLambda(
            "app.handler",
            task_root=tmp_path,
            extensions=[do_nothing(tmp_path) if alone else extension],
            timeout=TIMEOUT,
            env={"NOTES": str(notes), "LAMBDA_PUNCH_DIR": str(tmp_path / "meet")},
        ) as function:
            wrong += one_environment(function, chance, counts, ends, notes)
        wrong += settle(notes, function, counts, alone=alone)
    print(f"soak, {'alone' if alone else 'with the extension'}, seed {SEED}: {dict(counts)}")
    assert wrong == [], f"seed {SEED}: {wrong[:20]}"
    assert counts["jobs"] > 0
    assert counts["life checked"] > 0


def one_environment(  # noqa: C901 - one thing after the other
    function: LocalLambda, chance: random.Random, counts: collections.Counter[str], ends: float, notes: Path
) -> list[str]:
    """Invoke it until its round is over."""
    life = Life(())
    wrong = []
    made = events(chance, counts["invokes"])
    for event in (next(made) for _ in range(ROUND)):
        answer = function.invoke(event)
        counts["invokes"] += 1
        if answer.error_type:
            counts[answer.error_type] += 1
            if event["handler"] == "plain" and not killed(event):
                counts["innocent"] += 1
        elif answer.json() != event["number"]:
            wrong.append(f"{event['number']} was answered with {answer.json()}")
        if chance.random() < 0.9:  # else the next one comes before the environment is idle
            function.wait_idle(timeout=30)
        if chance.random() < 0.0005:
            victim = chance.choice([*function.extension_pids.values(), function.runtime_pid or 0])
            if victim == function.runtime_pid:
                with notes.open("a") as told:
                    told.write(f"killed {victim} {victim}\n")
            os.kill(victim, signal.SIGKILL)
            counts["killed from outside"] += 1
        pids = (function.runtime_pid or 0, *function.extension_pids.values())
        if pids != life.pids:
            life = Life(pids)
        life.invokes += 1
        if life.invokes == WARM:
            function.wait_idle(timeout=30)
            life.warm = [footprint(pid) for pid in pids]
        if time.monotonic() > ends:
            break
    function.wait_idle(timeout=30)
    if life.warm and life.pids == (function.runtime_pid or 0, *function.extension_pids.values()):
        wrong += life.grown()
        counts["life checked"] += 1
    return wrong


def killed(event: dict[str, Any]) -> bool:
    return any(kind == "kill" for _, kind in event["jobs"])


def settle(notes: Path, function: LocalLambda, counts: collections.Counter[str], *, alone: bool) -> list[str]:
    """Compare what was pushed with what was done and what was reported; ``alone``, nobody tells of a killed process."""
    told: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    pushed_by = {}
    for line in notes.read_text().splitlines() if notes.exists() else []:
        word, name, pid = line.split(" ")
        told[word][name] += 1
        if word == "pushed":
            pushed_by[name] = pid
    notes.unlink(missing_ok=True)
    reported = sum(int(match[1]) for _, line in function.logs if (match := _LOST.search(line)))
    dead = told["killed"] if alone else ()
    undone = [name for name, pid in pushed_by.items() if name not in told["end"] and pid not in dead]
    counts["jobs"] += len(told["pushed"])
    counts["reported lost"] += reported
    wrong = [f"{name} ran {times} times" for name, times in told["begin"].items() if times > 1]
    late = alone and any(event.kind == "sigkill" and event.source == "runtime" for event in function.events)
    counts["killed by Lambda"] += late  # a machine too busy for the 0.3 s: then, too, nobody is left to tell
    if reported > len(undone) or (reported < len(undone) and not late):
        wrong.append(f"{undone} were not done, {reported} were reported: {[line for _, line in function.logs][-20:]}")
    return wrong
