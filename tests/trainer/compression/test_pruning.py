"""Schedule, allocation and masks follow their formulas to one weight."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ganglion.trainer.compression.convolution import SparseConv2d
from ganglion.trainer.compression.layers import SparseLinear
from ganglion.trainer.compression.pruning import CubicSchedule, allocate, prune, prune_globally, prune_neurons

CHEETAH = [(256, 17), (256, 256), (6, 256)]
NATURE = [(32, 4, 8, 8), (64, 32, 4, 4), (64, 64, 3, 3), (512, 3136), (6, 512)]


def _nonzeros(shapes, sparsity, allocation="paper"):
    sizes = [math.prod(shape) for shape in shapes]
    return [
        size - round(share * size) for share, size in zip(allocate(shapes, sparsity, allocation), sizes, strict=True)
    ]


@pytest.mark.parametrize(
    ("sparsity", "expected"), [(0.9, [626, 6144, 372]), (0.98, [295, 864, 269]), (0.99, [254, 205, 256])]
)
def test_published_nonzeros_per_layer(sparsity, expected):
    """HalfCheetah's layers as the published formula gives them."""
    assert _nonzeros(CHEETAH, sparsity) == pytest.approx(expected, abs=1)


def test_published_nonzeros_of_humanoid():
    assert _nonzeros([(256, 376), (256, 256), (17, 256)], 0.99) == pytest.approx([774, 608, 279], abs=1)


def test_published_nonzeros_of_the_nature_network():
    """The fourth is told as 79 7xx."""
    kernels = _nonzeros(NATURE, 0.95)
    assert kernels[:3] + kernels[4:] == pytest.approx([439, 1655, 1878, 639], abs=1)
    assert 79_700 <= kernels[3] < 79_800


@given(
    st.lists(st.tuples(st.integers(2, 64), st.integers(2, 64)), min_size=1, max_size=5),
    st.floats(0, 0.99),
    st.sampled_from(["uniform", "erk"]),
)
def test_allocation_reaches_the_total(shapes, sparsity, allocation):
    shares = allocate(shapes, sparsity, allocation)
    total = sum(rows * columns for rows, columns in shapes)
    zeros = sum(share * rows * columns for share, (rows, columns) in zip(shares, shapes, strict=True))
    assert all(-1e-9 <= share <= 1 for share in shares)
    assert zeros == pytest.approx(sparsity * total, abs=1e-6 * total)


def test_one_dimensional_actions_have_a_layer_that_is_kept():
    """The published formula gives a single output row a negative share; it is kept dense instead."""
    assert allocate([(256, 3), (256, 256), (1, 256)], 0.9, "paper")[-1] == 0.0


def test_schedule_is_cubic_and_ends_exactly():
    schedule = CubicSchedule(0.98, 200_000, 800_000, 600)
    assert schedule.event(199_999) == 0
    assert schedule.event(200_000) == 1
    assert schedule.event(799_000) == 600 == schedule.event(10**7)
    assert schedule.sparsity_after(600) == 0.98
    assert schedule.sparsity_after(300) == pytest.approx(0.98 * (1 - 0.5**3))


@given(st.integers(0, 2**31), st.lists(st.floats(0, 1), min_size=1, max_size=6).map(sorted))
def test_masks_only_shrink_and_count_exactly(seed, sparsities):
    """After every event the zeros are as asked, pruned weights and moments stay zero through an optimiser step."""
    torch.manual_seed(seed)
    layer = SparseLinear(nn.Linear(13, 11))
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1, weight_decay=1e-2)
    previous = layer.mask.clone()
    for sparsity in sparsities:
        prune(layer, sparsity, optimizer)
        layer(torch.randn(8, 13)).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        assert layer.nonzeros == 143 - round(sparsity * 143)
        assert (layer.mask <= previous).all()
        assert (layer.weight[layer.mask == 0] == 0).all()
        assert (optimizer.state[layer.weight]["exp_avg"][layer.mask == 0] == 0).all()
        previous = layer.mask.clone()


