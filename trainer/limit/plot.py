"""Return against time and against space: all students of a search, and a line through those that nobody beats."""

from __future__ import annotations

import io
from collections.abc import Sequence

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from .front import pareto_front
from .points import Goal, Result
from .pricing import Unit

_LABELS: dict[Unit, str] = {
    "cycles": "cycles of the fastest kernel (model)",
    "bytes": "bytes of the smallest kernel, code and tables included",
    "ns": "nanoseconds of the fastest design (estimate)",
    "luts": "look-up tables of the smallest design (estimate)",
}
_MARGIN = 1.5


def plot_front(results: Sequence[Result], title: str, goal: Goal, kind: str) -> bytes:
    """The plot as a file of `kind` ("svg" or "png"); the same results give the same bytes."""
    with rc_context({"svg.hashsalt": "ganglion", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9.5, 4), layout="constrained")
        for unit, axes in zip(goal.units, figure.subplots(1, 2, sharey=True), strict=True):
            _panel(axes, results, unit, goal)
        polished = "; squares: polished" if any(result.polished for result in results) else ""
        figure.suptitle(title + polished, fontsize=11)
        content = io.BytesIO()
        figure.savefig(content, format=kind, dpi=120, metadata={"Date": None} if kind == "svg" else {"Software": None})
    return content.getvalue()


def _panel(axes: Axes, results: Sequence[Result], unit: Unit, goal: Goal) -> None:
    front = pareto_front(results, unit)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(True, linewidth=0.3)
    axes.axhline(100, linewidth=0.8, color="black", linestyle=":")
    budget = goal.bounds.get(unit)
    if budget:
        axes.axvline(budget, linewidth=0.8, color="tab:red", linestyle="--")
    elif not goal.has_budget:
        axes.axhline(100 * goal.keep, linewidth=0.8, color="tab:red", linestyle="--")
    for result in results:
        _point(axes, result, unit, result in front)
    axes.plot([r.price.of(unit) for r in front], [100 * r.share for r in front], linewidth=1, color="tab:blue")
    for result in front:
        label = f"{result.nonzeros:,} weights"
        axes.annotate(label, (result.price.of(unit), 100 * result.share), (4, -9), textcoords="offset points", size=7)
    prices = [result.price.of(unit) for result in results]
    axes.set_xlim(min(prices) / _MARGIN, max(prices) * _MARGIN)
    axes.set_xlabel(_LABELS[unit])
    if unit == goal.units[0]:
        axes.set_ylabel("% of the teacher's return, 95 % interval")


def _point(axes: Axes, result: Result, unit: Unit, beaten_by_nobody: bool) -> None:
    price, share = result.price.of(unit), 100 * result.share
    reach = [[max(0.0, share - 100 * result.low)], [max(0.0, 100 * result.high - share)]]
    color, marker = "tab:blue" if beaten_by_nobody else "tab:gray", "s" if result.polished else "o"
    axes.errorbar(price, share, yerr=reach, fmt=marker, markersize=4, elinewidth=0.8, color=color)
