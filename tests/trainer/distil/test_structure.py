"""Selection and compaction: exact counts, no weight on a dead neuron, the same function before and after."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ganglion.trainer.compression.calibration import BitWidths, calibrate
from ganglion.trainer.compression.layers import SparseLinear
from ganglion.trainer.distil.compaction import compact
from ganglion.trainer.distil.freezing import Freezer
from ganglion.trainer.distil.saliency import saliency
from ganglion.trainer.distil.selection import select

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


def _paired(mask: torch.Tensor) -> bool:
    return torch.equal(mask[:, 0 : mask.shape[1] // 2 * 2 : 2], mask[:, 1::2])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), budget=st.integers(40, 164), per_layer=st.booleans())
def test_pairs_are_kept_whole_and_no_pair_of_neurons_is_stranded(seed, budget, per_layer):
    scores = _scores(seed)
    budgets = [budget * score.numel() // 164 for score in scores] if per_layer else budget
    masks = select(scores, budgets, _everyone(), pattern="pairs")
    assert all(_paired(mask) for mask in masks)
    assert sum(int(mask.sum()) for mask in masks) <= budget
    if not per_layer:
        assert sum(int(mask.sum()) for mask in masks) >= budget - 1
    for mask, reader in zip(masks, masks[1:], strict=False):
        inputs, readers = mask.sum(dim=1).unflatten(0, (-1, 2)).sum(dim=1), reader.sum(dim=0)[::2]
        assert torch.equal(inputs == 0, readers == 0)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), budget=st.integers(12, 164))
def test_neurons_are_cut_until_a_dense_network_is_within_the_budget(seed, budget):
    alive = _everyone()
    alive[1][2] = False
    masks = select(_scores(seed), budget, alive, pattern="neurons")
    widths = [int((mask.sum(dim=1) > 0).sum()) for mask in masks]
    assert sum(int(mask.sum()) for mask in masks) == 6 * widths[0] + widths[0] * widths[1] + widths[1] * 3 <= budget
    assert masks[1][2].sum() == 0


def test_the_neurons_that_are_worth_least_go_first():
    scores = _scores(4)
    scores[0][7] *= 1e-4
    scores[1][:, 7] *= 1e-4
    masks = select(scores, 163, _everyone(), pattern="neurons")
    assert masks[0].sum(dim=1).eq(0).nonzero().flatten().tolist() == [7]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), width=st.integers(2, 8))
def test_the_width_of_pairs_is_bounded(seed, width):
    masks = select(_scores(seed), 164, _everyone(), width, "pairs")
    assert max(int((mask.sum(dim=1) > 0).sum()) for mask in masks[:-1]) <= width
    assert all(_paired(mask) for mask in masks)


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


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), budget=st.integers(10, 120))
def test_compaction_leaves_pairs_where_they_are(seed, budget):
    layers, optimizer = _network(seed, 1.0)
    values = torch.randn(16, 6, dtype=torch.float64)
    _step(layers, optimizer, values)
    for layer, mask in zip(layers, select(_scores(seed), budget, _everyone(), pattern="pairs"), strict=True):
        layer.mask = mask.double()
    before = _run(layers, values)
    compact(layers, optimizer, "pairs")
    torch.testing.assert_close(_run(layers, values), before, rtol=1e-13, atol=1e-13)
    assert all(_paired(layer.mask) for layer in layers)
    for hidden, reader in zip(layers, layers[1:], strict=False):
        if hidden.out_features > 2:
            gone = (hidden.mask.sum(dim=1) == 0) | (reader.mask.sum(dim=0) == 0)
            assert not gone.unflatten(0, (-1, 2)).all(dim=1).any()


def _rounding_network(seed: int, bits: BitWidths) -> tuple[list[SparseLinear], torch.optim.Optimizer, torch.Tensor]:
    torch.manual_seed(seed)
    layers = [SparseLinear(nn.Linear(columns, rows)) for rows, columns in SHAPES]
    optimizer = torch.optim.Adam([p for layer in layers for p in (layer.weight, layer.bias)], lr=0.05, fused=True)
    for layer in layers:
        layer.mask = (torch.rand_like(layer.mask) < 0.6).float()
    values = torch.rand(64, 6) * 2 - 1
    calibrate(layers, values, bits, rounds_weights=False)
    return layers, optimizer, values


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    bits=st.sampled_from([BitWidths(4), BitWidths(3), BitWidths(4, powers_of_two=True), BitWidths(8, per_row=False)]),
)
def test_frozen_weights_stay_and_are_codes_in_the_end(seed, bits):
    layers, optimizer, values = _rounding_network(seed, bits)
    freezer, before = Freezer(layers), None
    for share in (0.4, 0.8, 1.0):
        freezer.freeze(share)
        if before is not None:
            assert all(
                torch.equal(now[was], value[was]) for now, (value, was) in zip(_weights(layers), before, strict=True)
            )
        for layer, frozen in zip(layers, freezer.frozen, strict=True):
            assert int(frozen.sum()) == round(share * layer.nonzeros)
        before = [
            (layer.weight.detach().clone(), frozen.clone())
            for layer, frozen in zip(layers, freezer.frozen, strict=True)
        ]
        _step(layers, optimizer, values)
        freezer.hold()
    assert freezer.complete
    for layer, exponents in zip(layers, freezer.exponents, strict=True):
        codes = (layer.weight * layer.mask).detach() * torch.exp2(-exponents.float())[:, None]
        assert torch.equal(codes, codes.round()) and int(codes.abs().max()) < 1 << bits.weights - 1
        if bits.powers_of_two:
            assert set(codes.abs().flatten().tolist()) <= {0.0, 1.0, 2.0, 4.0}
        layer.quantiser.rounds_weights = True
        layer.forget()
        assert torch.equal(layer.in_use()[0], (layer.weight * layer.mask).detach())


def test_the_largest_weights_are_frozen_first():
    layers, _, _ = _rounding_network(1, BitWidths(4))
    freezer = Freezer(layers)
    freezer.freeze(0.5)
    for layer, frozen, was in zip(layers, freezer.frozen, _weights(layers), strict=True):
        free = was[~frozen & layer.mask.bool()].abs()
        assert len(free) and not (frozen & ~layer.mask.bool()).any()
        assert free.max() <= was[frozen].abs().max()


def _weights(layers) -> list[torch.Tensor]:
    return [layer.weight.detach().clone() for layer in layers]


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
