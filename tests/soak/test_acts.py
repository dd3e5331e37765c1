"""Random user code in random jobs of random invokes: whatever it does to its process, answers and other jobs go on.

A program is a list of invokes, each with its jobs; a job, plain or async, does one of the acts of ``tests/faults/acts.py``, or
ends its process. Two environments run each program, with the extension and alone. Hypothesis looks for the shortest program
that breaks a promise: `make soak MINUTES=10`.
"""

from __future__ import annotations

import collections
import os
import re
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lambda_punch.local import LocalLambda
from tests.faults.acts import ACTS, IMPORTS
from tests.faults.harness import do_nothing

if TYPE_CHECKING:
    from pathlib import Path

MINUTES = float(os.environ.get("SOAK_MINUTES", "10"))
pytestmark = [pytest.mark.soak, pytest.mark.timeout(MINUTES * 60 + 600)]

TIMEOUT = 5.0  # seconds; nothing here takes long, so if an invoke is held up to its margin, the library hangs
ENDINGS = {
    "the process exits": "os._exit(3)",
    "the process is killed": "os.kill(os.getpid(), signal.SIGKILL)",
}
# After these nobody can see what this process writes.
SILENCING = {name for name in ACTS if "stderr" in name or name == "locale and encoding"}
# After these a job's own next call fails, the one that notes its end as well; its failure is a line of the log.
UNNOTED = {"trace function raises", "profile function raises"}
# So async jobs fail before their first line, which is a line of the log.
NO_LOOP = {"event loop policy raises", "no more descriptors"}
# Then a process that ends can do so when both have asked for their next events, so between two invokes. The next one fails.
LETS_GO = "shared directory is removed"
# These wait for a process or a thread, for ever if an earlier act has broken what they wait for: a job that never ends.
WAITING = {
    "fork and exit",
    "double fork",
    "process pool",
    "multiprocessing pool",
    "subprocess with preexec_fn",
    "posix_spawn",
}
ALL = {**ACTS, **ENDINGS}

APP = f"""
{IMPORTS}
from pathlib import Path
import lambda_punch as punch
NOTES = os.open(os.environ["NOTES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

def tell(what, name, write=os.write, notes=NOTES, getpid=os.getpid):
    write(notes, f"{{what}}|{{name}}|{{getpid()}}\\n".encode())

ACTS = {ALL!r}
DONE = {{}}
for name, body in ACTS.items():
    space = dict(globals())
    exec("def act():\\n    " + body, space)
    DONE[name] = space["act"]

def work(name, act, tell=tell, acts=DONE, getpid=os.getpid, pid=os.getpid()):
    tell("begin", name)
    try:
        if act:
            acts[act]()
    finally:
        if getpid() == pid:
            tell("end", name)

async def work_async(name, act, work=work):
    work(name, act)

@punch.handler
def handler(event, context, tell=tell, work=work, work_async=work_async):
    for name, act, is_async in event["jobs"]:
        tell("pushed", name)
        punch.push(work_async if is_async else work, name, act)
    return event["number"]
"""
_LOST = re.compile(r"(\d+) jobs? lost \(")


class Job(NamedTuple):
    """One push of a program."""

    act: str
    is_async: bool


acts = st.one_of(
    st.just(""), st.sampled_from(sorted(ACTS)), st.sampled_from(sorted(ACTS)), st.sampled_from(sorted(ENDINGS))
)
programs = st.lists(st.lists(st.builds(Job, acts, st.booleans()), max_size=3), min_size=1, max_size=6)


@pytest.mark.parametrize("alone", [False, True], ids=["extension", "alone"])
def test_random_acts_of_jobs_harm_no_answer_and_no_other_job(tmp_path: Path, extension: Path, alone: bool) -> None:
    """At most once, never silent, every answer as sent, no invoke held to its margin."""
    (tmp_path / "app.py").write_text(APP)
    ends = time.monotonic() + MINUTES * 60 / 2
    extensions = [do_nothing(tmp_path) if alone else extension]
    counts: collections.Counter[str] = collections.Counter()

    @settings(
        max_examples=50,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(programs)
    def run(program: list[list[Job]]) -> None:
        counts["programs"] += 1
        counts["steps"] += sum(1 + len(jobs) for jobs in program)
        wrong = violations(program, tmp_path, extensions, alone=alone)
        assert wrong == [], wrong

    while time.monotonic() < ends:
        run()
    print(f"random acts, {'alone' if alone else 'with the extension'}: {dict(counts)}")
    assert counts["steps"] > 0


def violations(program: list[list[Job]], folder: Path, extensions: list[Path], *, alone: bool) -> list[str]:
    """Run a program in an environment of its own, and return the promises that it broke."""
    notes = folder / "notes"
    notes.unlink(missing_ok=True)
    wrong: list[str] = []
    held: list[str] = []
    used = {job.act for jobs in program for job in jobs}
    ends_between = LETS_GO in used and used & set(ENDINGS)
    with LocalLambda(
        "app.handler",
        task_root=folder,
        extensions=extensions,
        timeout=TIMEOUT,
        env={"NOTES": str(notes), "LAMBDA_PUNCH_DIR": str(folder / "meet")},
    ) as function:
        for number, jobs in enumerate(program):
            named = [(f"{number}-{place} {job.act}", job.act, job.is_async) for place, job in enumerate(jobs)]
            answer = function.invoke({"number": number, "jobs": named})
            if (answer.error_type and not ends_between) or (not answer.error_type and answer.json() != number):
                wrong.append(f"invoke {number} was answered with {answer.error_type or answer.json()}")
            began = time.monotonic()
            function.wait_idle(timeout=30)
            if (seconds := time.monotonic() - began) > TIMEOUT - 1.5:
                held.append(f"invoke {number} was held for {seconds:.1f} s")
    told: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for line in notes.read_text().splitlines() if notes.exists() else []:
        what, name, _ = line.split("|")
        told[what][name] += 1
    wrong += [f"{name} ran {times} times" for name, times in told["begin"].items() if times > 1]
    if any(name not in told["end"] and name.partition(" ")[2] in WAITING for name in told["begin"]):
        return wrong  # one of the jobs stands still by itself
    wrong += held
    failed = [line for _, line in function.logs if " failed" in line]
    excused = {
        f"{number}-{place} {job.act}"
        for number, jobs in enumerate(program)
        for place, job in enumerate(jobs)
        if failed and (job.act in UNNOTED or (job.is_async and NO_LOOP & used))
    }
    undone = [name for name in told["pushed"] if name not in told["end"]]
    reported = sum(int(match[1]) for _, line in function.logs if (match := _LOST.search(line)))
    heard = not used & SILENCING and not (alone and used & set(ENDINGS))
    if heard and not len(set(undone) - excused) <= reported <= len(undone):
        wrong.append(f"{undone} were not done, {reported} were reported")
    if wrong:
        wrong += [f"{source}: {line}" for source, line in function.logs][-30:]
    return wrong
