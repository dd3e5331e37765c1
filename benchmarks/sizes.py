"""B18: what the first job of an environment costs, and the later ones, by the function's memory size.

Both processes have a full core during the init and memory/1,769 of one from then on, by a control group, as on Lambda
(https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html). Between two invokes its freezer stops them. Needs
root and control groups. While an environment is busy behind a response it is billed, and cannot take the next request.
"""

from __future__ import annotations

import random
from contextlib import closing
from typing import TYPE_CHECKING, Any

from benchmarks.cgroups import Group, cpu_seconds
from benchmarks.environments import makers, pid_of
from benchmarks.figures import ALONE, BASELINE, BEFORE, NONE, OURS, Figure, Target, median

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.commits import Commit
    from lambda_punch.local import LocalLambda

WHOLE_CORE = 1769  # MB
SIZES = (128, 256, 512, 1024, WHOLE_CORE)
LATER = 5
CPU_ROUNDS = 10
ONE_JOB: dict[str, Any] = {"jobs": 1, "kind": "wait", "seconds": 0}
# US dollars for a millisecond of a gigabyte, x86, us-east-1: https://aws.amazon.com/lambda/pricing/
GB_MILLISECOND = 0.0000166667 / 1000


class NeedsRootError(Exception):
    """Control groups cannot be made here."""


def sizes(rounds: int, others: Mapping[str, Commit] | None = None) -> Iterator[Figure]:
    """Measure each size; raises NeedsRootError where no control group can be made."""
    for memory in SIZES:
        found = of_one_size(memory, rounds, others)
        at = f"at {memory:,} MB"
        first_limit = 0.25 if memory < WHOLE_CORE else 0.5
        beside = bool(others)
        yield Figure(
            "B18", f"first job: busy behind the response, {at}", "ms", found["first"],
            (Target("ratio", first_limit, baseline=BEFORE),) if beside else (),
        )  # fmt: skip
        yield Figure(
            "B18", f"later jobs: busy behind the response, {at}", "ms", found["later"],
            (Target("ratio", 1.0, baseline=BEFORE),) if beside else (),
        )  # fmt: skip
        yield Figure("B18", f"first response, {at}", "ms", found["response"])
        yield Figure("B18", f"init, {at}", "ms", found["init"])
        yield Figure("B18", f"CPU of an invoke with one job, {at}", "ms", found["job"])
        yield Figure("B18", f"CPU of an invoke with nothing pushed, {at}", "ms", found["nothing"])
        yield Figure("B18", f"a million later jobs, {at}", "US$", in_dollars(found["later"], memory))


def in_dollars(milliseconds: dict[str, list[float]], memory: int) -> dict[str, list[float]]:
    """Return what a million of the medians are billed, duration alone."""
    each = GB_MILLISECOND * memory / 1024 * 1_000_000
    return {name: [median(samples) * each] for name, samples in milliseconds.items()}


def of_one_size(
    memory: int, rounds: int, others: Mapping[str, Commit] | None = None
) -> dict[str, dict[str, list[float]]]:
    """Return the samples of each figure and variant, in milliseconds; each round has fresh environments."""
    names = [NONE, BASELINE, OURS, ALONE, *(others or {})]
    kinds = ("first", "later", "response", "init", "job", "nothing")
    found: dict[str, dict[str, list[float]]] = {kind: {name: [] for name in names} for kind in kinds}
    order = random.Random(0)  # noqa: S311 - no secret
    with makers(others, memory_size=memory, freeze=False) as make:
        for number in range(rounds + 1):
            for name in order.sample(names, len(names)):
                measured = _one_environment(make[name](), memory)
                for kind, samples in measured.items():
                    found[kind][name] += samples if number else []  # the first caches what others read
    return found


def _one_environment(function: LocalLambda, memory: int) -> dict[str, list[float]]:
    pushed: dict[str, Any] = ONE_JOB
    with closing(_group(memory)) as group, function:
        function.wait_idle(timeout=30)
        events = list(function.events)
        begun, ready = (next(each.at for each in events if each.kind == kind) for kind in ("init-start", "init-done"))
        pids = [pid_of(function), *function.extension_pids.values()]
        for pid in pids:
            group.add(pid)
        group.end_init()
        first = _turn(function, group, pushed)
        later = [_turn(function, group, pushed) for _ in range(LATER)]
        group.thaw()  # a thaw wakes each thread, which would count; Lambda stops the whole machine
        jobs, idle = ([_used(function, pids, event) for _ in range(CPU_ROUNDS)] for event in (pushed, {}))
    return {
        "first": [first["busy"]],
        "later": [each["busy"] for each in later],
        "response": [first["response"]],
        "init": [(ready - begun) * 1000],
        "job": jobs,
        "nothing": idle,
    }


def _turn(function: LocalLambda, group: Group, event: dict[str, Any]) -> dict[str, float]:
    group.thaw()
    invocation = function.invoke(event)
    function.wait_idle(timeout=60)
    group.freeze()
    done = next(each.at for each in reversed(function.events) if each.kind == "invoke-done")
    return {
        "response": (invocation.responded_at - invocation.sent_at) * 1000,
        "busy": (done - invocation.responded_at) * 1000,
    }


def _used(function: LocalLambda, pids: list[int], event: dict[str, Any]) -> float:
    """Return the processor time of both processes in one invoke, in milliseconds."""
    before = cpu_seconds(*pids)
    function.invoke(event)
    function.wait_idle(timeout=60)
    return (cpu_seconds(*pids) - before) * 1000


def _group(memory: int) -> Group:
    try:
        return Group(memory)
    except OSError as error:
        raise NeedsRootError(
            f"the sizes need root and control groups (cgroups), to limit the processor: {error}"
        ) from error
