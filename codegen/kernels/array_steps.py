"""Layers as loops over arrays, for templates that print one array of weights and the indices beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..bounds import LayerBounds
from ..c_text import CArray, c_array
from ..policy import Linear, Policy


@dataclass(frozen=True)
class ArrayStep:
    """One layer as a template prints it: everything is text or a number to print as it is."""

    index: int
    rows: int
    inputs: int
    nonzeros: int
    low: int
    high: int
    source: str
    source_type: str
    target: str
    target_type: str
    shift: int | None
    arrays: dict[str, CArray]


def array_steps(
    name: str,
    policy: Policy,
    bounds: tuple[LayerBounds, ...],
    pack: Callable[[Linear, LayerBounds], Any],
    arrays: Mapping[str, str],
) -> list[ArrayStep]:
    """Steps of a kernel, one for each layer with rows left. What `pack` makes has `bias`, `values` and `shifts` (one or
    one for each row), and the attributes that `arrays` names by the array that they become."""
    steps, source, last = [], ("codes", f"{name}_code_t"), len(policy.layers) - 1
    for index, (layer, layer_bounds) in enumerate(zip(policy.layers, bounds, strict=True)):
        if layer.rows:
            packed = pack(layer, layer_bounds)
            steps.append(_step(index, layer, packed, source, index == last, _arrays(name, index, packed, arrays)))
            source = steps[-1].target, steps[-1].target_type
    return steps


def _arrays(name: str, index: int, packed: Any, arrays: Mapping[str, str]) -> dict[str, CArray]:
    found = {"bias": packed.bias}
    if len(packed.values):
        found |= {array: getattr(packed, attribute) for array, attribute in arrays.items()}
    if len(packed.shifts) > 1:
        found["shifts"] = packed.shifts
    return {array: c_array(f"{name}_{array}{index}", values) for array, values in found.items()}


def _step(
    index: int, layer: Linear, packed: Any, source: tuple[str, str], last: bool, arrays: dict[str, CArray]
) -> ArrayStep:
    low, high = layer.output_range
    return ArrayStep(
        index=index,
        rows=layer.rows,
        inputs=layer.columns,
        nonzeros=len(packed.values),
        low=low,
        high=high,
        source=source[0],
        source_type=source[1],
        target="z" if last else f"hidden{index}",
        target_type=f"uint{layer.output_bits}_t" if layer.relu else "int16_t",
        shift=None if "shifts" in arrays else int(packed.shifts[0]),
        arrays=arrays,
    )
