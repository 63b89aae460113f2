"""The results as a picture for ``docs/performance.md``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.table import NAMES, ratio_of

COLORS = {"floor": "#9aa5b1", "capture": "#1769aa", "check_numerics": "#d0742f",
          "dump_debug_info": "#b5483a", "torchlens": "#7b5ea7"}  # fmt: skip


def plot(results: dict[str, Any], file: Path) -> None:
    """Draw ratios (with TensorFlow's own tools) and growth side by side."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "tapemagic"
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    _ratios(left, results)
    _growth(right, results.get("growth") or [])
    figure.savefig(file, metadata={"Date": None})


def _ratios(axes: Any, results: dict[str, Any]) -> None:
    rows = [n for n in ("chain", "mobilenet", "loop", "function") if n in results["rows"]]
    height = 0.8 / len(COLORS)
    for number, (way, color) in enumerate(COLORS.items()):
        places, ratios = [], []
        for at, name in enumerate(rows):
            if way in results["rows"][name]["ways"]:
                places.append(at + (number - (len(COLORS) - 1) / 2) * height)
                ratios.append(ratio_of(results["rows"][name], way))
        if ratios:
            bars = axes.barh(places, ratios, height, color=color, label=NAMES[way], left=0)
            axes.bar_label(bars, [f"{r:.2f}x" for r in ratios], padding=3, fontsize=8)
    axes.set_xscale("log")
    axes.set_xlim(0.9, 100)
    axes.set_yticks(range(len(rows)), rows)
    axes.invert_yaxis()
    axes.set_xlabel("time, as a multiple of the plain cell (1 = no cost)")
    axes.legend(fontsize=8, loc="lower right")
    axes.set_title("Listening, and TensorFlow's own tools", fontsize=10)


def _growth(axes: Any, found: list[dict[str, Any]]) -> None:
    ops = [one["ops"] for one in found]
    for key, color, label in (
        ("plain", "#9aa5b1", "plain cell"),
        ("capture", "#1769aa", "traced cell, without the report"),
        ("report", "#3d8b5f", "explaining"),
        ("page", "#7b5ea7", "drawing the page"),
    ):
        axes.plot(ops, [one[key] for one in found], "o-", color=color, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("ops in the cell")
    axes.set_ylabel("seconds")
    axes.legend(fontsize=8)
    axes.grid(visible=True, alpha=0.25)
    axes.set_title("Growth with the number of ops", fontsize=10)
