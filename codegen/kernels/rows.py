"""Rows bucketed by length: rows of one length follow each other, so that a loop for that length needs no test inside.

A bucket's row is its weights, then their columns, and its shift where rows differ in it. What is in no bucket (lengths
that few rows have, long rows, the output layer, whose order is given) is cut into quads: a row is the number of its
quads, four weights and four columns for each, the last quad filled up with zero weights, and the shift again. Hidden
neurons are permuted to make the buckets; nobody sees it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from ..bounds import LayerBounds
from ..policy import Linear, Policy
from ..reorder import reorder_hidden
from .csr import pack as pack_csr

QUAD = 4
MAX_BUCKET_LENGTH = 24
SHORT_LENGTH = 8
MIN_BUCKET_ROWS = 3
_BYTE_COLUMNS = 256


@dataclass(frozen=True)
class Bucket:
    """`rows` rows of `length` weights each."""

    length: int
    rows: int


@dataclass(frozen=True, eq=False)
class RowsLayer:
    """One layer as the kernel reads it.

    `entries` uint8 or uint16: the buckets' rows, then the `quad_rows` rows in quads and a zero behind them. `shift` is
    None where each row ends with its own. `bias` int8, int16 or int32 (rows,), the rounding half already added.
    """

    entries: np.ndarray
    buckets: tuple[Bucket, ...]
    quad_rows: int
    bias: np.ndarray
    shift: int | None
    columns: int

    @property
    def rows(self) -> int:
        """Number of outputs."""
        return len(self.bias)


def sort_rows(policy: Policy) -> Policy:
    """The same policy with each hidden layer's rows in buckets: by length, and rows without a bucket last."""
    return reorder_hidden(policy, row_order)


def row_order(layer: Linear) -> np.ndarray:
    """A layer's rows in buckets by length, rows without a bucket last, int64 (rows,); rows in order stay."""
    lengths = np.count_nonzero(layer.weights, axis=1)
    return np.lexsort((lengths, ~_in_bucket(lengths)))


def pack(layer: Linear, bounds: LayerBounds) -> RowsLayer:
    """Pack a layer whose rows are sorted; the bounds cover bias and half together, so the half folds exactly."""
    csr = pack_csr(layer, bounds)
    lengths = csr.lengths.astype(np.int64)
    bucketed = _in_bucket(lengths) if layer.relu else np.zeros(layer.rows, bool)
    ends = np.cumsum(lengths)
    own_shifts = len(csr.shifts) > 1
    entries: list[np.ndarray] = []
    for row, (end, length) in enumerate(zip(ends.tolist(), lengths.tolist(), strict=True)):
        weights, columns = csr.values[end - length : end], csr.columns[end - length : end]
        entries += [weights, columns] if bucketed[row] else _quads(weights, columns)
        entries += [csr.shifts[row : row + 1]] * own_shifts
    if not bucketed.all():
        entries.append(np.zeros(1, np.int64))
    wide = csr.values.dtype != np.int8 or csr.columns.dtype != np.uint8
    return RowsLayer(
        entries=np.concatenate(entries, dtype=np.int64, casting="unsafe").astype(np.uint16 if wide else np.uint8),
        buckets=tuple(Bucket(length, rows) for length, rows in sorted(Counter(lengths[bucketed].tolist()).items())),
        quad_rows=int(np.count_nonzero(~bucketed)),
        bias=csr.bias,
        shift=None if own_shifts else int(csr.shifts[0]),
        columns=layer.columns,
    )


def unpack(packed: RowsLayer) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of `pack` as the kernel reads it: weights int64 (rows, columns) and shifts int64 (rows,)."""
    weights, shifts = np.zeros((packed.rows, max(1, packed.columns)), np.int64), np.zeros(packed.rows, np.int64)
    signed = packed.entries.view(np.dtype(f"i{packed.entries.itemsize}"))
    lengths = [bucket.length for bucket in packed.buckets for _ in range(bucket.rows)] + [None] * packed.quad_rows
    at = 0
    for row, length in enumerate(lengths):
        quads, size = (1, length) if length is not None else (int(packed.entries[at]), QUAD)
        at += length is None
        for _ in range(quads):
            np.add.at(weights[row], packed.entries[at + size : at + 2 * size], signed[at : at + size].astype(np.int64))
            at += 2 * size
        shifts[row] = packed.entries[at] if packed.shift is None else packed.shift
        at += packed.shift is None
    if packed.entries[at:].any():
        raise ValueError(f"the layer's {packed.rows} rows end at entry {at} of {len(packed.entries)}")
    return weights[:, : packed.columns], shifts


def _in_bucket(lengths: np.ndarray) -> np.ndarray:
    """Which rows are in buckets, bool (rows,): short ones always, since quads would cost them more than own code."""
    rows = np.bincount(lengths, minlength=1)[lengths] if len(lengths) else lengths
    common = (lengths <= MAX_BUCKET_LENGTH) & (rows >= MIN_BUCKET_ROWS)
    return (lengths > 0) & (common | (lengths <= SHORT_LENGTH))


def _quads(weights: np.ndarray, columns: np.ndarray) -> list[np.ndarray]:
    """A row as its number of quads, at least one, and the quads."""
    count = max(1, -(-len(weights) // QUAD))
    padded = np.zeros((2, count * QUAD), np.int64)
    padded[0, : len(weights)], padded[1, : len(columns)] = weights, columns
    quads = np.stack(padded.reshape(2, count, QUAD), axis=1)
    return [np.array([count]), quads.ravel()]
