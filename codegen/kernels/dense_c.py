"""Dense layers as the templates dense.h.j2 (portable C) and dense_thumb.h.j2 (assembly) print them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..bounds import LayerBounds
from ..c_text import CArray, c_array
from ..policy import Linear, Policy
from .dense import BLOCK, OFFSET, QUAD, DenseLayer, pack

_BUFFER_BYTES = 2
_POINTER_BYTES = 8
_MAX_FRAME_BYTES = 4088
_MAX_COPIES = 4


@dataclass(frozen=True)
class DenseStep:
    """One layer as the templates print it, text or numbers to print as they are.

    Biases have `bias_bytes`. `low` and `high` are the codes' range, `offset` what is subtracted from a code that is
    stored for the next step; the `last` one's are not. `unsigned`: no code is below 0. `source_offset`,
    `target_offset` and `target_end` say where in the assembly's frame its inputs and outputs are. Its loop over quads
    runs `rounds` times through `copies` of the body, the first time from the copy `entry` on.
    """

    index: int
    rows: int
    padded_rows: int
    quads: int
    bias_bytes: int
    wide: bool
    last: bool
    unsigned: bool
    bits: int
    low: int
    high: int
    offset: int
    shift: int | None
    source_offset: int
    target_offset: int
    target_end: int
    rounds: int
    copies: int
    entry: int


@dataclass(frozen=True)
class DenseLayers:
    """All layers with rows left. `inputs` is 0 where nothing depends on what comes in, else its length; it is padded
    to `padded_inputs`, each read by the instruction `load` and stored less `input_offset`. `thumb`: whether the
    assembly can do this policy."""

    words: CArray
    steps: tuple[DenseStep, ...]
    inputs: int
    padded_inputs: int
    load: str
    input_offset: int
    frame_bytes: int
    thumb: bool


def dense_layers(name: str, policy: Policy, bounds: Sequence[LayerBounds]) -> DenseLayers:
    """The dense kernel's data. `bounds` prove that the finished sums fit int32; modulo 2**32, any order is exact."""
    layers = [layer for layer in policy.layers if layer.rows]
    signed = policy.observation.code_range[0] < 0
    offsets = [
        0 if signed else _offset(policy.observation.bits),
        *(_offset(layer.output_bits) for layer in layers[:-1]),
    ]
    packed = [pack(layer, offset) for layer, offset in zip(layers, offsets, strict=True)]
    padded_inputs = packed[0].quads * QUAD
    starts = np.cumsum(
        [_POINTER_BYTES, *(_BUFFER_BYTES * width for width in (padded_inputs, *_padded(packed)))]
    ).tolist()
    steps = tuple(
        _step(index, layer, packed[index], offset, starts[index : index + 3])
        for index, (layer, offset) in enumerate(zip(layers, [*offsets[1:], None], strict=True))
    )
    return DenseLayers(
        words=c_array(f"{name}_weights", np.concatenate([layer.words for layer in packed]), hexadecimal=True),
        steps=steps,
        inputs=layers[0].columns,
        padded_inputs=padded_inputs,
        load=f"ldr{'s' if signed else ''}{'b' if policy.observation.bits == 8 else 'h'}",
        input_offset=offsets[0],
        frame_bytes=starts[-1],
        thumb=starts[-1] <= _MAX_FRAME_BYTES and not any(layer.wide for layer in packed),
    )


def _padded(packed: Sequence[DenseLayer]) -> list[int]:
    return [layer.blocks * BLOCK for layer in packed]


def _offset(bits: int) -> int:
    """What makes unsigned codes of `bits` signed 16-bit numbers."""
    return OFFSET if bits == 16 else 0


def _step(index: int, layer: Linear, packed: DenseLayer, offset: int | None, starts: Sequence[int]) -> DenseStep:
    low, high = layer.output_range
    copies = min(_MAX_COPIES, packed.quads)
    rounds = -(-packed.quads // copies) if copies else 0
    return DenseStep(
        index=index,
        rows=layer.rows,
        padded_rows=packed.blocks * BLOCK,
        quads=packed.quads,
        bias_bytes=packed.bias_bytes,
        wide=packed.wide,
        last=offset is None,
        unsigned=layer.relu,
        bits=layer.output_bits,
        low=low,
        high=high,
        offset=offset or 0,
        shift=packed.shift,
        source_offset=starts[0],
        target_offset=starts[1],
        target_end=starts[2],
        rounds=rounds,
        copies=copies,
        entry=rounds * copies - packed.quads,
    )
