"""Columns one after the other, so that a column whose activation is zero costs nothing.

The weights of a column follow each other with their rows (compressed sparse columns: Saad, Iterative Methods for Sparse
Linear Systems, section 3.4, with lengths in place of pointers); all sums of a layer are under way at once. How many
activations ReLU leaves at zero depends on the observation, and so does the time: the kernel is for averages, not for
deadlines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..bounds import LayerBounds
from ..policy import Linear
from .csr import pack as pack_csr

_BYTE_ROWS = 256


@dataclass(frozen=True, eq=False)
class ScatterLayer:
    """One layer as the kernel reads it.

    `values` int8 or int16 and `rows` uint8 or uint16, both (nonzeros,), column by column with ascending rows;
    `lengths` uint8 or uint16 (columns,); `bias` int8, int16 or int32 (rows,) with the rounding half already
    added; `shifts` uint8, (rows,) or (1,) when all rows are shifted alike.
    """

    values: np.ndarray
    rows: np.ndarray
    lengths: np.ndarray
    bias: np.ndarray
    shifts: np.ndarray


def pack(layer: Linear, bounds: LayerBounds) -> ScatterLayer:
    """Pack a layer whose bounds are proved: they cover every partial sum, in this order too."""
    csr = pack_csr(layer, bounds)
    columns, rows = np.nonzero(layer.weights.T)
    lengths = np.bincount(columns, minlength=layer.columns)
    return ScatterLayer(
        values=layer.weights[rows, columns].astype(csr.values.dtype),
        rows=rows.astype(np.uint8 if layer.rows <= _BYTE_ROWS else np.uint16),
        lengths=lengths.astype(np.uint8 if lengths.max(initial=0) < _BYTE_ROWS else np.uint16),
        bias=csr.bias,
        shifts=csr.shifts,
    )


def unpack(packed: ScatterLayer) -> np.ndarray:
    """The weights as the kernel reads them, int64 (rows, columns)."""
    weights = np.zeros((len(packed.bias), len(packed.lengths)), np.int64)
    weights[packed.rows, np.repeat(np.arange(len(packed.lengths)), packed.lengths)] = packed.values
    return weights
