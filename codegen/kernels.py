"""Kernel variants by name: how the layers are packed and which template prints them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .bounds import LayerBounds
from .csr_c import csr_layers
from .policy import Policy


@dataclass(frozen=True)
class Kernel:
    """A way to compute the layers.

    `template` (in templates/) defines `<name>_layers(const <name>_code_t *codes, int16_t *z)`; `layers` makes
    what the template reads from a name, a simplified policy and its proved bounds. A packing belongs to its
    kernel: nothing else may read it.
    """

    name: str
    template: str
    layers: Callable[[str, Policy, tuple[LayerBounds, ...]], Sequence[object]]


_ALL = (Kernel("csr", "csr.h.j2", csr_layers),)
KERNELS: dict[str, Kernel] = {kernel.name: kernel for kernel in _ALL}
