"""Kernel variants by name: how the layers are packed and which template prints them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..bounds import LayerBounds
from ..policy import Linear, Policy
from .csr_c import csr_layers
from .dense_c import dense_layers
from .packed_c import byte_layers, packed_layers
from .rows import row_order
from .rows_c import rows_layers
from .scatter_c import scatter_layers
from .straight_c import lanes_function, shifts_function, straight_function, straight_v6m_function
from .stream import bias_order
from .stream_c import stream_step


@dataclass(frozen=True)
class Kernel:
    """A way to compute the layers.

    `template` (in templates/) defines `<name>_layers(const <name>_code_t *codes, int16_t *z)`; `layers` makes
    what the template reads from a name, a simplified policy and its proved bounds. A packing belongs to its
    kernel: nothing else may read it. `instruction_set` names the set (timing/instruction_sets.toml) that a core
    must have; kernels in C need none. `constant_time` is False where cycles depend on the observation: such a kernel is
    never chosen unless it is asked for by name. `straight_line`: the code grows with every weight, so that a large
    policy takes long to compile. `superseded_by` is a kernel that is better wherever a core runs both. `in_parts`:
    whether it can compute some of a policy's layers only (parts.py), and `order`, where there is one, is the order in
    which it then wants a hidden layer's rows. `head_inside`: where it defines the macro `<NAME>_HEAD_INSIDE`, its
    layers end in the action codes of a head that is not argmax.
    """

    name: str
    template: str
    layers: Callable[[str, Policy, tuple[LayerBounds, ...]], object]
    instruction_set: str | None = None
    constant_time: bool = True
    straight_line: bool = False
    superseded_by: str | None = None
    in_parts: bool = False
    order: Callable[[Linear], np.ndarray] | None = None
    head_inside: bool = False


_ALL = (
    Kernel("csr", "csr.h.j2", csr_layers, in_parts=True),
    Kernel("rows", "rows.h.j2", rows_layers, in_parts=True, order=row_order),
    Kernel("dense", "dense.h.j2", dense_layers, in_parts=True),
    Kernel("bytes", "packed.h.j2", byte_layers, in_parts=True, order=bias_order),
    Kernel("packed", "packed.h.j2", packed_layers, in_parts=True, order=bias_order),
    Kernel("stream", "stream.h.j2", stream_step, head_inside=True),
    Kernel("scatter", "scatter.h.j2", scatter_layers, constant_time=False),
    Kernel("straight", "straight.h.j2", straight_function, "armv7-m", straight_line=True, in_parts=True),
    Kernel(
        "shifts", "straight.h.j2", shifts_function, "armv7-m", straight_line=True, superseded_by="lanes", in_parts=True
    ),
    Kernel(
        "straight-v6m", "straight.h.j2", straight_v6m_function, "armv6-m", straight_line=True, superseded_by="straight"
    ),
    Kernel("lanes", "straight.h.j2", lanes_function, "dsp", straight_line=True, in_parts=True),
)
KERNELS: dict[str, Kernel] = {kernel.name: kernel for kernel in _ALL}
