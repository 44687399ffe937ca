"""Dense layers for SMLAD, two products an instruction: rows in blocks of four, columns in quads, zeros included.

A block is its four biases, as narrow as the layer's fit, then for each quad of columns one word for each row, the
lowest byte first, and a word of four shifts where rows differ in it. SXTB16 makes pairs of 16-bit weights of a word's
even and odd bytes (Lai, Suda and Chandra, CMSIS-NN, 2018, section 4.1). Activations are signed there: unsigned 16-bit
codes are stored less 2**15, and 2**15 times the row's sum of weights is in its bias, modulo 2**32, which is exact since
the sum itself is proved to fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..policy import Linear
from .straight import half

BLOCK = QUAD = 4
OFFSET = 1 << 15
_MASK = 0xFFFF_FFFF
_BIAS_BYTES = 4


@dataclass(frozen=True, eq=False)
class DenseLayer:
    """One layer as the kernel reads it.

    `words` uint32: all blocks, each of which begins with `bias_bytes` (1, 2 or 4) words of biases; a row's quad is one
    word, two (columns 0 and 1, 2 and 3) where a weight has 16 bits, `wide`. `shift` is None where each block ends with
    its own.
    """

    words: np.ndarray
    blocks: int
    quads: int
    bias_bytes: int
    wide: bool
    shift: int | None


def pack(layer: Linear, input_offset: int) -> DenseLayer:
    """Pack a layer whose bounds are proved; its inputs are stored less `input_offset`."""
    blocks, quads = -(-layer.rows // BLOCK), -(-layer.columns // QUAD)
    weights = np.zeros((blocks * BLOCK, quads * QUAD), np.int64)
    weights[: layer.rows, : layer.columns] = layer.weights
    biases, shifts = np.zeros((2, blocks * BLOCK), np.int64)
    biases[: layer.rows] = layer.bias + half(layer) + input_offset * weights[: layer.rows].sum(axis=1)
    shifts[: layer.rows] = layer.shifts
    wide = bool((np.abs(weights + 0.5) > 128).any())
    alike = len(set(layer.shifts.tolist())) == 1
    bias_bytes = _bias_bytes(biases) if blocks > 1 else _BIAS_BYTES
    parts = [_bias_words(biases.reshape(blocks, BLOCK), bias_bytes), _words(weights, blocks, wide)]
    if not alike:
        parts.append(_bytes(shifts.reshape(blocks, 1, BLOCK)))
    words = np.concatenate([part.reshape(blocks, -1) for part in parts], axis=1)
    shift = int(layer.shifts[0]) if alike else None
    return DenseLayer(words.ravel().astype(np.uint32), blocks, quads, bias_bytes, wide, shift)


def unpack(packed: DenseLayer) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The inverse of `pack` as the kernel reads it, padding included: weights int64 (rows, columns), biases modulo
    2**32 with what was folded into them int64 (rows,), and shifts int64 (rows,)."""
    rows = packed.blocks * BLOCK
    words = packed.words.reshape(packed.blocks, -1).astype("<u4")
    start, end = packed.bias_bytes, packed.bias_bytes + packed.quads * BLOCK * (1 + packed.wide)
    biases = words[:, :start].copy().view(f"<i{packed.bias_bytes}").astype(np.int64).ravel() & _MASK
    halves = words[:, start:end].copy().view("<i2" if packed.wide else "<i1").astype(np.int64)
    weights = halves.reshape(packed.blocks, packed.quads, BLOCK, QUAD).transpose(0, 2, 1, 3).reshape(rows, -1)
    shifts = words[:, end:].copy().view("<u1").astype(np.int64).ravel() if packed.shift is None else packed.shift
    return weights, biases, np.broadcast_to(shifts, rows)


def _bias_bytes(biases: np.ndarray) -> int:
    """The fewest bytes that hold all `biases`, modulo 2**32 where they need all four. One block is not worth the code
    that widens them."""
    return next((n for n in (1, 2) if (np.abs(biases + 0.5) < 1 << (8 * n - 1)).all()), _BIAS_BYTES)


def _bias_words(biases: np.ndarray, count: int) -> np.ndarray:
    """Four biases of `count` bytes each in as many words, the first lowest: int64 (blocks, 4) to (blocks, count)."""
    if count == 1:
        return _bytes(biases)[:, None]
    return (biases[:, 0::2] & 0xFFFF) | (biases[:, 1::2] & 0xFFFF) << 16 if count == 2 else biases & _MASK


def _words(weights: np.ndarray, blocks: int, wide: bool) -> np.ndarray:
    quads = weights.reshape(blocks, BLOCK, -1, QUAD).transpose(0, 2, 1, 3)
    if not wide:
        return _bytes(quads)
    return (quads[..., 0::2] & 0xFFFF) | (quads[..., 1::2] & 0xFFFF) << 16


def _bytes(values: np.ndarray) -> np.ndarray:
    """Four bytes in a word, the first the lowest; values (..., 4)."""
    low = values & 0xFF
    return low[..., 0] | low[..., 1] << 8 | low[..., 2] << 16 | low[..., 3] << 24
