"""Random policies for the tests: reproducible, legal, and shaped like pruned actors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ganglion.bench.nets import erk_densities
from ganglion.codegen.actor import digest
from ganglion.codegen.policy import HEAD_BITS, Head, Linear, ObservationMap, Policy, check_policy


def random_policy(
    seed: int = 0,
    shape: tuple[int, ...] = (11, 64, 64, 3),
    sparsity: float = 0.9,
    head: str = "tanh",
    observation_bits: int = 8,
    hidden_bits: int = 8,
    env_id: str = "Test-v0",
) -> Policy:
    """A legal policy with random ERK masks, weights, exponents and biases."""
    rng = np.random.default_rng(seed)
    observation = ObservationMap(
        rng.uniform(0.5, 1.5, shape[0]).astype(np.float32) * np.float32(2 ** (observation_bits - 3)),
        rng.uniform(-2, 2, shape[0]).astype(np.float32),
        observation_bits,
    )
    exponent, layers = observation.exponent, []
    for index, density in enumerate(erk_densities(shape, 1 - sparsity)):
        columns, rows = shape[index], shape[index + 1]
        last = index == len(shape) - 2
        layers.append(_random_layer(rng, rows, columns, density, exponent, last, hidden_bits))
        exponent = layers[-1].output_exponent
    actions = 0 if head == "argmax" else shape[-1]
    head_map = Head(head, np.full(actions, 2.0**-15, np.float32), np.zeros(actions, np.float32))
    policy = Policy(env_id, "", observation, tuple(layers), head_map)
    policy = replace(policy, digest=digest(policy))
    check_policy(policy)
    return policy


def _random_layer(rng, rows, columns, density, input_exponent, last, hidden_bits) -> Linear:
    mask = np.zeros(rows * columns, bool)
    mask[rng.choice(rows * columns, round(density * rows * columns), replace=False)] = True
    weights = rng.integers(-127, 128, (rows, columns)) * mask.reshape(rows, columns)
    gain = np.sqrt(2 / max(1.0, density * columns))
    weight_exponents = np.round(np.log2(gain / 127)).astype(np.int64) + rng.integers(0, 2, rows)
    output_exponent = -10 if last else 4 - hidden_bits
    weight_exponents = np.minimum(weight_exponents, output_exponent - input_exponent)
    unit = 2.0 ** (weight_exponents + input_exponent)
    bias = np.round(rng.normal(size=rows) * 0.3 / unit)
    return Linear(
        weights.astype(np.int8),
        np.clip(bias, -(2**30), 2**30).astype(np.int32),
        weight_exponents,
        input_exponent,
        output_exponent,
        HEAD_BITS if last else hidden_bits,
        not last,
    )


def observations(policy: Policy, count: int, seed: int = 0) -> np.ndarray:
    """Random and corner observations, float32 (count, features): ties, extremes, NaN, infinities, denormals."""
    rng = np.random.default_rng(seed)
    result = rng.normal(scale=2.0, size=(count, policy.features)).astype(np.float32)
    corners = np.array([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-42, -1e-42, 0.0, -0.0, 1e6, -1e6], dtype=np.float32)
    chosen = rng.random(result.shape) < 0.02
    result[chosen] = rng.choice(corners, chosen.sum())
    ties = rng.random(result.shape) < 0.05
    codes = rng.integers(*policy.observation.code_range, result.shape)
    gain = np.where(policy.observation.gain == 0, 1, policy.observation.gain)
    result[ties] = (((codes - policy.observation.offset) / gain).astype(np.float32))[ties]
    return result
