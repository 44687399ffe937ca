"""Bucketed rows for Thumb-2 with saturation, as the template rows_thumb.h.j2 prints them.

Loads that follow each other overlap, so a row's code goes through groups of up to four products: four columns, four
weights, four values, four multiply-accumulates.
"""

from __future__ import annotations

from dataclasses import dataclass

from .policy import Linear
from .rows import QUAD, Bucket, RowsLayer

UNROLLED_LENGTH = 6
UNROLLED_ROWS = 4
_VALUES = ("r5", "r6", "r7", "r8")
_WEIGHTS = ("r9", "r10", "r11", "r1")
_LOADS = {(8, True): "ldrsb", (8, False): "ldrb", (16, True): "ldrsh", (16, False): "ldrh", (32, True): "ldr"}


@dataclass(frozen=True)
class Group:
    """Products whose loads follow each other: (register, address) of columns and weights, and the (value, weight)
    registers to multiply. A value replaces its column."""

    columns: tuple[tuple[str, str], ...]
    weights: tuple[tuple[str, str], ...]
    products: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class BucketLoop:
    """The loop over a bucket: `copies` of a row's code, entered at the second where `odd`."""

    length: int
    rounds: int
    copies: int
    odd: bool
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class ThumbLayer:
    """A layer's mnemonics and operands."""

    load_column: str
    load_weight: str
    load_value: str
    value_index: str
    load_bias: str
    bias_bytes: int
    entry_bytes: int
    saturate: str
    store: str
    output_bytes: int
    buckets: tuple[BucketLoop, ...]
    quad: Group


def thumb_layer(layer: Linear, packed: RowsLayer, source_bits: int, source_signed: bool) -> ThumbLayer:
    """The assembly's parts for a packed layer whose inputs have `source_bits`."""
    entry_bytes = packed.entries.itemsize
    saturate = f"{'usat' if layer.relu else 'ssat'} r4, #{layer.output_bits}, r4"
    return ThumbLayer(
        load_column=_LOADS[8 * entry_bytes, False],
        load_weight=_LOADS[8 * entry_bytes, True],
        load_value=_LOADS[source_bits, source_signed],
        value_index=", lsl #1" if source_bits == 16 else "",
        load_bias=_LOADS[8 * packed.bias.itemsize, True],
        bias_bytes=packed.bias.itemsize,
        entry_bytes=entry_bytes,
        saturate=f"{saturate}, asr #{packed.shift}" if packed.shift else saturate,
        store="strb" if layer.output_bits == 8 else "strh",
        output_bytes=layer.output_bits // 8,
        buckets=tuple(_loop(bucket, entry_bytes) for bucket in packed.buckets),
        quad=_groups(QUAD, entry_bytes)[0],
    )


def _loop(bucket: Bucket, entry_bytes: int) -> BucketLoop:
    copies = 2 if bucket.length <= UNROLLED_LENGTH and bucket.rows >= UNROLLED_ROWS else 1
    rounds = -(-bucket.rows // copies)
    return BucketLoop(bucket.length, rounds, copies, rounds * copies > bucket.rows, _groups(bucket.length, entry_bytes))


def _groups(length: int, entry_bytes: int) -> tuple[Group, ...]:
    """A row from its end, so that the last load is of its first entry and moves the pointer on to the next row."""
    starts = range((length - 1) // QUAD * QUAD, -1, -QUAD)
    return tuple(_group(range(start, min(start + QUAD, length)), length, entry_bytes) for start in starts)


def _group(elements: range, length: int, entry_bytes: int) -> Group:
    def address(entry: int) -> str:
        return f"[r0, #{entry * entry_bytes}]" if entry else f"[r0], #{2 * length * entry_bytes}"

    registers = list(zip(reversed(elements), _VALUES, _WEIGHTS, strict=False))
    return Group(
        columns=tuple((value, address(length + element)) for element, value, _ in registers),
        weights=tuple((weight, address(element)) for element, _, weight in registers),
        products=tuple((value, weight) for _, value, weight in registers),
    )
