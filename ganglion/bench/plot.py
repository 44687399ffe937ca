"""Cycles against bytes: a panel for each sparsity, with a line through the kernels that none beats in both."""

from __future__ import annotations

import io
from collections.abc import Sequence

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from ganglion.codegen.timing import ZERO_WAIT

from .peers import PEERS
from .rows import ALL_KERNELS, KernelRow

_PANEL_INCHES, _LEGEND_INCHES, _COLUMNS = 3.0, 0.9, 3
_SALT = "ganglion"
_MARKERS = "oDsP^v<>Xp*"
_PEER_MARKERS = "1234+"
_COLORS = ("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple", "tab:brown", "tab:pink", "tab:olive",
           "tab:cyan", "navy", "gold")  # fmt: skip


def pareto_front(rows: Sequence[KernelRow]) -> list[KernelRow]:
    """Rows of one net and core to which no other is better in cycles or bytes and as good in the other, by bytes."""
    front: list[KernelRow] = []
    for row in sorted(rows, key=lambda row: (row.policy_flash_bytes, row.cycles)):
        if not front or row.cycles < front[-1].cycles:
            front.append(row)
    return front


def plot_svg(rows: Sequence[KernelRow], net: str, core: str) -> str:
    """The plot of `net` on `core` without wait states as SVG text, the same text for the same counts."""
    rows = [row for row in rows if (row.net, row.core, row.flash_model) == (net, core, ZERO_WAIT)]
    sparsities = sorted({row.sparsity for row in rows})
    columns = max(1, min(_COLUMNS, len(sparsities)))
    lines = max(1, -(-len(sparsities) // columns))
    with rc_context({"svg.hashsalt": _SALT, "svg.fonttype": "none", "font.size": 8}):
        size = (max(_PANEL_INCHES * columns, 2 * _PANEL_INCHES), _PANEL_INCHES * lines + _LEGEND_INCHES)
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(lines, columns, squeeze=False).ravel()
        for axes in panels[len(sparsities) :]:
            axes.set_visible(False)
        for sparsity, axes in zip(sparsities, panels, strict=False):
            _panel(axes, [row for row in rows if row.sparsity == sparsity])
            axes.set_title(f"{sparsity:.0%} of the weights are zero", fontsize=9)
            axes.set_xlabel("bytes of code and constants")
            axes.set_ylabel("cycles")
        figure.suptitle(f"{net} on {core}: cycles of one inference against bytes", fontsize=10)
        _legend(figure, panels)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def _panel(axes: Axes, rows: Sequence[KernelRow]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 3.0), numticks=12))
        axis.set_major_formatter(FuncFormatter(_short))
        axis.set_minor_formatter("")
    axes.grid(True, which="major", linewidth=0.4)
    front = pareto_front(rows)
    sizes, cycles = [row.policy_flash_bytes for row in front], [row.cycles for row in front]
    axes.plot(sizes, cycles, linewidth=1, color="black", zorder=1, label="nothing is better in both")
    for row in rows:
        axes.plot(row.policy_flash_bytes, row.cycles, linestyle="none", **_style(row.kernel))


def _style(kernel: str) -> dict[str, object]:
    if kernel in PEERS:
        marker = _PEER_MARKERS[list(PEERS).index(kernel) % len(_PEER_MARKERS)]
        return {"marker": marker, "color": "dimgray", "markersize": 8, "label": f"peer: {kernel}"}
    place = ALL_KERNELS.index(kernel)
    return {
        "marker": _MARKERS[place % len(_MARKERS)],
        "color": _COLORS[place % len(_COLORS)],
        "markersize": 5,
        "label": kernel,
    }


def _legend(figure: Figure, panels: Sequence[Axes]) -> None:
    """One for all panels, below them, every name once."""
    entries = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=5, fontsize=8, frameon=False)


def _short(value: float, _: int) -> str:
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"
