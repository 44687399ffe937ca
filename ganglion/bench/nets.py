"""The nets that cycles and bytes are quoted for: random masks, no rewards."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ganglion.codegen.actor import digest
from ganglion.codegen.policy import HEAD_BITS, Head, Linear, ObservationMap, Policy, check_policy

SPARSITIES = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99)

Block = tuple[int, int]


class Net(NamedTuple):
    """Widths from observation to output, the rows and columns of the blocks that the mask is made of, and the bits of a
    weight, 2 to 8."""

    shape: tuple[int, ...]
    block: Block = (1, 1)
    weight_bits: int = 8

    def __str__(self) -> str:
        """Such as 11-256-256-3, 11-256-256-3-1x2 with blocks, and 11-256-256-3-4bit with narrow weights."""
        blocks = () if self.block == (1, 1) else ("x".join(map(str, self.block)),)
        narrow = () if self.weight_bits == 8 else (f"{self.weight_bits}bit",)
        return "-".join((*map(str, self.shape), *blocks, *narrow))


NETS = (
    Net((11, 256, 256, 3)),
    Net((11, 256, 256, 3), (1, 2)),
    Net((11, 256, 256, 3), (2, 2)),
    Net((11, 256, 256, 3), weight_bits=6),
    Net((11, 256, 256, 3), weight_bits=4),
    Net((17, 256, 256, 6)),
    Net((376, 256, 256, 17)),
)
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
    block: Block = (1, 1),
    weight_bits: int = 8,
) -> Policy:
    """A random ERK mask with normal weights, quantised per layer with shifts that fit 2,000 normal observations.

    The mask's units are blocks of `block` (rows, columns) weights, cut off at the edges; (1, 2) is the trainer's
    pattern `pairs`. Weights have `weight_bits` bits, 2 to 8. Hidden scales are the largest power of two that keeps
    those observations inside the code range. The same arguments give the same integers for ever.
    """
    rng = np.random.default_rng(seed)
    matrices, biases = _draw(rng, shape, sparsity, block)
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
    rng: np.random.Generator, shape: tuple[int, ...], sparsity: float, block: Block
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    matrices, biases = [], []
    for index, density in enumerate(erk_densities(shape, 1 - sparsity)):
        columns, rows = shape[index], shape[index + 1]
        count = round(density * rows * columns)
        mask = _mask(rng, rows, columns, count, block)
        matrix = rng.normal(size=(rows, columns)) * mask
        matrices.append(matrix * np.sqrt(2 / max(count / rows, 1.0)))
        biases.append(rng.normal(size=rows) * 0.1)
    return matrices, biases


def _mask(rng: np.random.Generator, rows: int, columns: int, count: int, block: Block) -> np.ndarray:
    """Where about `count` weights are, bool (rows, columns): random blocks as long as they fit into the count."""
    unit_rows, unit_columns = np.arange(rows) // block[0], np.arange(columns) // block[1]
    units = unit_rows[:, None] * (unit_columns[-1] + 1) + unit_columns
    sizes = np.bincount(units.ravel())
    order = rng.choice(len(sizes), len(sizes) if max(block) > 1 else count, replace=False)
    return np.isin(units, order[np.cumsum(sizes[order]) <= count])


def _policy(shape: tuple[int, ...], layers: tuple[Linear, ...]) -> Policy:
    gain = np.full(shape[0], 127 / _OBSERVATION_CLIP, np.float32)
    observation = ObservationMap(gain, np.full(shape[0], 0.5, np.float32), 8)
    head = Head("tanh", np.full(shape[-1], 2.0**-15, np.float32), np.zeros(shape[-1], np.float32))
    policy = Policy("Net-v0", "", observation, layers, head)
    policy = replace(policy, digest=digest(policy))
    check_policy(policy)
    return policy
