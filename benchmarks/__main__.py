"""Measures what lambda-punch costs, and prints it. With --check it fails if a target is missed."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import after_response, calls, cold_start, durable, idle, integrations, report, sizes
from benchmarks.commits import checked_out
from benchmarks.figures import BEFORE

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
    parser.add_argument("only", nargs="*", help=f"of {', '.join(SUITE)} (default: all); or sizes, as root")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: under two minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures as JSON")
    parser.add_argument("--from", type=Path, metavar="FILE", dest="earlier", help="show these figures, measure nothing")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="also draw them; needs the extra bench")
    parser.add_argument("--check", action="store_true", help="exit 1 if a target is missed by more than the tolerance")
    parser.add_argument("--tolerance", type=float, default=0.1, help="of a limit, for --check (default: 0.1)")
    parser.add_argument("--against", metavar="COMMIT", help="measure this commit beside the working tree (sizes only)")
    arguments = parser.parse_args()
    if unknown := set(arguments.only) - set(SUITE) - {"sizes"}:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    if "sizes" in arguments.only and len(arguments.only) > 1:
        parser.error("sizes is measured alone, because it limits the processor")
    if arguments.against and arguments.only != ["sizes"]:
        parser.error("--against goes with sizes alone; python -m benchmarks.gate COMMIT compares the rest")
    if arguments.earlier:
        results: report.Results = json.loads(arguments.earlier.read_text())
        print(*report.table(results), sep="\n")
    elif arguments.only == ["sizes"]:
        try:
            results = measure_sizes(arguments.against, quick=arguments.quick)
        except sizes.NeedsRootError as error:
            parser.error(str(error))
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


def measure_sizes(against: str | None, *, quick: bool) -> report.Results:
    """Measure by the function's memory size, beside another commit if one is given."""
    figures = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        others = {BEFORE: stack.enter_context(checked_out(against, folder))} if against else None
        for figure in sizes.sizes(3 if quick else 10, others):
            figures.append(figure)
            print(*report.lines(figure), sep="\n", flush=True)
    return report.as_dict(figures)


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
