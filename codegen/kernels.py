"""Kernel variants by name: how the layers are packed and which template prints them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .bounds import LayerBounds
from .csr_c import csr_layers
from .policy import Policy
from .rows_c import rows_layers
from .straight_c import lanes_function, straight_function
from .stream_c import stream_step


@dataclass(frozen=True)
class Kernel:
    """A way to compute the layers.

    `template` (in templates/) defines `<name>_layers(const <name>_code_t *codes, int16_t *z)`; `layers` makes
    what the template reads from a name, a simplified policy and its proved bounds. A packing belongs to its
    kernel: nothing else may read it. `instruction_set` names the set (timing/instruction_sets.toml) that a core
    must have; kernels in C need none. `straight_line`: code grows with every weight, so that a large policy takes long
    to compile. `data_dependent`: the time depends on how many activations are zero; such a kernel is never chosen by
    price.
    """

    name: str
    template: str
    layers: Callable[[str, Policy, tuple[LayerBounds, ...]], object]
    instruction_set: str | None = None
    straight_line: bool = False
    data_dependent: bool = False


_ALL = (
    Kernel("csr", "csr.h.j2", csr_layers),
    Kernel("rows", "rows.h.j2", rows_layers),
    Kernel("stream", "stream.h.j2", stream_step),
    Kernel("straight", "straight.h.j2", straight_function, "armv7-m", straight_line=True),
    Kernel("lanes", "straight.h.j2", lanes_function, "dsp", straight_line=True),
)
KERNELS: dict[str, Kernel] = {kernel.name: kernel for kernel in _ALL}
