"""The nets that cycles and bytes are quoted for: random masks, no rewards."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from ganglion.codegen.actor import digest
from ganglion.codegen.policy import HEAD_BITS, Head, Linear, ObservationMap, Policy, check_policy

SHAPES = ((11, 256, 256, 3), (17, 256, 256, 6), (376, 256, 256, 17))
SPARSITIES = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99)

_OBSERVATION_CLIP = 4.0
_WEIGHT_EXPONENT = -7


def erk_densities(shape: tuple[int, ...], density: float) -> list[float]:
    """Erdos-Renyi-kernel densities per layer (Evci et al. 2020), none above 1."""
    sizes = [(a, b) for a, b in pairwise(shape)]
    total, full = density * sum(a * b for a, b in sizes), set()
    while True:
        left = total - sum(sizes[i][0] * sizes[i][1] for i in full)
        scale = left / sum(a + b for i, (a, b) in enumerate(sizes) if i not in full)
        result = [1.0 if i in full else scale * (a + b) / (a * b) for i, (a, b) in enumerate(sizes)]
        over = {i for i, value in enumerate(result) if value > 1 and i not in full}
        if not over:
            return result
        full |= over


def erk_net(
    shape: tuple[int, ...] = (11, 256, 256, 3),
    sparsity: float = 0.98,
    seed: int = 0,
    hidden_bits: int = 16,
    weight_bits: int = 8,
) -> Policy:
    """A random ERK mask with normal weights, quantised per layer with shifts that fit 2,000 normal observations.

    Hidden scales are the largest power of two that keeps those observations inside the code range. Weights have
    `weight_bits` bits, 2 to 8. The same arguments give the same integers for ever.
    """
    rng = np.random.default_rng(seed)
    matrices, biases = _draw(rng, shape, sparsity)
    values = rng.normal(size=(2000, shape[0])).clip(-_OBSERVATION_CLIP, _OBSERVATION_CLIP)
    unit, exponent, layers = _OBSERVATION_CLIP / 127, -7, []
    largest_weight = (1 << (weight_bits - 1)) - 1
    for index, (matrix, bias) in enumerate(zip(matrices, biases, strict=True)):
        last = index == len(matrices) - 1
        weight_unit = np.abs(matrix).max() / largest_weight
        values = values @ matrix.T + bias
        if not last:
            values = np.maximum(values, 0)
        limit = 2**12 if last else 2**hidden_bits * 32000 / 65536
        shift = max(0, int(np.ceil(np.log2(np.abs(values).max() / (unit * weight_unit) / limit))))
        output_exponent = -10 if last else exponent + _WEIGHT_EXPONENT + shift
        layers.append(
            Linear(
                np.rint(matrix / weight_unit).astype(np.int8),
                np.rint(bias / (unit * weight_unit)).astype(np.int32),
                np.full(len(bias), output_exponent - exponent - shift),
                exponent,
                output_exponent,
                HEAD_BITS if last else hidden_bits,
                not last,
            )
        )
        unit, exponent = unit * weight_unit * 2.0**shift, output_exponent
    return _policy(shape, tuple(layers))


def _draw(
    rng: np.random.Generator, shape: tuple[int, ...], sparsity: float
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    matrices, biases = [], []
    for index, density in enumerate(erk_densities(shape, 1 - sparsity)):
        columns, rows = shape[index], shape[index + 1]
        count = round(density * rows * columns)
        mask = np.zeros(rows * columns, bool)
        mask[rng.choice(rows * columns, count, replace=False)] = True
        matrix = rng.normal(size=(rows, columns)) * mask.reshape(rows, columns)
        matrices.append(matrix * np.sqrt(2 / max(count / rows, 1.0)))
        biases.append(rng.normal(size=rows) * 0.1)
    return matrices, biases


def _policy(shape: tuple[int, ...], layers: tuple[Linear, ...]) -> Policy:
    gain = np.full(shape[0], 127 / _OBSERVATION_CLIP, np.float32)
    observation = ObservationMap(gain, np.full(shape[0], 0.5, np.float32), 8)
    head = Head("tanh", np.full(shape[-1], 2.0**-15, np.float32), np.zeros(shape[-1], np.float32))
    policy = Policy("Net-v0", "", observation, layers, head)
    policy = replace(policy, digest=digest(policy))
    check_policy(policy)
    return policy
