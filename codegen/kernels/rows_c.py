"""Bucketed rows as the templates rows.h.j2 (portable C) and rows_thumb.h.j2 (assembly) print them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..bounds import LayerBounds
from ..c_text import CArray, c_array
from ..policy import Linear, Policy
from .rows import Bucket, RowsLayer, pack, row_order, sort_rows
from .rows_thumb import ThumbLayer, thumb_layer

_MAX_FRAME_BYTES = 4088
_FRAME_ALIGN_BYTES = 8


@dataclass(frozen=True)
class RowsStep:
    """One layer as the templates print it, text or numbers to print as they are.

    `source_offset` and `target_offset` say where in the assembly's stack frame its inputs and outputs are, None for
    the codes and z; `frame_bytes` is the whole frame, or None where instructions cannot reach all of it.
    """

    index: int
    rows: int
    nonzeros: int
    low: int
    high: int
    source: str
    source_type: str
    target: str
    target_type: str
    shift: int | None
    entries: CArray
    weight_type: str
    bias: CArray
    buckets: tuple[Bucket, ...]
    quad_rows: int
    thumb: ThumbLayer
    source_offset: int | None
    target_offset: int | None
    frame_bytes: int | None


def rows_layers(name: str, policy: Policy, bounds: tuple[LayerBounds, ...]) -> list[RowsStep]:
    """Steps of the kernel, one for each layer with rows left. `bounds` are those of the rows before they are sorted."""
    ordered = sort_rows(policy)
    orders = [row_order(layer) for layer in policy.layers[:-1]]
    proved = [*(own.reordered(order) for own, order in zip(bounds, orders, strict=False)), bounds[-1]]
    live = [index for index, layer in enumerate(ordered.layers) if layer.rows]
    sizes = [_aligned(ordered.layers[index].rows * ordered.layers[index].output_bits // 8, 4) for index in live]
    offsets = [None, *np.cumsum([0, *sizes[:-1]]).tolist()[:-1], None] if len(live) > 1 else [None, None]
    frame_bytes = _aligned(sum(sizes[:-1]), _FRAME_ALIGN_BYTES)
    steps, source, bits = [], ("codes", f"{name}_code_t"), policy.observation.bits
    signed = policy.observation.code_range[0] < 0
    for place, index in enumerate(live):
        layer = ordered.layers[index]
        packed = pack(layer, proved[index])
        steps.append(
            _step(
                (name, index), layer, packed, source, thumb_layer(layer, packed, bits, signed),
                (offsets[place], offsets[place + 1], frame_bytes if frame_bytes <= _MAX_FRAME_BYTES else None),
            )
        )  # fmt: skip
        source, bits, signed = (steps[-1].target, steps[-1].target_type), layer.output_bits, False
    return steps


def _step(
    array: tuple[str, int], layer: Linear, packed: RowsLayer, source: tuple[str, str], thumb: ThumbLayer,
    frame: tuple[int | None, int | None, int | None],
) -> RowsStep:  # fmt: skip
    name, index = array
    low, high = layer.output_range
    return RowsStep(
        index=index,
        rows=layer.rows,
        nonzeros=layer.nonzeros,
        low=low,
        high=high,
        source=source[0],
        source_type=source[1],
        target="z" if frame[1] is None else f"hidden{index}",
        target_type=f"uint{layer.output_bits}_t" if layer.relu else "int16_t",
        shift=packed.shift,
        entries=c_array(f"{name}_weights{index}", packed.entries),
        weight_type=f"int{8 * packed.entries.itemsize}_t",
        bias=c_array(f"{name}_bias{index}", packed.bias),
        buckets=packed.buckets,
        quad_rows=packed.quad_rows,
        thumb=thumb,
        source_offset=frame[0],
        target_offset=frame[1],
        frame_bytes=frame[2],
    )


def _aligned(count: int, alignment: int) -> int:
    return -(-count // alignment) * alignment
