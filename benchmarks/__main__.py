"""Measures what lambda-punch costs, and prints it. With --check it fails if a target is missed."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import after_response, calls, cold_start, durable, idle, integrations, report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.figures import Figure

# What to measure, with the number of rounds (or seconds) of a full and of a quick run.
SUITE: dict[str, tuple[Callable[[int], Iterator[Figure]], int, int]] = {
    "responses": (after_response.responses, 200, 40),
    "unfrozen": (after_response.unfrozen, 100, 20),
    "first-job": (after_response.first_job, 200, 50),
    "cold-start": (cold_start.init, 30, 10),
    "imports": (cold_start.imports, 60, 20),
    "memory": (after_response.memory, 3, 1),
    "calls": (calls.calls, 30, 7),
    "durable": (durable.durable, 30, 5),
    "idle": (idle.wakeups, 60, 5),
    "frozen": (after_response.beside_a_frozen_job, 10, 2),
    "integrations": (integrations.integrations, 50, 15),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", help=f"of {', '.join(SUITE)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: under two minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures as JSON")
    parser.add_argument("--from", type=Path, metavar="FILE", dest="earlier", help="show these figures, measure nothing")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="also draw them; needs the extra bench")
    parser.add_argument("--check", action="store_true", help="exit 1 if a target is missed by more than the tolerance")
    parser.add_argument("--tolerance", type=float, default=0.1, help="of a limit, for --check (default: 0.1)")
    arguments = parser.parse_args()
    if unknown := set(arguments.only) - set(SUITE):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    if arguments.earlier:
        results: report.Results = json.loads(arguments.earlier.read_text())
        print(*report.table(results), sep="\n")
    else:
        results = measure(arguments.only or list(SUITE), quick=arguments.quick)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")
    if arguments.svg:
        from benchmarks.picture import draw

        draw(results, arguments.svg)
    failed = report.missed(results, arguments.tolerance) if arguments.check else []
    for line in failed:
        print(f"missed: {line}", file=sys.stderr)
    return 1 if failed else 0


def measure(names: list[str], *, quick: bool) -> report.Results:
    """Run the benchmarks and print each figure as it is taken."""
    figures: list[Figure] = []
    for name in names:
        benchmark, full, few = SUITE[name]
        for figure in benchmark(few if quick else full):
            figures.append(figure)
            print(*report.lines(figure), sep="\n", flush=True)
    return report.as_dict(figures)


if __name__ == "__main__":
    sys.exit(main())
