"""Trained layers compute the integers that are exported, exactly."""

import gymnasium
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ganglion.codegen import arithmetic
from ganglion.codegen.reference import activations
from ganglion.trainer.compression.calibration import BitWidths, calibrate
from ganglion.trainer.compression.export import ExportError, export_policy
from ganglion.trainer.compression.layers import Quantiser, SparseLinear, power_exponents, weight_exponents
from ganglion.trainer.compression.pruning import prune
from ganglion.trainer.lean.adam import FlatAdam
from ganglion.trainer.lean.flat import Flat

SPACE = gymnasium.spaces.Box(-2.0, 3.0, (3,), np.float32)


def _network(seed: int, widths=(7, 24, 16, 3), sparsity=0.5, fused=False):
    torch.manual_seed(seed)
    layers = [SparseLinear(nn.Linear(a, b)) for a, b in zip(widths, widths[1:], strict=False)]
    optimizer = torch.optim.Adam([p for layer in layers for p in layer.parameters()], lr=1e-2, fused=fused)
    for layer in layers:
        prune(layer, sparsity, optimizer)
    return layers, optimizer


def _run(layers, values):
    for layer in layers[:-1]:
        values = torch.relu(layer(values))
    return layers[-1](values)


def _outputs(policy, observations):
    codes, _ = arithmetic.quantise(
        observations, policy.observation.gain, policy.observation.offset, policy.observation.bits
    )
    return activations(policy, codes)[-1] * 2.0 ** policy.layers[-1].output_exponent


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    weights=st.integers(2, 8),
    activation_bits=st.sampled_from([8, 16]),
    observation_bits=st.sampled_from([8, 16]),
    per_row=st.booleans(),
    powers=st.booleans(),
    scale=st.sampled_from([0.01, 1.0, 100.0]),
    step=st.sampled_from(["plain", "fused", "flat"]),
)
def test_exported_integers_equal_the_layers(
    seed, weights, activation_bits, observation_bits, per_row, powers, scale, step
):
    """After calibration and some integer training, by any optimiser, pre-activation outputs agree bit for bit."""
    layers, optimizer = _network(seed, fused=step == "fused")
    observations = torch.randn(512, 7) * scale + scale
    calibrate(layers, observations, BitWidths(weights, activation_bits, observation_bits, per_row, powers), optimizer)
    parameters = [[parameter] for layer in layers for parameter in layer.parameters()]
    take_step = FlatAdam(optimizer, Flat(parameters)).step if step == "flat" else optimizer.step
    for _ in range(3):
        _run(layers, observations).square().sum().backward()
        take_step()
        optimizer.zero_grad(set_to_none=False)
    policy = export_policy(layers, "Test-v0", SPACE, "tanh")
    fresh = (torch.randn(256, 7) * 2 * scale).numpy()
    with torch.no_grad():
        assert np.array_equal(_run(layers, torch.as_tensor(fresh)).numpy(), _outputs(policy, fresh))
    for layer, exported in zip(layers, policy.layers, strict=True):
        assert not exported.weights[layer.mask.numpy() == 0].any()
        magnitudes = np.abs(exported.weights.astype(int))
        assert not powers or not (magnitudes & (magnitudes - 1))[magnitudes > 0].any()


def test_calibration_folds_scales_without_changing_the_function():
    """With wide integers the rounded network stays close to the float one that it was made from."""
    layers, optimizer = _network(3, sparsity=0.0)
    observations = torch.randn(4096, 7) * torch.tensor([0.01, 1, 3, 2, 1, 1, 0.1]) + 0.5
    with torch.no_grad():
        before = _run(layers, observations)
        calibrate(layers, observations, BitWidths(8, 16, 16), optimizer)
        after = _run(layers, observations)
    assert (after - before).abs().mean() < 0.02 * before.abs().mean()


def test_recalibration_folds_only_once():
    layers, optimizer = _network(4)
    observations = torch.randn(512, 7)
    calibrate(layers, observations, BitWidths(), optimizer)
    weight, gain = layers[0].weight.clone(), layers[0].quantiser.observation.gain.clone()
    calibrate(layers, observations * 3, BitWidths(), optimizer)
    assert torch.equal(layers[0].weight, weight)
    assert torch.equal(layers[0].quantiser.observation.gain, gain)


@given(st.floats(2.0**-14, 100.0, width=32), st.integers(2, 8))
def test_weight_exponent_is_the_smallest_that_fits(largest, bits):
    exponent = int(weight_exponents(torch.tensor([largest]), bits))
    limit = (1 << (bits - 1)) - 1
    assert largest <= limit * 2.0**exponent * (1 + 1e-6)
    assert exponent == -14 or largest > limit * 2.0 ** (exponent - 1) * (1 - 1e-6)


def test_float_layers_are_not_exported():
    layers, _ = _network(0)
    with pytest.raises(ExportError, match="calibrate"):
        export_policy(layers, "Test-v0", SPACE, "tanh")


def test_diverged_weights_are_not_exported():
    layers, optimizer = _network(0)
    calibrate(layers, torch.randn(64, 7), BitWidths(), optimizer)
    with torch.no_grad():
        layers[1].bias[0] = float("nan")
    with pytest.raises(ExportError, match="layer 1"):
        export_policy(layers, "Test-v0", SPACE, "tanh")


@given(st.floats(2.0**-10, 100.0, width=32), st.integers(2, 8))
def test_the_nearest_power_of_two_is_chosen(largest, bits):
    """The largest weight keeps its nearest power: it does not saturate."""
    weight = torch.tensor([[largest, -largest / 3, 0.0]])
    quantiser = Quantiser(0, 8, 20, 16, relu=False, weight_bits=bits, powers_of_two=True)
    exponents = power_exponents(weight.abs().amax(dim=1), bits)
    values = quantiser.weight_codes(weight, exponents) * 2.0 ** exponents.float()
    assert 2 / 3 <= values[0, 0] / largest <= 4 / 3
    assert values[0, 1] <= 0 and values[0, 2] == 0
