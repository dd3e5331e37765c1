"""A figure: samples of each variant, and the targets that they have to meet."""

from __future__ import annotations

import dataclasses
import math
import statistics

# The variants, in the order of the columns.
NONE = "no extension"
BASELINE = "do-nothing extension"
OURS = "lambda-punch"
ALONE = "lambda-punch alone"
BEFORE = "lambda-punch before"  # of the commit given by --against
VARIANTS = (NONE, BASELINE, OURS, ALONE)


def median(samples: list[float]) -> float:
    return statistics.median(samples)


def p99(samples: list[float]) -> float:
    """The value that 99 of 100 samples do not exceed; of fewer than 100 samples that is the largest."""
    return sorted(samples)[math.ceil(len(samples) * 0.99) - 1]


STATISTICS = {"median": median, "p99": p99}


@dataclasses.dataclass(frozen=True)
class Target:
    """A limit on ``statistic`` of ``variant``: as a ratio to the baseline, as a difference, or by itself."""

    how: str  # "ratio", "more" or "most"
    limit: float
    statistic: str = "median"
    variant: str = OURS
    baseline: str = BASELINE

    def value(self, samples: dict[str, list[float]]) -> float:
        compute = STATISTICS[self.statistic]
        value = compute(samples[self.variant])
        if self.how == "ratio":
            return value / compute(samples[self.baseline])
        return value - compute(samples[self.baseline]) if self.how == "more" else value

    def text(self, unit: str) -> str:
        if self.how == "ratio":
            return f"{self.statistic} at most {self.limit:g} times {self.baseline}"
        more = f" more than {self.baseline}" if self.how == "more" else ""
        return f"{self.statistic} at most {self.limit:g} {unit}{more}"


@dataclasses.dataclass(frozen=True)
class Figure:
    """One row of the table in docs/what-it-costs.md."""

    number: str
    case: str
    unit: str
    samples: dict[str, list[float]]
    targets: tuple[Target, ...] = ()
