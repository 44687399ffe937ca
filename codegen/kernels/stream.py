"""A whole policy as one stream of Golomb-Rice codes, for the smallest flash.

Weights follow each other in rows as if the matrix were one long row: the gap to the next weight that is not zero leads
across row ends, so that neither row lengths nor row pointers are needed; the first cell is coded in any case. A layer
with hardly a zero is cheaper with its zeros coded as weights and without gaps. Hidden neurons, whose order nobody sees,
are sorted by bias: differences of sorted biases are shorter than the biases by nearly log2(n!) bits for n neurons, all
that an order can save.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..policy import Linear, Policy
from ..reorder import reorder_hidden
from .rice import BitReader, BitWriter, best_parameter, cost_bits, fold, unfold

DENSE = 128


@dataclass(frozen=True)
class StreamLayer:
    """What the decoder must know of a layer before it reads it.

    `gap`, `weight`, `bias` and `extra` are the Rice parameters of gaps (DENSE: there are none), folded weights, steps
    between biases and shifts beyond `shift`, the smallest of the layer. `extra` is None, and nothing is coded for it,
    where all rows of each layer are shifted alike.
    """

    rows: int
    columns: int
    bits: int
    relu: bool
    gap: int
    weight: int
    bias: int
    shift: int
    extra: int | None


@dataclass(frozen=True)
class PackedStream:
    """`layers` in order, the `start` parameter of what biases start from, the stream itself, and its longest code."""

    layers: tuple[StreamLayer, ...]
    start: int
    content: bytes
    longest_bits: int


@dataclass(frozen=True, eq=False)
class _Fields:
    """A layer's values, all int64 and not negative: where biases start, negated; the gap behind each weight, or none;
    folded weights; steps between biases; shifts above the smallest."""

    start: np.ndarray
    gaps: np.ndarray
    weights: np.ndarray
    steps: np.ndarray
    extras: np.ndarray


def sort_neurons(policy: Policy) -> Policy:
    """The same policy with every hidden layer's rows in ascending order of bias with its rounding half."""
    return reorder_hidden(policy, bias_order)


def bias_order(layer: Linear) -> np.ndarray:
    """A layer's rows in ascending order of bias with its rounding half, int64 (rows,)."""
    return np.argsort(folded_bias(layer), kind="stable")


def pack(policy: Policy) -> PackedStream:
    """Code a policy whose neurons are sorted; layers without rows are left out."""
    layers = [layer for layer in policy.layers if layer.rows]
    fields = [_fields(layer) for layer in layers]
    alike = not any(values.extras.any() for values in fields)
    heads = tuple(_head(layer, values, alike) for layer, values in zip(layers, fields, strict=True))
    start = best_parameter(np.concatenate([values.start for values in fields]))
    writer = BitWriter()
    for head, values in zip(heads, fields, strict=True):
        writer.write(int(values.start[0]), start)
        for value, parameter in _codes(head, values):
            writer.write(value, parameter)
    return PackedStream(heads, start, writer.to_bytes(), writer.longest_bits)


def unpack(packed: PackedStream) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The inverse of `pack`, as the decoder does it: weights int64 (rows, columns), biases with their rounding half
    int64 (rows,) and shifts int64 (rows,) of each layer."""
    reader = BitReader(packed.content)
    return [_unpack_layer(head, packed.start, reader) for head in packed.layers]


def _unpack_layer(head: StreamLayer, start: int, reader: BitReader) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    weights = np.zeros((head.rows, head.columns), np.int64)
    biases, shifts = np.zeros((2, head.rows), np.int64)
    base = bias = -reader.read(start)
    column = 0
    for row in range(head.rows):
        bias = (bias if head.relu else base) + reader.read(head.bias)
        biases[row] = bias
        while column < head.columns:
            weights[row, column] = unfold(reader.read(head.weight))
            column += 1 if head.gap == DENSE else 1 + reader.read(head.gap)
        column -= head.columns
        shifts[row] = head.shift + (0 if head.extra is None else reader.read(head.extra))
    return weights, biases, shifts


def _fields(layer: Linear) -> _Fields:
    bias = folded_bias(layer)
    start = min(0, int(bias.min()))
    steps = np.diff(bias, prepend=start) if layer.relu else bias - start
    gaps, weights = _sparse(layer.weights.ravel())
    dense = fold(layer.weights.ravel())
    if _shortest(dense) <= _shortest(gaps) + _shortest(weights):
        gaps, weights = gaps[:0], dense
    return _Fields(np.array([-start]), gaps, weights, steps, layer.shifts - layer.shifts.min())


def _sparse(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gaps, the last one leading to the end, and folded weights of a matrix in one row, its first cell in any case."""
    places = np.union1d(np.flatnonzero(cells), np.zeros(min(1, len(cells)), np.int64))
    return np.diff(places, append=len(cells)) - 1, fold(cells[places])


def _shortest(values: np.ndarray) -> int:
    return cost_bits(values, best_parameter(values))


def _head(layer: Linear, values: _Fields, alike: bool) -> StreamLayer:
    return StreamLayer(
        rows=layer.rows,
        columns=layer.columns,
        bits=layer.output_bits,
        relu=layer.relu,
        gap=best_parameter(values.gaps) if len(values.gaps) else DENSE,
        weight=best_parameter(values.weights),
        bias=best_parameter(values.steps),
        shift=int(layer.shifts.min()),
        extra=None if alike else best_parameter(values.extras),
    )


def _codes(head: StreamLayer, values: _Fields) -> Iterator[tuple[int, int]]:
    """(value, parameter) in the order in which the decoder asks for them."""
    weights, gaps, column = iter(values.weights.tolist()), iter(values.gaps.tolist()), 0
    for step, extra in zip(values.steps.tolist(), values.extras.tolist(), strict=True):
        yield step, head.bias
        while column < head.columns:
            yield next(weights), head.weight
            gap = 0
            if head.gap != DENSE:
                gap = next(gaps)
                yield gap, head.gap
            column += 1 + gap
        column -= head.columns
        if head.extra is not None:
            yield extra, head.extra


def folded_bias(layer: Linear) -> np.ndarray:
    """Biases with what rounding half up adds before the shift, int64 (rows,)."""
    return layer.bias + (np.left_shift(np.int64(1), layer.shifts.astype(np.int64)) >> 1)
