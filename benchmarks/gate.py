"""Compares the working tree with a commit, and fails if the tree costs more, beyond noise. ``make bench-gate COMMIT=main``.

Both are measured in turn in one run, and the commit twice: how far its two samples are apart is the noise. All that counts
are ratios, the median of those of each round. A figure fails if its ratio is above 1 by more than the tolerance and twice the
noise, and if the difference is more than a clock of this machine can be wrong by.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.after_response import holds
from benchmarks.cgroups import cpu_seconds
from benchmarks.commits import ROOT, checked_out
from benchmarks.environments import latency, makers, memory_kb, pid_of, take_turns
from benchmarks.figures import OURS, median

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.commits import Commit
    from lambda_punch.local import LocalLambda

COMMIT, AGAIN = "the commit", "the commit again"
NAMES = (OURS, COMMIT, AGAIN)
_LEAST = {"ms": 0.03, "MB": 0.3, "µs": 0.03}  # a smaller difference is none
_ONE_JOB: dict[str, Any] = {"jobs": 1, "kind": "wait", "seconds": 0}
_SIZES = (128, 1769)
_TURN = 0.03


class Compared(NamedTuple):
    """One figure of the tree, of the commit, and of the commit again."""

    what: str
    unit: str
    samples: dict[str, list[float]]

    @property
    def ratio(self) -> float:
        """The tree by the commit, the median of all rounds."""
        ours, commits, agains = (self.samples[name] for name in NAMES)
        return median([2 * one / (other + again) for one, other, again in zip(ours, commits, agains, strict=True)])

    @property
    def noise(self) -> float:
        """How far the commit is from itself, as a part of it."""
        commits, agains = self.samples[COMMIT], self.samples[AGAIN]
        return abs(median([one / other for one, other in zip(commits, agains, strict=True)]) - 1)

    def is_worse(self, tolerance: float) -> bool:
        """Tell whether the tree costs more, beyond noise."""
        difference = (self.ratio - 1) * median(self.samples[COMMIT])
        return self.ratio - 1 > tolerance + 2 * self.noise and difference > _LEAST[self.unit]


def compare(commit: Commit, rounds: int) -> Iterator[Compared]:
    """Yield each figure."""
    others = {COMMIT: commit, AGAIN: commit}
    for memory in _SIZES:
        yield from _starts(others, memory, rounds)
    yield from _invokes(others, rounds * 10)
    yield from _calls(commit, max(2, rounds // 5))


def _starts(others: Mapping[str, Commit], memory: int, rounds: int) -> Iterator[Compared]:
    """Init, and the CPU of the first job, of fresh environments."""
    init: dict[str, list[float]] = {name: [] for name in NAMES}
    first: dict[str, list[float]] = {name: [] for name in NAMES}
    order = random.Random(0)  # noqa: S311 - no secret
    with makers(others, memory_size=memory) as make:
        for number in range(rounds + 1):
            for name in order.sample(NAMES, len(NAMES)):
                with make[name]() as function:
                    at = {event.kind: event.at for event in function.events}
                    used = _cpu(function, _ONE_JOB)
                if number:  # the first one caches what others read
                    init[name].append((at["init-done"] - at["init-start"]) * 1000)
                    first[name].append(used)
    yield Compared(f"init at {memory:,} MB", "ms", init)
    yield Compared(f"CPU of the first job at {memory:,} MB", "ms", first)


def _invokes(others: Mapping[str, Commit], rounds: int) -> Iterator[Compared]:
    """Responses, holds, CPU of an invoke, and memory, of environments that live."""
    with ExitStack() as stack:
        make = stack.enter_context(makers(others, freeze=False))
        functions: dict[str, LocalLambda] = {name: stack.enter_context(make[name]()) for name in NAMES}
        for what, event in (("one job", _ONE_JOB), ("nothing pushed", {})):
            take_turns(functions, event, rounds=5, turn=_TURN)
            before = {name: len(function.events) for name, function in functions.items()}
            invocations = take_turns(functions, event, rounds=rounds, turn=_TURN)
            yield Compared(f"response, {what}", "ms", {name: latency(found) for name, found in invocations.items()})
            held = {name: holds(function.events[before[name] :]) for name, function in functions.items()}
            yield Compared(f"hold, {what}", "ms", held)
            used: dict[str, list[float]] = {name: [] for name in NAMES}
            for _ in range(rounds):
                for name, function in functions.items():
                    used[name].append(_cpu(function, event))
            yield Compared(f"CPU of an invoke, {what}", "ms", used)
        for what, pids in (("the function", _runtime), ("the extension", _extension)):
            memory = {name: [memory_kb(pids(function)) / 1024] for name, function in functions.items()}
            yield Compared(f"memory of {what}", "MB", memory)


def _calls(commit: Commit, rounds: int) -> Iterator[Compared]:
    """push() and handled(): each tree measures itself, in turn."""
    found: dict[str, dict[str, list[float]]] = {}
    trees = {OURS: ROOT, COMMIT: commit.tree, AGAIN: commit.tree}
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "calls.json"
        for _ in range(rounds):
            for name, tree in trees.items():
                command = [sys.executable, "-m", "benchmarks", "calls", "--quick", "--json", str(results)]
                environ = {**os.environ, "PYTHONPATH": str(tree)}
                subprocess.run(command, check=True, cwd=tree, env=environ, stdout=subprocess.DEVNULL)
                for figure in json.loads(results.read_text())["figures"]:
                    if figure["unit"] == "µs" and "lambda-punch" in figure["variants"]:
                        samples = found.setdefault(figure["case"], {each: [] for each in NAMES})
                        samples[name].append(figure["variants"]["lambda-punch"]["median"])
    for case, samples in found.items():
        if all(samples.values()):  # both have it
            yield Compared(case, "µs", samples)


def _cpu(function: LocalLambda, event: dict[str, Any]) -> float:
    pids = _runtime(function), _extension(function)
    before = cpu_seconds(*pids)
    function.invoke(event)
    function.wait_idle(timeout=30)
    return (cpu_seconds(*pids) - before) * 1000


def _runtime(function: LocalLambda) -> int:
    return pid_of(function)


def _extension(function: LocalLambda) -> int:
    (pid,) = function.extension_pids.values()
    return pid


def main() -> int:
    """Print a line for each figure; return 1 if one is worse."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate", description=__doc__)
    parser.add_argument("commit", help="what to compare with: a commit, a branch or a tag")
    parser.add_argument("--tolerance", type=float, default=0.1, help="a part of the commit's cost (default: 0.1)")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: about a minute")
    arguments = parser.parse_args()
    worse = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        try:
            commit = stack.enter_context(checked_out(arguments.commit, Path(folder)))
        except subprocess.CalledProcessError as error:
            parser.error(
                f"git has no commit {arguments.commit}: {(error.stderr or b'').decode(errors='replace').strip()}"
            )
        print(f"{'':44}{'tree':>9}{'commit':>9}    ratio  noise")
        for each in compare(commit, 10 if arguments.quick else 30):
            tree, other = (median(each.samples[name]) for name in (OURS, COMMIT))
            is_worse = each.is_worse(arguments.tolerance)
            print(f"{each.what:41}{each.unit:>3}{tree:9.3f}{other:9.3f}  {each.ratio:7.2f} {each.noise:6.2f}"
                  f"{'  WORSE' if is_worse else ''}", flush=True)  # fmt: skip
            if is_worse:
                worse.append(each.what)
    if worse:
        print(f"bench-gate: worse than {arguments.commit}: {', '.join(worse)}", file=sys.stderr)
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
