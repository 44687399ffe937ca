"""A policy's stream as the template stream.h.j2 prints it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..bounds import LayerBounds
from ..c_text import CArray, c_array
from ..policy import Policy
from .records import make_records
from .rice import WINDOW_BITS
from .stream import DENSE, PackedStream, pack, sort_neurons

_MAX_FRAME_BYTES = 4088
_WORD_BYTES = 4
_FRAME_ALIGN_BYTES = 8


@dataclass(frozen=True)
class StreamStep:
    """The decoder's data as stream.h.j2 prints it, text or numbers to print as they are.

    `stream` begins with one record for each layer, a byte for each of `fields`; `constants` holds what all layers
    have in common. `last_record` and `codes_bit` are where the last record and the first code begin, in bytes and
    in bits behind that record. `inputs` is 0 where nothing depends on the observation. `dense`: the gap parameter that
    stands for no gaps, or None. `thumb`: whether the assembly decoder can do this policy.
    """

    stream: CArray
    fields: tuple[str, ...]
    constants: dict[str, int]
    layers: int
    inputs: int
    values: int
    frame_bytes: int
    last_record: int
    codes_bit: int
    start: int
    dense: int | None
    extras: bool
    hidden_bits: int
    thumb: bool


def stream_step(name: str, policy: Policy, bounds: tuple[LayerBounds, ...]) -> StreamStep:
    """The stream kernel's data; its code is a loop over all layers with rows left. `bounds` prove that the policy's
    sums fit int32, and sorting neurons does not change a sum."""
    packed = pack(sort_neurons(policy))
    columns = _columns(packed)
    records = make_records(columns, kept=("last_row",))
    values = policy.features + sum(layer.rows for layer in packed.layers)
    frame_bytes = -(-values * _WORD_BYTES // _FRAME_ALIGN_BYTES) * _FRAME_ALIGN_BYTES
    hidden_bits = {layer.bits for layer in packed.layers if layer.relu}
    fits = packed.longest_bits <= WINDOW_BITS and frame_bytes <= _MAX_FRAME_BYTES
    return StreamStep(
        stream=c_array(f"{name}_weights", np.frombuffer(records.content + packed.content, np.uint8)),
        fields=records.fields,
        constants=records.constants,
        layers=len(packed.layers),
        inputs=packed.layers[0].columns,
        values=values,
        frame_bytes=frame_bytes,
        last_record=len(records.content) - len(records.fields),
        codes_bit=8 * len(records.fields),
        start=packed.start,
        dense=DENSE if DENSE in columns["gap"] else None,
        extras="extra" in columns,
        hidden_bits=max(hidden_bits, default=16),
        thumb=fits and len(hidden_bits) <= 1 and not any(columns["last_row_high"]),
    )


def _columns(packed: PackedStream) -> dict[str, list[int]]:
    """{field: its value in each layer}; rows less one, since 256 rows are common and 0 impossible."""
    last_rows = [layer.rows - 1 for layer in packed.layers]
    columns = {"last_row": [row & 255 for row in last_rows], "last_row_high": [row >> 8 for row in last_rows]}
    for field in ("gap", "weight", "bias", "shift", "bits"):
        columns[field] = [getattr(layer, field) for layer in packed.layers]
    if packed.layers[0].extra is not None:
        columns["extra"] = [layer.extra for layer in packed.layers]
    return columns
