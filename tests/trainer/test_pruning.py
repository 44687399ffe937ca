"""Schedule, allocation and masks follow their formulas to one weight."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ganglion.trainer.layers import SparseLinear
from ganglion.trainer.pruning import CubicSchedule, allocate, prune

CHEETAH = [(256, 17), (256, 256), (6, 256)]
CNN = [(32, 256), (64, 512), (64, 576), (512, 3136), (6, 512)]


def _nonzeros(shapes, sparsity, allocation="paper"):
    shares = allocate(shapes, sparsity, allocation)
    return [
        rows * columns - round(share * rows * columns) for share, (rows, columns) in zip(shares, shapes, strict=True)
    ]


@pytest.mark.parametrize(
    ("sparsity", "expected"), [(0.9, [626, 6144, 372]), (0.98, [295, 864, 269]), (0.99, [254, 205, 256])]
)
def test_published_nonzeros_per_layer(sparsity, expected):
    """HalfCheetah's layers as the published formula gives them."""
    assert _nonzeros(CHEETAH, sparsity) == pytest.approx(expected, abs=1)


def test_published_nonzeros_of_humanoid():
    assert _nonzeros([(256, 376), (256, 256), (17, 256)], 0.99) == pytest.approx([774, 608, 279], abs=1)


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