SPARSITIES = st.lists(st.floats(0, 1), min_size=1, max_size=4).map(sorted)


def _layers(widths):
    layers = [SparseLinear(nn.Linear(a, b)) for a, b in zip(widths, widths[1:], strict=False)]
    return layers, torch.optim.Adam([p for layer in layers for p in layer.parameters()])


@given(st.integers(0, 2**31), st.floats(0, 0.999), st.integers(1, 40))
def test_every_event_reaches_the_formula_to_one_weight(seed, sparsity, events):
    torch.manual_seed(seed)
    layers, optimizer = _layers((7, 16, 3))
    shapes = [tuple(layer.weight.shape) for layer in layers]
    schedule = CubicSchedule(sparsity, 0, 1000, events)
    for event in range(1, events + 1):
        asked = schedule.sparsity_after(event)
        assert asked == pytest.approx(sparsity - sparsity * (1 - event / events) ** 3)
        for layer, share in zip(layers, allocate(shapes, asked, "uniform"), strict=True):
            prune(layer, share, optimizer)
            assert abs((1 - asked) * layer.weight.numel() - layer.nonzeros) <= 1


@given(st.integers(0, 2**31), SPARSITIES, st.sampled_from([12, 13]), st.booleans())
def test_pairs_live_and_die_together(seed, sparsities, columns, convolution):
    torch.manual_seed(seed)
    layer = SparseConv2d(nn.Conv2d(columns, 5, 1)) if convolution else SparseLinear(nn.Linear(columns, 5))
    optimizer = torch.optim.Adam(layer.parameters())
    for sparsity in sparsities:
        before = layer.mask.clone()
        prune(layer, sparsity, optimizer, "pairs")
        rows = layer.mask.flatten(1)
        assert torch.equal(rows[:, 0 : columns // 2 * 2 : 2], rows[:, 1::2])
        assert (layer.mask <= before).all()
        assert 0 <= 5 * columns - round(sparsity * 5 * columns) - layer.nonzeros <= 2


@given(st.integers(0, 2**31), SPARSITIES, st.sampled_from(["unstructured", "pairs"]))
def test_global_pruning_takes_the_smallest_wherever_they_are(seed, sparsities, pattern):
    torch.manual_seed(seed)
    layers, optimizer = _layers((6, 8, 4))
    with torch.no_grad():
        layers[1].weight.mul_(0.01)
    for sparsity in sparsities:
        prune_globally(layers, sparsity, optimizer, pattern)
        kept = sum(layer.nonzeros for layer in layers)
        assert kept <= max(80 - round(sparsity * 80), 4)
        assert sparsity > 0.9 or all(layer.nonzeros for layer in layers)
    if 0.1 < sparsities[-1] < 0.3:
        assert layers[1].nonzeros < layers[0].nonzeros


@given(st.integers(0, 2**31), st.lists(st.floats(0, 0.999), min_size=1, max_size=3).map(sorted))
def test_whole_neurons_are_cut_with_all_that_reads_them(seed, sparsities):
    torch.manual_seed(seed)
    layers, optimizer = _layers((5, 12, 10, 3))
    reader = SparseLinear(nn.Linear(10, 3))
    previous = [layer.mask.clone() for layer in layers]
    for sparsity in sparsities:
        prune_neurons(layers, [reader], sparsity, optimizer)
        alive = [layer.mask.any(dim=1) for layer in layers[:-1]]
        assert all(live.any() for live in alive)
        assert torch.equal(layers[1].mask, alive[1].float()[:, None] * alive[0].float())
        assert torch.equal(layers[2].mask, alive[1].float().expand(3, 10)) and torch.equal(reader.mask, layers[2].mask)
        left = sum(layer.nonzeros for layer in layers)
        assert left <= (1 - sparsity) * 210 + 0.5 or all(int(live.sum()) == 1 for live in alive)
        assert all((layer.mask <= before).all() for layer, before in zip(layers, previous, strict=True))
        previous = [layer.mask.clone() for layer in layers]
