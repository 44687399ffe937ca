"""A policy's stream as the template stream.h.j2 prints it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .bounds import LayerBounds
from .c_text import CArray, c_array, c_type
from .policy import Policy
from .stream import DENSE, PackedStream, pack, sort_neurons


@dataclass(frozen=True)
class StreamStep:
    """The decoder's data as stream.h.j2 prints it, text or numbers to print as they are.

    `fields` are the members of a layer's record and `records` their values, one text for each layer; `constants`
    holds what all layers have in common. `inputs` is 0 where nothing depends on the observation, `dense` the gap
    parameter that stands for none, or None where every layer has gaps.
    """

    stream: CArray
    fields: tuple[str, ...]
    field_type: str
    records: tuple[str, ...]
    constants: dict[str, int]
    layers: int
    inputs: int
    values: int
    start: int
    dense: int | None
    extras: bool


def stream_layers(name: str, policy: Policy, bounds: tuple[LayerBounds, ...]) -> list[StreamStep]:
    """The one step of the stream kernel: a loop over all layers with rows left. `bounds` prove that the policy's
    sums fit int32, and sorting neurons does not change a sum."""
    packed = pack(sort_neurons(policy))
    columns = _columns(packed)
    varying = {field: values for field, values in columns.items() if field == "last_row" or len(set(values)) > 1}
    records = list(zip(*varying.values(), strict=True))
    return [
        StreamStep(
            stream=c_array(f"{name}_weights", np.frombuffer(packed.content, np.uint8)),
            fields=tuple(varying),
            field_type=c_type(np.min_scalar_type(max(map(max, records)))),
            records=tuple(", ".join(map(str, record)) for record in records),
            constants={field: values[0] for field, values in columns.items() if field not in varying},
            layers=len(packed.layers),
            inputs=packed.layers[0].columns,
            values=policy.features + sum(layer.rows for layer in packed.layers),
            start=packed.start,
            dense=DENSE if DENSE in columns["gap"] else None,
            extras="extra" in columns,
        )
    ]


def _columns(packed: PackedStream) -> dict[str, list[int]]:
    """{field: its value in each layer}; rows less one, since 256 rows are common and 0 impossible."""
    columns = {"last_row": [layer.rows - 1 for layer in packed.layers]}
    for field in ("gap", "weight", "bias", "shift", "bits"):
        columns[field] = [getattr(layer, field) for layer in packed.layers]
    if packed.layers[0].extra is not None:
        columns["extra"] = [layer.extra or 0 for layer in packed.layers]
    return columns
