"""Rounding all layers in one go gives what each layer gives by itself, bit for bit."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ganglion.trainer.compression.layers import Quantiser, SparseLinear
from ganglion.trainer.compression.rounding import JointRounding, rounds_jointly


def _layers(seed, widths, bits, exponents, scale, **changes):
    """Sparse layers whose rows differ in size by up to 2**20, some of them empty."""
    generator = torch.Generator().manual_seed(seed)
    layers = []
    for inputs, outputs, (reads, writes) in zip(widths[:-1], widths[1:], exponents, strict=True):
        layer = SparseLinear(nn.Linear(inputs, outputs))
        with torch.no_grad():
            size = scale * 2.0 ** torch.randint(-20, 1, (outputs,), generator=generator)
            layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator) * size[:, None])
            layer.bias.copy_(torch.randn(outputs, generator=generator) * size)
            layer.mask.copy_(torch.rand(layer.mask.shape, generator=generator) < 0.3)
            layer.mask[torch.rand(outputs, generator=generator) < 0.2] = 0
        layer.set_quantiser(Quantiser(reads, 8, writes, 8, relu=True, weight_bits=bits, **changes))
        layers.append(layer)
    return layers


_EXPONENTS = st.tuples(st.integers(-12, 0), st.integers(-12, 2))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    widths=st.lists(st.integers(1, 40), min_size=2, max_size=5),
    bits=st.integers(2, 8),
    exponents=st.lists(_EXPONENTS, min_size=4, max_size=4),
    scale=st.sampled_from([1e-4, 1.0, 1e4]),
)
def test_equals_each_layers_own(seed, widths, bits, exponents, scale):
    layers = _layers(seed, widths, bits, exponents[: len(widths) - 1], scale)
    weights = torch.cat([(layer.weight * layer.mask).detach().flatten() for layer in layers])
    biases = torch.cat([layer.bias.detach().clone() for layer in layers])
    assert rounds_jointly(layers)
    JointRounding(layers, weights, biases).round()
    expected = [layer.rounded() for layer in layers]
    assert torch.equal(weights, torch.cat([weight.flatten() for weight, _ in expected]))
    assert torch.equal(biases, torch.cat([bias for _, bias in expected]))


@pytest.mark.parametrize(
    "changes", [{"per_row": False}, {"powers_of_two": True}, {"rounds_weights": False}, {"input_bits": 16}]
)
def test_layers_that_need_their_own_way_are_told_apart(changes):
    layers = _layers(0, [5, 300, 4], 8, [(-7, -5), (-5, -9)], 1.0)
    assert rounds_jointly(layers)
    for name, value in changes.items():
        setattr(layers[1].quantiser, name, value)
    assert not rounds_jointly(layers)


def test_layers_of_different_bits_or_in_float_are_told_apart():
    layers = _layers(0, [5, 6, 4], 8, [(-7, -5), (-5, -9)], 1.0)
    layers[0].quantiser.weight_bits = 4
    assert not rounds_jointly(layers)
    layers[0].set_quantiser(None)
    assert not rounds_jointly(layers)
