"""Cycles against bytes: a panel for each net and sparsity, with a line through the kernels that none beats in both."""

from __future__ import annotations

import io
from collections.abc import Sequence

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .suite import KernelRow

_PANEL_INCHES = 3.2
_SALT = "ganglion"


def pareto_front(rows: Sequence[KernelRow]) -> list[KernelRow]:
    """Rows of one net and core to which no other is better in cycles or bytes and as good in the other, by bytes."""
    front: list[KernelRow] = []
    for row in sorted(rows, key=lambda row: (row.policy_flash_bytes, row.cycles)):
        if not front or row.cycles < front[-1].cycles:
            front.append(row)
    return front


def plot_svg(rows: Sequence[KernelRow], core: str) -> str:
    """The plot of `rows` on `core` as SVG text, the same text for the same counts."""
    rows = [row for row in rows if row.core == core]
    nets = list(dict.fromkeys(row.net for row in rows))
    sparsities = sorted({row.sparsity for row in rows})
    with rc_context({"svg.hashsalt": _SALT, "svg.fonttype": "none"}):
        size = (_PANEL_INCHES * len(sparsities), _PANEL_INCHES * len(nets))
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(len(nets), len(sparsities), squeeze=False)
        for net, line in zip(nets, panels, strict=True):
            for sparsity, axes in zip(sparsities, line, strict=True):
                _panel(axes, [row for row in rows if (row.net, row.sparsity) == (net, sparsity)])
                axes.set_title(f"{net}, {sparsity:.0%}", fontsize=9)
        figure.supxlabel("bytes of code and constants")
        figure.supylabel(f"cycles on {core}")
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def _panel(axes: Axes, rows: Sequence[KernelRow]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.grid(True, which="major", linewidth=0.4)
    front = pareto_front(rows)
    axes.plot([row.policy_flash_bytes for row in front], [row.cycles for row in front], linewidth=1, color="tab:blue")
    for row in rows:
        color = "tab:blue" if row in front else "tab:gray"
        axes.plot(row.policy_flash_bytes, row.cycles, "o", markersize=4, color=color)
        axes.annotate(row.kernel, (row.policy_flash_bytes, row.cycles), (3, 3), textcoords="offset points", fontsize=7)
