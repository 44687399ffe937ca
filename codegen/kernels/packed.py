"""Layers in bit fields: weights, distances between them and biases, each as narrow as the layer allows.

Weights follow each other as if the matrix were one long row, each with the distance to the next one, as in `stream.py`,
so that neither row lengths nor row pointers are needed. One family of widths makes all the usual index codes: 0 bits
are a dense layer, 1 bit is a bitmap, 4 bits are nibbles with an escape, 8 bits are bytes with one. A weight is a signed
field, or the index of its value in a codebook that layers share (Han, Mao and Dally, Deep Compression, ICLR 2016,
section 3). Biases of sorted neurons are steps, others as wide as their range. Each choice is the one with the fewest
bytes, the code that it takes included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ..policy import Linear
from .bit_fields import FieldReader, FieldWriter, Width, best_width
from .stream import folded_bias

CODEBOOK_CODE_BYTES = 8
"""What a layer's code takes more to look weights up."""

MAX_TRIED_LAYERS = 6


@dataclass(frozen=True)
class PackedLayer:
    """One layer as its code reads it.

    Biases start from `start`; each row adds its `step`, to the bias before where `ascending`, else to `start`. A weight
    is `weight_bits` wide and signed, or an index of `codebook` where there is one. Shifts are `shift` and `extra_bits`
    wide fields beyond it. `aligned`: every width is whole bytes.
    """

    rows: int
    columns: int
    nonzeros: int
    start: int
    ascending: bool
    step: Width
    weight_bits: int
    distance: Width
    shift: int
    extra_bits: int
    codebook: tuple[int, ...]
    aligned: bool
    content: bytes


@dataclass(frozen=True, eq=False)
class _Entries:
    """Weights and the distance from each to the next, int64 (entries,), with their widths."""

    weights: np.ndarray
    distances: np.ndarray
    weight_bits: int
    distance: Width

    @property
    def bits(self) -> int:
        """Length of all, and of the code for distances."""
        return len(self.weights) * self.weight_bits + self.distance.cost_bits(self.distances)


def pack(layers: Sequence[Linear], unit_bits: int = 1) -> list[PackedLayer]:
    """Pack layers, each with rows, with widths in multiples of `unit_bits`. Layers whose biases ascend
    (`stream.sort_neurons`) get smaller."""
    codebook, indexed = _best_codebook(layers, unit_bits)
    return [_pack_layer(layer, codebook if index in indexed else (), unit_bits) for index, layer in enumerate(layers)]


