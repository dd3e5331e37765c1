"""B1 to B3, B6 and B12: responses, holds, the first job's start, memory, and a job that was frozen while it ran."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.environments import environments, latency, memory_kb, pid_of, take_turns
from benchmarks.figures import ALONE, BASELINE, NONE, OURS, VARIANTS, Figure, Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambda_punch.local import Event, Invocation

CASES: dict[str, dict[str, Any]] = {
    "nothing pushed": {},
    "one 50 ms CPU job": {"jobs": 1, "kind": "compute", "seconds": 0.05},
    "ten 5 ms CPU jobs": {"jobs": 10, "kind": "compute", "seconds": 0.005},
    "one 50 ms sleep": {"jobs": 1, "kind": "wait", "seconds": 0.05},
    "one 50 ms CPU job, 1 MB response": {"jobs": 1, "kind": "compute", "seconds": 0.05, "bytes": 1_000_000},
}
UNFROZEN = ("nothing pushed", "one 50 ms CPU job", "one 50 ms sleep")
WARM = 5
TURN = 0.06


def responses(rounds: int) -> Iterator[Figure]:
    """B1, and from its first case B2."""
    with environments() as functions:
        for case, event in CASES.items():
            take_turns(functions, event, rounds=WARM, turn=TURN)
            before = {name: len(function.events) for name, function in functions.items()}
            invocations = take_turns(functions, event, rounds=rounds, turn=TURN)
            yield response(f"response, {case}", invocations)
            if not event:
                held = {name: holds(function.events[before[name] :]) for name, function in functions.items()}
                yield Figure(
                    "B2", "hold with nothing pushed", "ms", held, (Target("more", 0.10), Target("more", 0.5, "p99"))
                )


def unfrozen(rounds: int) -> Iterator[Figure]:
    """B1 without the freeze: signals, by which the local Lambda freezes, wake each thread at the thaw."""
    with environments(freeze=False) as functions:
        for case in UNFROZEN:
            take_turns(functions, CASES[case], rounds=WARM, turn=TURN)
            invocations = take_turns(functions, CASES[case], rounds=rounds, turn=TURN)
            yield response(f"response without the freeze, {case}", invocations)


def response(case: str, invocations: dict[str, list[Invocation]]) -> Figure:
    samples = {name: latency(invocations[name]) for name in VARIANTS}
    return Figure("B1", case, "ms", samples, (Target("ratio", 1.05), Target("ratio", 1.15, "p99")))


def holds(events: list[Event]) -> list[float]:
    """From the runtime's next to the last extension's, each invoke, in milliseconds; 0 without an extension."""
    found, runtime_done = [], 0.0
    for event in events:
        if event.kind == "runtime-done":
            runtime_done = event.at
        elif event.kind == "invoke-done" and runtime_done:
            found.append((event.at - runtime_done) * 1000)
    return found


def first_job(rounds: int) -> Iterator[Figure]:
    """B3: the job tells its start in the response of the next request."""
    samples: dict[str, list[float]] = {OURS: [], ALONE: []}
    with environments() as functions:
        for name, found in samples.items():
            function = functions[name]
            function.invoke({"jobs": 1, "kind": "wait", "seconds": 0})
            for _ in range(rounds):
                function.wait_idle(timeout=30)
                function.invoke({"report": True})
                function.wait_idle(timeout=30)
                responded = function.invoke({"jobs": 1, "kind": "wait", "seconds": 0}).responded_at
                function.wait_idle(timeout=30)
                started = function.invoke({"report": True}).json()
                found.append((started[0] - responded) * 1000)
    yield Figure("B3", "first job's start after the response", "ms", samples, (Target("most", 0.5),))


def memory(repeats: int) -> Iterator[Figure]:
    """B6: after 100 invokes with jobs."""
    extension: dict[str, list[float]] = {BASELINE: [], OURS: []}
    runtime: dict[str, list[float]] = {NONE: [], BASELINE: [], OURS: [], ALONE: []}
    for _ in range(repeats):
        with environments() as functions:
            take_turns(functions, {"jobs": 2, "kind": "wait", "seconds": 0}, rounds=100, turn=0)
            for name, function in functions.items():
                runtime[name].append(memory_kb(pid_of(function)) / 1024)
                for pid in function.extension_pids.values():
                    extension[name].append(memory_kb(pid) / 1024)
    yield Figure("B6", "memory of the extension alone (USS)", "MB", extension, (Target("more", 5.5),))
    yield Figure("B6", "memory of the function's process (USS)", "MB", runtime, (Target("more", 3.0),))


def beside_a_frozen_job(rounds: int) -> Iterator[Figure]:
    """B12: a CPU job that was frozen while it ran goes on beside the next request."""
    with environments(timeout=1.0) as functions:
        samples: dict[str, list[float]] = {name: [] for name in VARIANTS}
        for _ in range(rounds):
            for name, function in functions.items():
                function.invoke({"jobs": 1, "kind": "compute", "seconds": 1.1})  # past the margin, by 0.3 s
                function.wait_idle(timeout=30)
                samples[name] += latency([function.invoke({})])
                function.wait_idle(timeout=30)
    yield Figure("B12", "response beside a job that was frozen while it ran", "ms", samples)
