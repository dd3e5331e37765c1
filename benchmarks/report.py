"""The figures as text and as a table for people, as plain data, and as the list of targets that were missed."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING, Any, TypeAlias

from benchmarks.figures import VARIANTS, Figure, median, p99

if TYPE_CHECKING:
    from collections.abc import Iterator

Results: TypeAlias = dict[str, Any]
"""What as_dict() returns; it can be kept as JSON."""


def lines(figure: Figure) -> Iterator[str]:
    """Yield the text of one figure: a line a variant, then a line a target."""
    yield f"{figure.number}  {figure.case} [{figure.unit}]"
    for name, samples in figure.samples.items():
        yield f"      {name:22} median {median(samples):9.3f}   p99 {p99(samples):9.3f}   n {len(samples)}"
    for target in figure.targets:
        value = target.value(figure.samples)
        verdict = "met   " if value <= target.limit else "MISSED"
        yield f"      {verdict} {value:8.3f}  {target.text(figure.unit)}"


def missed(results: Results, tolerance: float) -> list[str]:
    """Return the targets that are missed by more than ``tolerance`` (0.1 = a tenth of the limit), as text."""
    return [
        f"{figure['number']} {figure['case']}: {target['value']:.3f}, {target['text']}"
        for figure in results["figures"]
        for target in figure["targets"]
        if target["value"] > target["limit"] * (1 + tolerance)
    ]


def as_dict(figures: list[Figure]) -> Results:
    """Return machine, interpreter and all figures with their statistics."""
    return {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "figures": [
            {
                "number": figure.number,
                "case": figure.case,
                "unit": figure.unit,
                "variants": {
                    name: {"median": median(samples), "p99": p99(samples), "n": len(samples)}
                    for name, samples in figure.samples.items()
                },
                "targets": [
                    {"text": target.text(figure.unit), "limit": target.limit, "value": target.value(figure.samples)}
                    for target in figure.targets
                ],
            }
            for figure in figures
        ],
    }


def table(results: Results) -> Iterator[str]:
    """Yield the lines of a Markdown table: a row a figure, medians with the p99 in brackets."""
    yield "| # | figure | " + " | ".join(VARIANTS) + " | against the target |"
    yield "| --- " * (len(VARIANTS) + 3) + "|"
    for figure in results["figures"]:
        unit = f" [{figure['unit']}]" if figure["unit"] else ""
        cells = [_cell(figure["variants"].get(name)) for name in VARIANTS]
        targets = "; ".join(f"{_number(target['value'])} ({target['text']})" for target in figure["targets"])
        yield f"| {figure['number']} | {figure['case']}{unit} | {' | '.join(cells)} | {targets} |"


def _cell(variant: dict[str, Any] | None) -> str:
    if variant is None:
        return "-"
    spread = f" ({_number(variant['p99'])})" if variant["n"] > 1 else ""
    return f"{_number(variant['median'])}{spread}"


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
