"""What a few numbers say of many: returns with their interval, cycles with their quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_RESAMPLES = 10_000
_SEED = 0
_BINS = 32


@dataclass(frozen=True)
class Summary:
    """Mean, sample standard deviation and 95 % interval of the mean; the last two need two values."""

    mean: float
    std: float | None
    ci95: tuple[float, float] | None


@dataclass(frozen=True)
class Quantiles:
    """Observed values, none interpolated: the median and p99 are the smallest with half and 99 % at or below."""

    min: int
    median: int
    p99: int
    max: int


@dataclass(frozen=True)
class Histogram:
    """`counts[i]` values lie in [edges[i], edges[i + 1]); all integers."""

    edges: tuple[int, ...]
    counts: tuple[int, ...]


def summarise(values: Sequence[float]) -> Summary:
    """Summary of episode returns; the interval is the percentile bootstrap (Efron and Tibshirani 1993, chapter 13),
    10,000 resamples with a fixed seed."""
    sample = np.asarray(values, dtype=np.float64)
    if len(sample) < 2:
        return Summary(float(sample.mean()), None, None)
    picks = np.random.default_rng(_SEED).integers(len(sample), size=(_RESAMPLES, len(sample)))
    low, high = np.quantile(sample[picks].mean(axis=1), [0.025, 0.975])
    return Summary(float(sample.mean()), float(sample.std(ddof=1)), (float(low), float(high)))


def quantiles(values: np.ndarray) -> Quantiles:
    """Quantiles of integers, at least one."""
    median, p99 = np.quantile(values, [0.5, 0.99], method="inverted_cdf")
    return Quantiles(int(values.min()), int(median), int(p99), int(values.max()))


def histogram(values: np.ndarray) -> Histogram:
    """At most 32 bins of one integer width that cover all values."""
    low, high = int(values.min()), int(values.max())
    width = -(-(high - low + 1) // _BINS)
    bins = (high - low) // width + 1
    counts = np.bincount((values - low) // width, minlength=bins)
    return Histogram(tuple(low + width * i for i in range(bins + 1)), tuple(int(count) for count in counts))
