"""Reward against sparsity: pruned, quantised, pruned and quantised, dense, with the published values beside them."""

from __future__ import annotations

import csv
import io
import json
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ganglion.hil.environments import base_name, file_name

from ..environments import atari_id
from ..storage.result import Result

_RESAMPLES = 2_000
_LEVEL = 0.95
_SALT = "ganglion"
_DOTS_PER_INCH = 150
_SERIES = {False: ("float32", "tab:blue", -0.05), True: ("integers", "tab:orange", 0.05)}  # name, colour, place
_PAPERS_PLACE = 0.15
_PAPERS_VERSION = "-v4"
_VERSIONS_DIFFER = ("Walker2d", "Ant", "Humanoid")  # rewarded otherwise, or with other observations, in other versions


@dataclass(frozen=True)
class Point:
    """Mean return over seeds of runs of one kind; `low` and `high` end its 95 % interval, None for a single seed."""

    env_id: str
    sparsity: float
    quantised: bool
    seeds: int
    mean: float
    low: float | None
    high: float | None
    correlated: bool


@dataclass(frozen=True)
class Published:
    """Mean and half-band (about one deviation over seeds) that the paper's curves show; sparsity 0 is dense.
    `env_id` is the paper's environment, with its version."""

    env_id: str
    network: str
    sparsity: float
    quantised: bool
    mean: float
    band: float
    seeds: int

    def version_beside(self, env_id: str) -> str:
        """What its name needs in a figure of `env_id`: " (-v4)" where that is of another version, else nothing."""
        return "" if env_id == self.env_id else f" ({_PAPERS_VERSION})"


def aggregate(results: Iterable[Result]) -> list[Point]:
    """One point for each environment, sparsity and kind: the mean over seeds of the runs' mean returns, with its
    interval by stratified bootstrap over seeds (rliable; Agarwal et al. 2021, arXiv 2108.13264)."""
    groups: dict[tuple[str, float, bool], list[Result]] = {}
    for result in results:
        groups.setdefault((result.env_id, result.sparsity, result.quantised), []).append(result)
    intervals = _intervals({key: [result.mean for result in group] for key, group in groups.items()})
    return [
        Point(
            *key,
            seeds=len(group),
            mean=float(np.mean([result.mean for result in group])),
            low=intervals[key][0],
            high=intervals[key][1],
            correlated=any(result.shared_dense for result in group),
        )
        for key, group in sorted(groups.items())
    ]


def _intervals(groups: dict) -> dict:
    several = {key: np.array(means)[:, None] for key, means in groups.items() if len(means) > 1}
    none = {key: (None, None) for key in groups}
    if not several:
        return none
    from rliable.library import get_interval_estimates

    with warnings.catch_warnings():  # rliable hands its generator on under the old name
        warnings.filterwarnings("ignore", "random_state is deprecated", FutureWarning)
        _, ends = get_interval_estimates(
            several,
            lambda means: np.array([means.mean()]),
            reps=_RESAMPLES,
            confidence_interval_size=_LEVEL,
            random_state=np.random.RandomState(0),
        )
    return none | {key: (float(low[0]), float(high[0])) for key, (low, high) in ends.items()}


def published(env_id: str, network: str = "mlp") -> list[Published]:
    """The paper's values for an environment; those of its -v4 for another version where the versions are alike, empty
    where they are not, or where the paper has none."""
    rows = csv.DictReader(io.StringIO(files(__package__).joinpath("published.csv").read_text()))
    return [
        Published(
            _papers_id(row["env"]),
            row["network"],
            float(row["sparsity"]),
            quantised,
            float(row[column]),
            float(row[f"{column}_band"]),
            int(row["seeds"]),
        )
        for row in rows
        if row["network"] == network and _comparable(env_id, row["env"])
        for quantised, column in ((False, "float"), (True, "integers"))
    ]


def _papers_id(name: str) -> str:
    return atari_id(name) or name + _PAPERS_VERSION


def _comparable(env_id: str, name: str) -> bool:
    papers = _papers_id(name)
    return env_id == papers or (base_name(env_id) == base_name(papers) and name not in _VERSIONS_DIFFER)


