"""Compressed sparse rows for small machines: values, columns and row lengths, each as narrow as it can be.

Row lengths take the place of the usual row pointers (Saad, Iterative Methods for Sparse Linear Systems, section 3.4):
a kernel that walks all rows in order needs no more, and a byte is enough for most rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..bounds import LayerBounds
from ..policy import Linear

_BYTE_COLUMNS = 256


@dataclass(frozen=True, eq=False)
class CsrLayer:
    """One layer as the kernel reads it.

    `values` int8 or int16 and `columns` uint8 or uint16, both (nonzeros,), row by row with ascending columns;
    `lengths` uint8 or uint16 (rows,); `bias` int8, int16 or int32 (rows,) with the rounding half already
    added; `shifts` uint8, (rows,) or (1,) when all rows are shifted alike; `width` is the number of inputs.
    """

    values: np.ndarray
    columns: np.ndarray
    lengths: np.ndarray
    bias: np.ndarray
    shifts: np.ndarray
    width: int

    @property
    def rows(self) -> int:
        """Number of outputs."""
        return len(self.lengths)


def pack(layer: Linear, bounds: LayerBounds) -> CsrLayer:
    """Pack a layer whose bounds are proved: they cover bias and half together, so the half folds exactly."""
    rows, columns = np.nonzero(layer.weights)
    shifts = layer.shifts.astype(np.uint8)
    bias = layer.bias + _half(shifts)
    if (np.abs(bias) > bounds.worst).any():
        raise ValueError("the bounds are not those of this layer: a bias with its rounding half lies outside them")
    return CsrLayer(
        values=_narrowest(layer.weights[rows, columns], np.int8, np.int16),
        columns=columns.astype(np.uint8 if layer.columns <= _BYTE_COLUMNS else np.uint16),
        lengths=_narrowest(np.bincount(rows, minlength=layer.rows), np.uint8, np.uint16),
        bias=_narrowest(bias, np.int8, np.int16, np.int32),
        shifts=shifts[:1] if len(set(shifts.tolist())) == 1 else shifts,
        width=layer.columns,
    )


def unpack(packed: CsrLayer) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The inverse of `pack`: weights int16 (rows, width), bias int32 (rows,), shifts int64 (rows,)."""
    weights = np.zeros((packed.rows, packed.width), np.int16)
    weights[np.repeat(np.arange(packed.rows), packed.lengths), packed.columns] = packed.values
    shifts = np.broadcast_to(packed.shifts, packed.rows).astype(np.int64)
    return weights, (packed.bias - _half(shifts)).astype(np.int32), shifts


def _half(shifts: np.ndarray) -> np.ndarray:
    return np.left_shift(np.int64(1), shifts.astype(np.int64)) >> 1


def _narrowest(values: np.ndarray, *types: type[np.integer]) -> np.ndarray:
    """`values` in the first of `types` that holds them all."""
    low, high = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    for dtype in types:
        limits = np.iinfo(dtype)
        if limits.min <= low and high <= limits.max:
            return values.astype(dtype)
    raise ValueError(f"values from {low} to {high} do not fit {np.dtype(types[-1])}")
