"""Return against sparsity: published, trained by the protocol, and distilled, with what each point took."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from statistics import fmean

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ..sweep.figure import Published, published
from .entries import ComparisonError, Entry, Method
from .labels import separate

_COLORS: dict[Method, str] = {"protocol": "tab:orange", "distilled": "tab:blue"}
_NAMES: dict[Method, str] = {"protocol": "Ganglion, trained by the protocol", "distilled": "Ganglion, distilled"}
_MARKERS: dict[Method, str] = {"protocol": "s", "distilled": "o"}
_SPARSITIES = (0.0, 0.5, 0.7, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
_PAPER_STEPS = 1_300_000
_DOTS_PER_INCH = 120


def draw_comparison(entries: Sequence[Entry], env_id: str, kind: str) -> bytes:
    """The figure as a file of `kind` ("svg" or "png"); the same entries give the same bytes.

    Entries of one method, kind and sparsity are one point: the mean over seeds, with bars from the lowest to the
    highest, or, for a single one, its deviation over episodes. ComparisonError where there is nothing to draw.
    """
    paper = published(env_id)
    if not entries and not paper:
        raise ComparisonError(f"there is neither an actor for {env_id} nor a published value; name a folder of runs")
    with rc_context({"svg.hashsalt": "ganglion", "svg.fonttype": "none"}):
        figure = Figure(figsize=(8, 5.6), layout="constrained")
        axes = figure.subplots()
        _published(axes, paper, env_id)
        _teachers(axes, entries)
        labels = [label for method in _COLORS for label in _method(axes, method, entries)]
        _decorate(axes, entries, paper, env_id)
        figure.legend(fontsize=7, loc="outside lower center", ncols=2)
        separate(figure, labels)
        content = io.BytesIO()
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(content, format=kind, dpi=_DOTS_PER_INCH, metadata=metadata)
    return content.getvalue()


def _published(axes: Axes, values: Sequence[Published], env_id: str) -> None:
    styles = {False: ("float32", "tab:gray", "--"), True: ("int8 weights", "black", "-.")}
    for quantised, (name, color, line) in styles.items():
        rows = [value for value in values if value.quantised == quantised]
        if rows:
            densities, means = [1 - row.sparsity for row in rows], [row.mean for row in rows]
            source = f"Ivanov et al. 2025{rows[0].version_beside(env_id)}"
            label = f"{source}, {name}, ± band of {rows[0].seeds} seeds, {_steps(_PAPER_STEPS)} a point"
            axes.plot(densities, means, color=color, linestyle=line, linewidth=0.9, marker="x", ms=4, label=label)
            low = [row.mean - row.band for row in rows]
            high = [row.mean + row.band for row in rows]
            axes.fill_between(densities, low, high, color=color, alpha=0.08, linewidth=0)


def _teachers(axes: Axes, entries: Sequence[Entry]) -> None:
    taught: dict[int | None, list[float]] = {}
    for entry in entries:
        if entry.teacher_return is not None:
            taught.setdefault(entry.teacher_steps, []).append(entry.teacher_return)
    for steps, returns in sorted(taught.items(), key=lambda item: item[0] or 0):
        label = "teacher of the distilled" + (f", {_steps(steps)}" if steps else "")
        axes.axhline(fmean(returns), color=_COLORS["distilled"], linewidth=0.8, linestyle=":", label=label)


def _method(axes: Axes, method: Method, entries: Sequence[Entry]) -> Iterator[Annotation]:
    """Draw the points of `method`; their labels."""
    groups: dict[tuple, list[Entry]] = {}
    for entry in entries:
        if entry.method == method:
            groups.setdefault((round(entry.sparsity, 4), entry.kind, entry.chosen), []).append(entry)
    for index, ((_, kind, chosen), group) in enumerate(sorted(groups.items())):
        means, x = [entry.mean for entry in group], 1 - fmean(entry.sparsity for entry in group)
        middle = fmean(means)
        low, high = (min(means), max(means)) if len(group) > 1 else _around(group[0])
        axes.errorbar(
            x,
            middle,
            yerr=[[middle - low], [high - middle]],
            color=_COLORS[method],
            marker=_MARKERS[method],
            markerfacecolor="white" if kind else None,
            markersize=5,
            capsize=2,
            linestyle="none",
            label=_NAMES[method] if index == 0 else None,
        )
        above = method == "distilled" and not kind
        yield axes.annotate(
            _label(group, kind, chosen),
            (x, high if above else low),
            (0, 6 if above else -6),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            size=6.5,
            color=_COLORS[method],
        )


def _around(entry: Entry) -> tuple[float, float]:
    return entry.mean - entry.deviation, entry.mean + entry.deviation


def _label(group: Sequence[Entry], kind: str, chosen: bool) -> str:
    """What a point took: minutes where they are known, steps otherwise; each seed's, where there are several."""
    minutes = [entry.minutes for entry in group if entry.minutes is not None]
    took = f"{fmean(minutes):.1f} min" if len(minutes) == len(group) else _steps(round(fmean(e.steps for e in group)))
    seeds = f"{len(group)} x {took}" if len(group) > 1 else took
    words = [f"{group[0].nonzeros:,}", kind, "best of several" if chosen else ""]
    return ", ".join(word for word in words if word) + f"\n{seeds}"


def _steps(steps: int) -> str:
    return f"{steps / 1e6:.1f} M steps" if steps >= 100_000 else f"{steps:,} steps"


def _decorate(axes: Axes, entries: Sequence[Entry], paper: Sequence[Published], env_id: str) -> None:
    densest = max([1 - value.sparsity for value in paper] + [1 - entry.sparsity for entry in entries])
    sparsest = min([1 - value.sparsity for value in paper] + [1 - entry.sparsity for entry in entries])
    axes.set_xscale("log")
    axes.set_xlim(densest * 1.15, sparsest / 2)
    axes.xaxis.set_major_locator(FixedLocator([1 - sparsity for sparsity in _SPARSITIES]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda density, _: f"{100 * (1 - density):.4g} %"))
    axes.margins(y=0.2)
    axes.set_ylim(bottom=min([0.0, *(entry.mean - entry.deviation for entry in entries)]))
    axes.set_xlabel("share of the weights that are zero")
    axes.set_ylabel("return, mean over episodes")
    axes.set_title(f"{env_id}: at the points, weights that are left and what each took beyond its teacher", fontsize=9)
    axes.grid(True, linewidth=0.3)
