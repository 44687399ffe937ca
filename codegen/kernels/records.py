"""What a decoder must know of each layer before it reads it: a byte for each field, where layers differ in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Records:
    """One record for each layer, a byte for each of `fields`, and `constants`, which all layers have in common."""

    fields: tuple[str, ...]
    constants: dict[str, int]
    content: bytes


def make_records(columns: Mapping[str, Sequence[int]], kept: Collection[str] = ()) -> Records:
    """Records of `columns`, {field: its value, 0 to 255, in each layer}; those in `kept` are fields in any case."""
    varying = {field: values for field, values in columns.items() if field in kept or len(set(values)) > 1}
    return Records(
        fields=tuple(varying),
        constants={field: values[0] for field, values in columns.items() if field not in varying},
        content=np.array(list(varying.values()), np.uint8).T.tobytes(),
    )
