import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ganglion.hil.statistics import histogram, quantiles, summarise

CYCLES = st.lists(st.integers(0, 2**40), min_size=1, max_size=300).map(lambda values: np.array(values, np.int64))


def test_a_summary_by_hand():
    summary = summarise([1.0, 2.0, 3.0, 6.0])
    assert summary.mean == 3.0
    assert summary.std == np.sqrt(14 / 3)
    low, high = summary.ci95
    assert 1.0 < low < 3.0 < high < 6.0


def test_one_episode_has_no_spread():
    summary = summarise([5.0])
    assert (summary.mean, summary.std, summary.ci95) == (5.0, None, None)


def test_the_interval_is_the_same_every_time():
    values = np.random.default_rng(1).normal(size=20).tolist()
    assert summarise(values) == summarise(values)


def test_the_interval_covers_the_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(2)
    intervals = [summarise(rng.normal(10, 3, 20)).ci95 for _ in range(200)]
    assert 175 <= sum(low <= 10 <= high for low, high in intervals) <= 200


@given(CYCLES)
def test_quantiles_are_observed_values(values):
    found = quantiles(values)
    assert found.min == values.min() and found.max == values.max()
    assert {found.median, found.p99} <= set(values.tolist())
    assert (values <= found.median).mean() >= 0.5 and (values < found.median).mean() < 0.5
    assert (values <= found.p99).mean() >= 0.99 and (values < found.p99).mean() < 0.99


@given(CYCLES)
def test_a_histogram_loses_nothing(values):
    found = histogram(values)
    assert len(found.counts) == len(found.edges) - 1 <= 32
    for low, high, count in zip(found.edges[:-1], found.edges[1:], found.counts, strict=True):
        assert count == ((values >= low) & (values < high)).sum()
    assert sum(found.counts) == len(values)
