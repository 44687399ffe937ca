"""Packed layers as the template packed.h.j2 prints them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..bounds import LayerBounds
from ..c_text import CArray, c_array
from ..parts import output_type
from ..policy import Linear, Policy
from .packed import PackedLayer, pack
from .stream import sort_neurons

_NEAR_BITS, _NEAR_BYTES, _FAR_BYTES = 25, 4, 5


@dataclass(frozen=True)
class PackedLayers:
    """`steps`, one for each layer with rows left, and the codebook that they share, if any. `near`, `far` and
    `aligned`: whether there are layers of bit fields in four bytes, in five, and of whole bytes."""

    steps: tuple[PackedStep, ...]
    codebook: CArray | None
    near: bool
    far: bool
    aligned: bool


@dataclass(frozen=True)
class PackedStep:
    """One layer as packed.h.j2 prints it, text or numbers to print as they are; `packed` tells the widths.

    `content` is None where there is nothing to read. `far`: whether a field, or a weight with its distance, can lie in
    five bytes. `sign` is the sign bit of a weight.
    """

    index: int
    packed: PackedLayer
    content: CArray | None
    source: str
    source_type: str
    target: str
    target_type: str
    low: int
    high: int
    far: bool
    entry_bits: int
    weight_mask: int
    sign: int


def packed_layers(name: str, policy: Policy, bounds: tuple[LayerBounds, ...], unit_bits: int = 1) -> PackedLayers:
    """The packed kernel's data, one step for each layer with rows left, with widths in multiples of `unit_bits`.
    `bounds` prove that the policy's sums fit int32, and sorting neurons does not change a sum."""
    live = [layer for layer in sort_neurons(policy).layers if layer.rows]
    steps: list[PackedStep] = []
    for index, packed in enumerate(pack(live, unit_bits)):
        source = (steps[-1].target, steps[-1].target_type) if steps else ("codes", f"{name}_code_t")
        target = "z" if index == len(live) - 1 else f"hidden{index}"
        steps.append(_step(name, index, live[index], packed, source, target))
    unaligned = [step for step in steps if not step.packed.aligned]
    return PackedLayers(
        steps=tuple(steps),
        codebook=_codebook(name, steps),
        near=not all(step.far for step in unaligned),
        far=any(step.far for step in unaligned),
        aligned=len(unaligned) < len(steps),
    )


byte_layers = partial(packed_layers, unit_bits=8)


def _step(
    name: str, index: int, layer: Linear, packed: PackedLayer, source: tuple[str, str], target: str
) -> PackedStep:
    low, high = layer.output_range
    entry_bits = packed.weight_bits + packed.distance.bits
    far = max(entry_bits, packed.step.bits) > _NEAR_BITS
    padding = 0 if packed.aligned else _FAR_BYTES if far else _NEAR_BYTES
    content = np.frombuffer(packed.content + bytes(padding), np.uint8)
    return PackedStep(
        index=index,
        packed=packed,
        content=c_array(f"{name}_weights{index}", content) if len(content) else None,
        source=source[0],
        source_type=source[1],
        target=target,
        target_type=output_type(layer),
        low=low,
        high=high,
        far=far,
        entry_bits=entry_bits,
        weight_mask=(1 << packed.weight_bits) - 1,
        sign=1 << packed.weight_bits >> 1,
    )


def _codebook(name: str, steps: Sequence[PackedStep]) -> CArray | None:
    """The table of values that layers share."""
    for step in steps:
        if step.packed.codebook:
            values = step.packed.codebook
            narrow = -128 <= values[0] and values[-1] < 128
            return c_array(f"{name}_codebook", np.array(values, np.int8 if narrow else np.int16))
    return None
