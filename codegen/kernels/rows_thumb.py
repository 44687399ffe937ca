"""Bucketed rows for Thumb-2 with saturation, as the template rows_thumb.h.j2 prints them.

Loads that follow each other overlap, so a row's code goes through groups of up to four products: four columns, four
weights, four values, four multiply-accumulates. Rows with one weight are taken in pairs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..policy import Linear
from .rows import QUAD, Bucket, RowsLayer

_COPIES = {1: 4, 2: 4, 3: 4} | dict.fromkeys(range(4, 13), 2)
_MIN_ROUNDS = 2
_VALUES = ("r5", "r6", "r7", "r8")
_WEIGHTS = ("r9", "r10", "r11", "r1")
_SUM, _SECOND_SUM = "r4", "r11"
_LOADS = {(8, True): "ldrsb", (8, False): "ldrb", (16, True): "ldrsh", (16, False): "ldrh", (32, True): "ldr"}


@dataclass(frozen=True)
class Group:
    """Instructions whose loads follow each other.

    Sums to load from the biases, (register, address) of columns and weights, (sum, value, weight) registers to
    multiply, and sums that are finished then. A value replaces its column.
    """

    begun: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    weights: tuple[tuple[str, str], ...]
    products: tuple[tuple[str, str, str], ...]
    finished: tuple[str, ...]


@dataclass(frozen=True)
class BucketLoop:
    """The loop over a bucket: `first` for a row left over, then `rounds` times all `copies` of `body`, the first time
    from the copy `entry` on."""

    length: int
    first: tuple[Group, ...]
    rounds: int
    copies: int
    entry: int
    body: tuple[Group, ...]


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
    quad: tuple[Group, ...]


def thumb_layer(layer: Linear, packed: RowsLayer, source_bits: int, source_signed: bool) -> ThumbLayer:
    """The assembly's parts for a packed layer whose inputs have `source_bits`."""
    entry_bytes = packed.entries.itemsize
    shift = f", asr #{packed.shift}" if packed.shift else ""
    return ThumbLayer(
        load_column=_LOADS[8 * entry_bytes, False],
        load_weight=_LOADS[8 * entry_bytes, True],
        load_value=_LOADS[source_bits, source_signed],
        value_index=", lsl #1" if source_bits == 16 else "",
        load_bias=_LOADS[8 * packed.bias.itemsize, True],
        bias_bytes=packed.bias.itemsize,
        entry_bytes=entry_bytes,
        saturate=f"{'usat' if layer.relu else 'ssat'} {{0}}, #{layer.output_bits}, {{0}}{shift}",
        store="strb" if layer.output_bits == 8 else "strh",
        output_bytes=layer.output_bits // 8,
        buckets=tuple(_loop(bucket, entry_bytes, packed.shift is not None) for bucket in packed.buckets),
        quad=tuple(replace(group, begun=(), finished=()) for group in _row(QUAD, entry_bytes)),
    )


def _loop(bucket: Bucket, entry_bytes: int, pairs: bool) -> BucketLoop:
    rows = 2 if pairs and bucket.length == 1 and bucket.rows > 1 else 1
    bodies = bucket.rows // rows
    copies = min(_COPIES.get(bucket.length, 1) // rows, max(1, bodies // _MIN_ROUNDS))
    rounds = -(-bodies // copies)
    return BucketLoop(
        length=bucket.length,
        first=_row(bucket.length, entry_bytes) if bucket.rows % rows else (),
        rounds=rounds,
        copies=copies,
        entry=rounds * copies - bodies,
        body=_pair(entry_bytes) if rows == 2 else _row(bucket.length, entry_bytes),
    )


def _row(length: int, entry_bytes: int) -> tuple[Group, ...]:
    """A row from its end, so that the last load is of its first entry and moves the pointer on to the next row."""
    starts = range((length - 1) // QUAD * QUAD, -1, -QUAD)
    groups = [_group(range(start, min(start + QUAD, length)), length, entry_bytes) for start in starts]
    groups[0] = replace(groups[0], begun=(_SUM,))
    groups[-1] = replace(groups[-1], finished=(_SUM,))
    return tuple(groups)


def _group(elements: range, length: int, entry_bytes: int) -> Group:
    registers = list(zip(reversed(elements), _VALUES, _WEIGHTS, strict=False))
    return Group(
        begun=(),
        columns=tuple((value, _address(length + element, entry_bytes)) for element, value, _ in registers),
        weights=tuple((weight, _address(element, entry_bytes, 2 * length)) for element, _, weight in registers),
        products=tuple((_SUM, value, weight) for _, value, weight in registers),
        finished=(),
    )


def _pair(entry_bytes: int) -> tuple[Group, ...]:
    """Two rows with one weight each: weight, column, weight, column."""
    (value0, value1, *_), (weight0, weight1, *_) = _VALUES, _WEIGHTS
    group = Group(
        begun=(_SUM, _SECOND_SUM),
        columns=((value1, _address(3, entry_bytes)), (value0, _address(1, entry_bytes))),
        weights=((weight1, _address(2, entry_bytes)), (weight0, _address(0, entry_bytes, 4))),
        products=((_SUM, value0, weight0), (_SECOND_SUM, value1, weight1)),
        finished=(_SUM, _SECOND_SUM),
    )
    return (group,)


def _address(entry: int, entry_bytes: int, step: int = 0) -> str:
    """The address of an entry; that of the first one is moved on by `step` entries."""
    return f"[r0, #{entry * entry_bytes}]" if entry else f"[r0], #{step * entry_bytes}"
