"""Selection and compaction: exact counts, no weight on a dead neuron, the same function before and after."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ganglion.trainer.distil.compaction import compact
from ganglion.trainer.distil.saliency import saliency
from ganglion.trainer.distil.selection import select
from ganglion.trainer.layers import SparseLinear

SHAPES = [(10, 6), (8, 10), (3, 8)]
HIDDEN = [10, 8]


def _scores(seed: int) -> list[torch.Tensor]:
    torch.manual_seed(seed)
    return [torch.rand(shape) + 1e-3 for shape in SHAPES]


def _everyone() -> list[torch.Tensor]:
    return [torch.ones(count, dtype=torch.bool) for count in HIDDEN]


def _stranded(masks: list[torch.Tensor]) -> int:
    return sum(int(((masks[i].sum(dim=1) == 0) != (masks[i + 1].sum(dim=0) == 0)).sum()) for i in range(len(masks) - 1))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), budget=st.integers(40, 164))
def test_selection_spends_the_budget_on_live_neurons_only(seed, budget):
    masks = select(_scores(seed), budget, _everyone())
    assert sum(int(mask.sum()) for mask in masks) == budget
    assert _stranded(masks) == 0


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), budget=st.integers(1, 39))
def test_selection_never_exceeds_a_budget_that_is_too_small(seed, budget):
    masks = select(_scores(seed), budget, _everyone())
    assert sum(int(mask.sum()) for mask in masks) <= budget
    assert _stranded(masks) == 0


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), width=st.integers(1, 8))
def test_selection_bounds_the_width_and_leaves_out_the_dead(seed, width):
    alive = _everyone()
    alive[0][3] = False
    masks = select(_scores(seed), 164, alive, width)
    assert max(int((mask.sum(dim=1) > 0).sum()) for mask in masks[:-1]) <= width
    assert masks[0][3].sum() == 0 and masks[1][:, 3].sum() == 0


def test_selection_takes_the_highest_scores_where_all_neurons_live():
    scores = _scores(1)
    masks = select(scores, 120, _everyone())
    flat = torch.cat([score.flatten() for score in scores])
    kept = torch.cat([mask.flatten() for mask in masks]).bool()
    assert flat[kept].min() > flat[~kept].max()


def test_selection_keeps_a_budget_per_layer():
    masks = select(_scores(2), [30, 40, 20], _everyone())
    assert [int(mask.sum()) for mask in masks] == [30, 40, 20]


def _network(seed: int, density: float) -> tuple[list[SparseLinear], torch.optim.Optimizer]:
    torch.manual_seed(seed)
    layers = [SparseLinear(nn.Linear(columns, rows).double()) for rows, columns in SHAPES]
    optimizer = torch.optim.Adam([p for layer in layers for p in (layer.weight, layer.bias)], fused=True)
    for layer in layers:
        layer.mask = (torch.rand_like(layer.mask) < density).double()
    return layers, optimizer


def _run(layers, values):
    for layer in layers[:-1]:
        values = torch.relu(layer(values))
    return layers[-1](values)


def _step(layers, optimizer, values):
    optimizer.zero_grad()
    _run(layers, values).square().sum().backward()
    optimizer.step()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), density=st.sampled_from([0.08, 0.15, 0.3, 1.0]))
def test_compaction_changes_shapes_only(seed, density):
    layers, optimizer = _network(seed, density)
    values = torch.randn(16, 6, dtype=torch.float64)
    _step(layers, optimizer, values)
    before, kept = _run(layers, values), sum(layer.nonzeros for layer in layers)
    compact(layers, optimizer)
    torch.testing.assert_close(_run(layers, values), before, rtol=1e-13, atol=1e-13)
    assert sum(layer.nonzeros for layer in layers) <= kept
    if min(layer.out_features for layer in layers) > 1:
        assert _stranded([layer.mask for layer in layers]) == 0


def test_compaction_keeps_the_moments_of_what_stays():
    """One more step of Adam moves the survivors as it would have without compaction."""
    plain, plain_optimizer = _network(5, 0.2)
    small, small_optimizer = _network(5, 0.2)
    values = torch.randn(16, 6, dtype=torch.float64)
    for layers, optimizer in ((plain, plain_optimizer), (small, small_optimizer)):
        _step(layers, optimizer, values)
    compact(small, small_optimizer)
    assert small[0].out_features < 10
    kept = [i for i in range(10) if any(torch.equal(plain[0].weight[i], row) for row in small[0].weight)]
    assert len(kept) == small[0].out_features
    _step(plain, plain_optimizer, values)
    _step(small, small_optimizer, values)
    torch.testing.assert_close(small[0].weight, plain[0].weight[kept], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["second-order", "activation", "magnitude"])
def test_saliency_scores_kept_weights_only(kind):
    layers, optimizer = _network(7, 0.5)
    values = torch.randn(16, 6, dtype=torch.float64)
    _step(layers, optimizer, values)
    inputs = [values, torch.rand(16, 10), torch.rand(16, 8)]
    for layer, scores in zip(layers, saliency(kind, layers, inputs, optimizer), strict=True):
        assert torch.equal(scores > 0, layer.mask > 0)


def test_saliency_of_the_second_order_is_weight_times_root_of_the_second_moment():
    layers, optimizer = _network(8, 1.0)
    _step(layers, optimizer, torch.randn(16, 6, dtype=torch.float64))
    moment = optimizer.state[layers[1].weight]["exp_avg_sq"]
    scores = saliency("second-order", layers, [torch.zeros(1)] * 3, optimizer)
    torch.testing.assert_close(scores[1], layers[1].weight.detach().abs() * (moment.sqrt() + 1e-9))
