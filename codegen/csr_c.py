"""CSR layers as the template csr.h.j2 prints them."""

from __future__ import annotations

from dataclasses import dataclass

from .bounds import LayerBounds
from .c_text import CArray, c_array
from .csr import CsrLayer, pack
from .policy import Linear, Policy


@dataclass(frozen=True)
class CsrStep:
    """One layer as csr.h.j2 prints it: everything is text or a number to print as it is."""

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


def csr_layers(name: str, policy: Policy, bounds: tuple[LayerBounds, ...]) -> list[CsrStep]:
    """Steps of the CSR kernel, one for each layer with rows left."""
    steps, source, source_type = [], "codes", f"{name}_code_t"
    last = len(policy.layers) - 1
    for index, (layer, layer_bounds) in enumerate(zip(policy.layers, bounds, strict=True)):
        if not layer.rows:
            continue
        step = _csr_step(name, index, layer, pack(layer, layer_bounds), (source, source_type), index == last)
        steps.append(step)
        source, source_type = step.target, step.target_type
    return steps


def _csr_step(name: str, index: int, layer: Linear, packed: CsrLayer, source: tuple[str, str], last: bool) -> CsrStep:
    low, high = layer.output_range
    uniform = len(packed.shifts) == 1
    arrays = {"bias": c_array(f"{name}_bias{index}", packed.bias)}
    if len(packed.values):
        arrays["weights"] = c_array(f"{name}_weights{index}", packed.values)
        arrays["columns"] = c_array(f"{name}_columns{index}", packed.columns)
        arrays["rows"] = c_array(f"{name}_rows{index}", packed.lengths)
    if not uniform:
        arrays["shifts"] = c_array(f"{name}_shifts{index}", packed.shifts)
    return CsrStep(
        index=index,
        rows=packed.rows,
        inputs=packed.width,
        nonzeros=len(packed.values),
        low=low,
        high=high,
        source=source[0],
        source_type=source[1],
        target="z" if last else f"hidden{index}",
        target_type=f"uint{layer.output_bits}_t" if layer.relu else "int16_t",
        shift=int(packed.shifts[0]) if uniform else None,
        arrays=arrays,
    )
