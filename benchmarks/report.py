"""The figures as a table for people, as JSON, and as the list of targets that were missed."""

from __future__ import annotations

import json
import platform
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, Target, median, p99

if TYPE_CHECKING:
    from collections.abc import Iterator


def lines(figure: Figure) -> Iterator[str]:
    """Yield the text of one figure: a line a variant, then a line a target."""
    yield f"{figure.number}  {figure.case} [{figure.unit}]"
    for name, samples in figure.samples.items():
        yield f"      {name:22} median {median(samples):9.3f}   p99 {p99(samples):9.3f}   n {len(samples)}"
    for target in figure.targets:
        value = target.value(figure.samples)
        verdict = "met   " if value <= target.limit else "MISSED"
        yield f"      {verdict} {value:8.3f}  {target.text(figure.unit)}"


def missed(figures: list[Figure], tolerance: float) -> list[tuple[Figure, Target]]:
    """Return the targets that are missed by more than ``tolerance`` (0.1 = a tenth of the limit)."""
    return [
        (figure, target)
        for figure in figures
        for target in figure.targets
        if target.value(figure.samples) > target.limit * (1 + tolerance)
    ]


def as_json(figures: list[Figure]) -> str:
    """Return machine, interpreter and all figures with their statistics."""
    return json.dumps(
        {
            "machine": platform.machine(),
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
                        {
                            "text": target.text(figure.unit),
                            "limit": target.limit,
                            "value": target.value(figure.samples),
                        }
                        for target in figure.targets
                    ],
                }
                for figure in figures
            ],
        },
        indent=1,
    )
