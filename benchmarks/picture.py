"""The figures that matter to callers as one SVG picture: responses, and what is added to a cold start."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING, Any

from benchmarks.figures import ALONE, BASELINE, NONE, OURS, VARIANTS

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.report import Results

COLORS = {NONE: "#9aa5b1", BASELINE: "#5b6b7b", OURS: "#d9480f", ALONE: "#f2a97f"}
INK, GRID = "#3d4852", "#d5dae0"


def draw(results: Results, path: Path) -> None:
    """Write the picture; exit with a message if matplotlib or one of the figures is missing."""
    try:
        from matplotlib import rcParams
        from matplotlib.figure import Figure as Canvas
    except ImportError:
        sys.exit("--svg needs matplotlib: pip install 'lambda-punch[bench]'")
    responses = [figure for figure in results["figures"] if figure["case"].startswith("response, ")]
    added = [figure for figure in results["figures"] if figure["case"] == "init time added"]
    if not responses or not added:
        sys.exit("--svg needs the benchmarks responses and cold-start")
    # text stays text, and the same figures give the same bytes
    rcParams.update(
        {"svg.fonttype": "none", "svg.hashsalt": "lambda-punch", "font.size": 9, "font.family": "sans-serif"}
    )
    canvas = Canvas(figsize=(8.6, 3.9), layout="constrained")
    left, right = canvas.subplots(1, 2, width_ratios=(4.4, 1))
    _responses(left, responses)
    _cold_start(right, added[0]["variants"])
    canvas.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    canvas.savefig(path, metadata={"Date": None}, facecolor="white")


def _responses(axes: Any, figures: list[dict[str, Any]]) -> None:
    """Draw each case as four bars relative to the do-nothing extension's median, the line up to the p99."""
    axes.set_title("What callers wait (median; line: p99), do-nothing extension = 1", loc="left", fontsize=9, color=INK)
    for place, name in enumerate(VARIANTS):
        bases = [figure["variants"][BASELINE]["median"] for figure in figures]
        medians, tops = (
            [figure["variants"][name][which] / base for figure, base in zip(figures, bases, strict=True)]
            for which in ("median", "p99")
        )
        at = [index + (place - 1.5) * 0.2 for index in range(len(figures))]
        axes.bar(at, medians, width=0.18, color=COLORS[name], label=name, zorder=2)
        axes.vlines(at, medians, tops, color=COLORS[name], linewidth=1, zorder=2)
    cases = [figure["case"].removeprefix("response, ") for figure in figures]
    _plain(axes, range(len(figures)), [textwrap.fill(case, 14) for case in cases])
    axes.set_ylim(0, 2.5)


def _cold_start(axes: Any, variants: dict[str, dict[str, float]]) -> None:
    axes.set_title("Added to the init, ms", loc="left", fontsize=9, color=INK)
    for place, (name, found) in enumerate(variants.items()):
        axes.bar(place, found["median"], width=0.7, color=COLORS[name], zorder=2)
        axes.text(place, found["median"] + 0.15, f"{found['median']:.1f}", ha="center", color=INK)
    _plain(axes, range(len(variants)), [""] * len(variants))
    axes.margins(y=0.1)


def _plain(axes: Any, ticks: range, labels: list[str]) -> None:
    axes.set_xticks(ticks, labels, fontsize=8)
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=0, colors=INK)
