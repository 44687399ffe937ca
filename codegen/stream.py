"""A whole policy as one stream of Golomb-Rice codes, for the smallest flash.

Weights follow each other in rows as if the matrix were one long row: the gap to the next weight that is not zero leads
across row ends, so that neither row lengths nor row pointers are needed. A layer with hardly a zero is cheaper with
its zeros coded as weights and without gaps. Hidden neurons, whose order nobody sees, are sorted by bias: differences of
sorted biases are shorter than the biases by nearly log2(n!) bits for n neurons, all that an order can save.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from .policy import Linear, Policy
from .rice import BitReader, BitWriter, best_parameter, cost_bits, fold, unfold

DENSE = 255


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
    """`layers` in order, the `start` parameter of all layers' first biases, and the stream itself."""

    layers: tuple[StreamLayer, ...]
    start: int
    content: bytes


@dataclass(frozen=True, eq=False)
class _Fields:
    """A layer's values, in the order of the stream: gaps int64 (nonzeros + 1,) or empty, weights folded, biases' steps
    from `start`, and shifts above the smallest."""

    start: int
    gaps: np.ndarray
    weights: np.ndarray
    steps: np.ndarray
    extras: np.ndarray


def sort_neurons(policy: Policy) -> Policy:
    """The same policy with every hidden layer's rows in ascending order of bias with its rounding half."""
    layers = list(policy.layers)
    for index in range(len(layers) - 1):
        order = np.argsort(_folded_bias(layers[index]), kind="stable")
        layer, reader = layers[index], layers[index + 1]
        layers[index] = replace(
            layer,
            weights=layer.weights[order],
            bias=layer.bias[order],
            weight_exponents=layer.weight_exponents[order],
        )
        layers[index + 1] = replace(reader, weights=reader.weights[:, order])
    return replace(policy, layers=tuple(layers))


def pack(policy: Policy) -> PackedStream:
    """Code a policy whose neurons are sorted; layers without rows are left out."""
    layers = [layer for layer in policy.layers if layer.rows]
    fields = [_fields(layer) for layer in layers]
    alike = not any(values.extras.any() for values in fields)
    heads = tuple(_head(layer, values, alike) for layer, values in zip(layers, fields, strict=True))
    start = best_parameter(fold(np.array([values.start for values in fields])))
    writer = BitWriter()
    for head, values in zip(heads, fields, strict=True):
        writer.write(int(fold(np.array(values.start))), start)
        for value, parameter in _codes(head, values):
            writer.write(value, parameter)
    return PackedStream(heads, start, writer.to_bytes())


def unpack(packed: PackedStream) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The inverse of `pack`, as the decoder does it: weights int64 (rows, columns), biases with their rounding half
    int64 (rows,) and shifts int64 (rows,) of each layer."""
    reader = BitReader(packed.content)
    return [_unpack_layer(head, packed.start, reader) for head in packed.layers]


def _unpack_layer(head: StreamLayer, start: int, reader: BitReader) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    weights = np.zeros((head.rows, head.columns), np.int64)
    biases, shifts = np.zeros((2, head.rows), np.int64)
    base = bias = unfold(reader.read(start))
    column = _read_gap(head, reader)
    for row in range(head.rows):
        bias = (bias if head.relu else base) + reader.read(head.bias)
        biases[row] = bias
        shifts[row] = head.shift + (0 if head.extra is None else reader.read(head.extra))
        while column < head.columns:
            weights[row, column] = unfold(reader.read(head.weight))
            column += 1 + _read_gap(head, reader)
        column -= head.columns
    return weights, biases, shifts


def _read_gap(head: StreamLayer, reader: BitReader) -> int:
    return 0 if head.gap == DENSE else reader.read(head.gap)


def _fields(layer: Linear) -> _Fields:
    bias = _folded_bias(layer)
    steps = np.diff(bias, prepend=bias[0]) if layer.relu else bias - bias.min()
    gaps, weights = _sparse(layer.weights.ravel())
    dense = fold(layer.weights.ravel())
    if _shortest(dense) < _shortest(gaps) + _shortest(weights):
        gaps, weights = gaps[:0], dense
    return _Fields(int(bias.min()), gaps, weights, steps, layer.shifts - layer.shifts.min())


def _sparse(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gaps, the last one leading to the end, and folded weights of a matrix in one row."""
    places = np.flatnonzero(cells)
    return np.diff(places, prepend=-1, append=len(cells)) - 1, fold(cells[places])


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
    gaps, weights = iter(values.gaps.tolist()), iter(values.weights.tolist())
    column = next(gaps, 0)
    yield from () if head.gap == DENSE else ((column, head.gap),)
    for step, extra in zip(values.steps.tolist(), values.extras.tolist(), strict=True):
        yield step, head.bias
        yield from () if head.extra is None else ((extra, head.extra),)
        while column < head.columns:
            yield next(weights), head.weight
            gap = next(gaps, 0)
            yield from () if head.gap == DENSE else ((gap, head.gap),)
            column += 1 + gap
        column -= head.columns


def _folded_bias(layer: Linear) -> np.ndarray:
    return layer.bias + (np.left_shift(np.int64(1), layer.shifts.astype(np.int64)) >> 1)