def unpack(packed: PackedLayer) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The inverse of `pack`, as the code reads it: weights int64 (rows, columns), biases with their rounding half
    int64 (rows,) and shifts int64 (rows,)."""
    reader = FieldReader(packed.content)
    weights = np.zeros((packed.rows, packed.columns), np.int64)
    biases, shifts = np.zeros((2, packed.rows), np.int64)
    bias, column = packed.start, 0
    for row in range(packed.rows):
        if packed.ascending:
            bias += reader.read_distance(packed.step) - 1
        else:
            bias = packed.start + reader.read(packed.step.bits)
        biases[row] = bias
        while packed.nonzeros and column < packed.columns:
            field = reader.read(packed.weight_bits)
            weights[row, column] = packed.codebook[field] if packed.codebook else _signed(field, packed.weight_bits)
            column += reader.read_distance(packed.distance)
        column -= packed.columns
        shifts[row] = packed.shift + reader.read(packed.extra_bits)
    return weights, biases, shifts


def _best_codebook(layers: Sequence[Linear], unit_bits: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The codebook with the fewest bytes in total, and the layers that use it; none of both where it does not pay."""
    indices = range(len(layers))
    sizes = indices if len(layers) <= MAX_TRIED_LAYERS else (len(layers) - 1,)
    tried = [((), 0, ())]
    for users in (users for size in sizes for users in combinations(indices, size + 1)):
        codebook = _values([layers[index] for index in users])
        saved_bits = sum(
            _entries(layers[index], (), unit_bits).bits - _entries(layers[index], codebook, unit_bits).bits
            for index in users
        )
        cost_bytes = len(codebook) * (2 if _signed_bits(codebook) > 8 else 1) + CODEBOOK_CODE_BYTES * len(users)
        tried.append((codebook, saved_bits // 8 - cost_bytes, users))
    codebook, _, users = max(tried, key=lambda one: one[1])
    return codebook, users


def _values(layers: Sequence[Linear]) -> tuple[int, ...]:
    """All weights there are, and zero, which layers may have to fill up with, ascending."""
    return tuple(sorted({0}.union(*(np.unique(layer.weights).tolist() for layer in layers))))


def _pack_layer(layer: Linear, codebook: tuple[int, ...], unit_bits: int) -> PackedLayer:
    bias = folded_bias(layer)
    start, extras = int(bias.min()), layer.shifts - layer.shifts.min()
    ascending, steps, step = _steps(bias, unit_bits)
    entries = _entries(layer, codebook, unit_bits)
    extra_bits = _rounded(int(extras.max()).bit_length(), unit_bits)
    writer = FieldWriter()
    fields, column = zip(entries.weights.tolist(), entries.distances.tolist(), strict=True), 0
    index_of = {value: index for index, value in enumerate(codebook)}
    for row in range(layer.rows):
        if ascending:
            writer.write_distance(int(steps[row]) + 1, step)
        else:
            writer.write(int(steps[row]), step.bits)
        while layer.nonzeros and column < layer.columns:
            weight, distance = next(fields)
            field = index_of[weight] if codebook else weight & ((1 << entries.weight_bits) - 1)
            writer.write(field, entries.weight_bits)
            writer.write_distance(distance, entries.distance)
            column += distance
        column -= layer.columns
        writer.write(int(extras[row]), extra_bits)
    widths = (step.bits, entries.weight_bits, entries.distance.bits, extra_bits)
    return PackedLayer(
        rows=layer.rows,
        columns=layer.columns,
        nonzeros=layer.nonzeros,
        start=start,
        ascending=ascending,
        step=step,
        weight_bits=entries.weight_bits,
        distance=entries.distance,
        shift=int(layer.shifts.min()),
        extra_bits=extra_bits,
        codebook=codebook,
        aligned=not any(bits % 8 for bits in widths),
        content=writer.to_bytes(),
    )


def _steps(bias: np.ndarray, unit_bits: int) -> tuple[bool, np.ndarray, Width]:
    """Whether steps between biases are smaller than biases, and those steps with their width."""
    start = int(bias.min())
    plain = bias - start
    width = Width(_rounded(int(plain.max()).bit_length(), unit_bits), False)
    if (np.diff(bias) >= 0).all():
        steps = np.diff(bias, prepend=start)
        narrow = best_width(steps + 1, unit_bits)
        if narrow.cost_bits(steps + 1) < width.cost_bits(plain):
            return True, steps, narrow
    return False, plain, width


def _entries(layer: Linear, codebook: tuple[int, ...], unit_bits: int) -> _Entries:
    """The layer's weights with distances between them, or all of its cells without, whichever is shorter."""
    cells = layer.weights.ravel().astype(np.int64)
    if not layer.nonzeros:
        return _Entries(cells[:0], cells[:0], 0, Width(0, False))
    places = np.union1d(np.flatnonzero(cells), [0])
    distances = np.diff(places, append=len(cells))
    bits = _weight_bits(cells, codebook, unit_bits)
    sparse = _Entries(cells[places], distances, bits, best_width(distances, unit_bits))
    dense = _Entries(cells, np.ones(len(cells), np.int64), bits, Width(0, False))
    return min(dense, sparse, key=lambda entries: entries.bits)


def _weight_bits(weights: np.ndarray, codebook: tuple[int, ...], unit_bits: int) -> int:
    bits = (len(codebook) - 1).bit_length() if codebook else _signed_bits(weights)
    return _rounded(bits, unit_bits)


def _signed_bits(values: Sequence[int] | np.ndarray) -> int:
    """Bits of a signed field that holds all `values`; 0 where all are zero."""
    return max((int(value ^ (value >> 63)).bit_length() + 1 for value in set(map(int, values)) if value), default=0)


def _signed(field: int, bits: int) -> int:
    sign = 1 << bits >> 1
    return (field ^ sign) - sign


def _rounded(bits: int, unit_bits: int) -> int:
    return -(-bits // unit_bits) * unit_bits
