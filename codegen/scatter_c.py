"""Scattered layers as the template scatter.h.j2 prints them."""

from __future__ import annotations

from dataclasses import dataclass

from .bounds import LayerBounds
from .c_text import CArray, c_array
from .policy import Linear, Policy
from .scatter import ScatterLayer, pack


@dataclass(frozen=True)
class ScatterStep:
    """One layer as scatter.h.j2 prints it: everything is text or a number to print as it is."""

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


def scatter_layers(name: str, policy: Policy, bounds: tuple[LayerBounds, ...]) -> list[ScatterStep]:
    """Steps of the kernel, one for each layer with rows left."""
    steps, source = [], ("codes", f"{name}_code_t")
    for index, (layer, layer_bounds) in enumerate(zip(policy.layers, bounds, strict=True)):
        if layer.rows:
            steps.append(_step(name, index, layer, pack(layer, layer_bounds), source))
            source = steps[-1].target, steps[-1].target_type
    return steps


def _step(name: str, index: int, layer: Linear, packed: ScatterLayer, source: tuple[str, str]) -> ScatterStep:
    low, high = layer.output_range
    arrays = {"bias": c_array(f"{name}_bias{index}", packed.bias)}
    if len(packed.values):
        arrays["weights"] = c_array(f"{name}_weights{index}", packed.values)
        arrays["rows"] = c_array(f"{name}_rows{index}", packed.rows)
        arrays["columns"] = c_array(f"{name}_columns{index}", packed.lengths)
    alike = len(packed.shifts) == 1
    if not alike:
        arrays["shifts"] = c_array(f"{name}_shifts{index}", packed.shifts)
    return ScatterStep(
        index=index,
        rows=layer.rows,
        inputs=layer.columns,
        nonzeros=len(packed.values),
        low=low,
        high=high,
        source=source[0],
        source_type=source[1],
        target=f"hidden{index}" if layer.relu else "z",
        target_type=f"uint{layer.output_bits}_t" if layer.relu else "int16_t",
        shift=int(packed.shifts[0]) if alike else None,
        arrays=arrays,
    )