def draw(points: Sequence[Point], env_id: str, folder: Path, network: str = "mlp") -> list[Path]:
    """Write `<env_id>.svg`, `.png` and `.json` (the values drawn) for one environment; the files."""
    points = [point for point in points if point.env_id == env_id]
    paper = published(env_id, network)
    folder.mkdir(parents=True, exist_ok=True)
    values = {"points": [asdict(point) for point in points], "published": [asdict(value) for value in paper]}
    paths = [folder / f"{file_name(env_id)}.{kind}" for kind in ("svg", "png", "json")]
    with rc_context({"svg.hashsalt": _SALT, "svg.fonttype": "none"}):
        figure = Figure(figsize=(7, 4.5), layout="constrained")
        _panel(figure.subplots(), points, paper, env_id)
        figure.savefig(paths[0], metadata={"Date": None})
        figure.savefig(paths[1], dpi=_DOTS_PER_INCH, metadata={"Software": None})
    paths[2].write_text(json.dumps(values, indent=1) + "\n")
    return paths


def _panel(axes: Axes, points: Sequence[Point], paper: Sequence[Published], env_id: str) -> None:
    sparsities = sorted({item.sparsity for item in (*points, *paper)} - {0.0})
    for quantised, (name, color, shift) in _SERIES.items():
        places = {sparsity: place + shift for place, sparsity in enumerate(sparsities)}
        _ours(axes, [point for point in points if point.quantised == quantised], places, name, color)
        _papers(axes, [value for value in paper if value.quantised == quantised], places, name, color, env_id)
    axes.set_xticks(range(len(sparsities)), [f"{100 * sparsity:g} %" for sparsity in sparsities])
    axes.set_xlabel("sparsity")
    axes.set_ylabel("return")
    shared = (
        "\nruns of a seed share their dense beginning: points correlate" if any(p.correlated for p in points) else ""
    )
    axes.set_title(f"{env_id}: last policy, 95 % intervals over seeds{shared}", fontsize=9)
    axes.grid(True, linewidth=0.4)
    axes.legend(fontsize=7)


def _ours(axes: Axes, points: list[Point], places: dict[float, float], name: str, color: str) -> None:
    for dense in (point for point in points if not point.sparsity):
        label = f"dense {name} ({dense.seeds} seeds)"
        axes.axhline(dense.mean, color=color, linewidth=1, linestyle=":", label=label)
        if dense.low is not None:
            axes.axhspan(dense.low, dense.high, color=color, alpha=0.1, linewidth=0)
    pruned = [point for point in points if point.sparsity]
    if pruned:
        x, means = [places[point.sparsity] for point in pruned], [point.mean for point in pruned]
        low = [point.mean - (point.mean if point.low is None else point.low) for point in pruned]
        high = [(point.mean if point.high is None else point.high) - point.mean for point in pruned]
        seeds = "-".join(str(n) for n in sorted({point.seeds for point in pruned}))
        axes.errorbar(
            x,
            means,
            yerr=[low, high],
            color=color,
            marker="o",
            markersize=4,
            capsize=3,
            label=f"pruned, {name} ({seeds} seeds)",
        )


def _papers(
    axes: Axes, values: list[Published], places: dict[float, float], name: str, color: str, env_id: str
) -> None:
    dense = [value for value in values if not value.sparsity]
    pruned = [value for value in values if value.sparsity]
    for value in dense:
        label = f"paper{value.version_beside(env_id)}: dense, {name}"
        axes.axhline(value.mean, color=color, linewidth=0.8, linestyle="-.", alpha=0.5, label=label)
    if pruned:
        x, means = [places[value.sparsity] + _PAPERS_PLACE for value in pruned], [value.mean for value in pruned]
        bands = [value.band for value in pruned]
        label = f"paper{pruned[0].version_beside(env_id)}: pruned, {name}, ± band of {pruned[0].seeds} seeds"
        axes.errorbar(
            x, means, yerr=bands, color=color, alpha=0.4, marker="x", markersize=4, linestyle="--", label=label
        )
